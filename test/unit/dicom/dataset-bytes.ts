/** Writes datasets byte by byte for the tests, apart from the code that is tested. */
import { TransferSyntaxes, type TransferSyntax } from '../../../src/dicom/index.js';

export const ELE = TransferSyntaxes.ExplicitVrLittleEndian;
export const ILE = TransferSyntaxes.ImplicitVrLittleEndian;
export const EBE = TransferSyntaxes.ExplicitVrBigEndian;

const LONG = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);

export const UNDEFINED = 0xffffffff;

const u16 = (value: number, syntax: TransferSyntax): Buffer => {
  const bytes = Buffer.alloc(2);
  if (syntax.byteOrder === 'little') bytes.writeUInt16LE(value);
  else bytes.writeUInt16BE(value);
  return bytes;
};

export const u32 = (value: number, syntax: TransferSyntax = ELE): Buffer => {
  const bytes = Buffer.alloc(4);
  if (syntax.byteOrder === 'little') bytes.writeUInt32LE(value);
  else bytes.writeUInt32BE(value);
  return bytes;
};

export const us = (value: number, syntax: TransferSyntax = ELE): Buffer => u16(value, syntax);

const tagBytes = (tag: number, syntax: TransferSyntax): Buffer =>
  Buffer.concat([u16(tag >>> 16, syntax), u16(tag & 0xffff, syntax)]);

/** A header whose length is what it is told. */
export function header(tag: number, vr: string, length: number, syntax: TransferSyntax = ELE): Buffer {
  const tagged = tagBytes(tag, syntax);
  if (syntax.vr === 'implicit' || tag >>> 16 === 0xfffe) return Buffer.concat([tagged, u32(length, syntax)]);
  const name = Buffer.from(vr, 'latin1');
  if (LONG.has(vr)) return Buffer.concat([tagged, name, Buffer.alloc(2), u32(length, syntax)]);
  return Buffer.concat([tagged, name, u16(length, syntax)]);
}

export function element(
  tag: number,
  vr: string,
  value: Buffer | string,
  syntax: TransferSyntax = ELE,
): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  return Buffer.concat([header(tag, vr, bytes.length, syntax), bytes]);
}

export type Lengths = 'defined' | 'undefined';

export function item(content: Buffer, lengths: Lengths = 'defined', syntax: TransferSyntax = ELE): Buffer {
  return lengths === 'defined'
    ? element(0xfffee000, '', content, syntax)
    : Buffer.concat([header(0xfffee000, '', UNDEFINED, syntax), content, header(0xfffee00d, '', 0, syntax)]);
}

export function sequence(
  tag: number,
  items: readonly Buffer[],
  lengths: Lengths = 'defined',
  syntax: TransferSyntax = ELE,
): Buffer {
  const content = Buffer.concat(items);
  return lengths === 'defined'
    ? element(tag, 'SQ', content, syntax)
    : Buffer.concat([header(tag, 'SQ', UNDEFINED, syntax), content, header(0xfffee0dd, '', 0, syntax)]);
}

export function encapsulated(
  table: readonly number[],
  fragments: readonly Buffer[],
  delimiter = true,
): Buffer {
  return Buffer.concat([
    header(0x7fe00010, 'OB', UNDEFINED),
    element(0xfffee000, '', Buffer.concat(table.map((offset) => u32(offset)))),
    ...fragments.map((fragment) => element(0xfffee000, '', fragment)),
    ...(delimiter ? [header(0xfffee0dd, '', 0)] : []),
  ]);
}

/** `bytes` cut into pieces of the sizes given, over and over. */
export function* pieces(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    // A copy that is overwritten shows who keeps what is not theirs.
    const piece = Buffer.from(bytes.subarray(at, at + size));
    yield piece;
    piece.fill(0xee);
    at += size;
  }
}

export async function* stream(bytes: Buffer, sizes: readonly number[] = [4096]): AsyncGenerator<Buffer> {
  for (const piece of pieces(bytes, sizes)) {
    await Promise.resolve();
    yield piece;
  }
}

export async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk));
  return Buffer.concat(all);
}

/** A source of the bytes given, read in pieces of 7 bytes. */
export function sourceOf(bytes: Buffer): {
  readonly size: number;
  read(start?: number, end?: number): AsyncIterable<Buffer>;
} {
  return {
    size: bytes.length,
    read: (start = 0, end = bytes.length) => stream(bytes.subarray(start, end), [7]),
  };
}
