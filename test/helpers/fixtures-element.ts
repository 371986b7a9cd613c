/**
 * Data elements as bytes, written from PS3.5 section 7 alone: tests that read what `src/dicom` writes, or write what it
 * reads, must not share its mistakes.
 */

/** How elements are laid out. */
export interface Layout {
  readonly vr: 'implicit' | 'explicit';
  readonly byteOrder: 'little' | 'big';
}

export const implicitLittle: Layout = { vr: 'implicit', byteOrder: 'little' };
export const explicitLittle: Layout = { vr: 'explicit', byteOrder: 'little' };
export const explicitBig: Layout = { vr: 'explicit', byteOrder: 'big' };

/** Part of a dataset, written once it is known how. */
export type Write = (layout: Layout) => Buffer;

/** VRs whose explicit length field has 32 bits. @see PS3.5 Table 7.1-1 */
const longVrs = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
/** Bytes of one number of a binary VR. */
const wordLengths: Readonly<Record<string, number>> = {
  AT: 2,
  FD: 8,
  FL: 4,
  OD: 8,
  OF: 4,
  OL: 4,
  OV: 8,
  OW: 2,
  SL: 4,
  SS: 2,
  SV: 8,
  UL: 4,
  US: 2,
  UV: 8,
};
const UNDEFINED_LENGTH = 0xffffffff;

function uint16(value: number, { byteOrder }: Layout): Buffer {
  const bytes = Buffer.alloc(2);
  if (byteOrder === 'little') bytes.writeUInt16LE(value);
  else bytes.writeUInt16BE(value);
  return bytes;
}

function uint32(value: number, { byteOrder }: Layout): Buffer {
  const bytes = Buffer.alloc(4);
  if (byteOrder === 'little') bytes.writeUInt32LE(value);
  else bytes.writeUInt32BE(value);
  return bytes;
}

function tagBytes(tag: number, layout: Layout): Buffer {
  return Buffer.concat([uint16(tag >>> 16, layout), uint16(tag & 0xffff, layout)]);
}

/** Tag, VR and any length, right or wrong. */
export function header(tag: number, vr: string, length: number): Write {
  return (layout) => {
    const start = tagBytes(tag, layout);
    if (layout.vr === 'implicit') return Buffer.concat([start, uint32(length, layout)]);
    const name = Buffer.from(vr, 'latin1');
    return longVrs.has(vr)
      ? Buffer.concat([start, name, Buffer.alloc(2), uint32(length, layout)])
      : Buffer.concat([start, name, uint16(length, layout)]);
  };
}

/** Little endian words of a binary VR in the byte order asked for. */
function ordered(vr: string, value: Buffer, { byteOrder }: Layout): Buffer {
  const length = wordLengths[vr] ?? 1;
  if (byteOrder === 'little' || length === 1) return value;
  const copy = Buffer.from(value);
  if (length === 2) return copy.swap16();
  return length === 4 ? copy.swap32() : copy.swap64();
}

function padded(vr: string, value: Buffer): Buffer {
  if (value.length % 2 === 0) return value;
  const binary = vr === 'UI' || vr === 'UN' || vr in wordLengths || vr === 'OB';
  return Buffer.concat([value, Buffer.from([binary ? 0x00 : 0x20])]);
}

/**
 * An element with a value: text (Latin-1, or whatever bytes it is given) or little endian bytes; padded to even length.
 */
export function element(tag: number, vr: string, value: string | Buffer = ''): Write {
  const bytes = padded(vr, typeof value === 'string' ? Buffer.from(value, 'latin1') : value);
  return (layout) => Buffer.concat([header(tag, vr, bytes.length)(layout), ordered(vr, bytes, layout)]);
}

/** An element whose value is written as it is, odd length and all. */
export function rawElement(tag: number, vr: string, value: Buffer): Write {
  return (layout) => Buffer.concat([header(tag, vr, value.length)(layout), value]);
}

const numberWriters: Readonly<Record<string, (value: number) => Buffer>> = {
  US: (value) => words(2, (bytes) => bytes.writeUInt16LE(value)),
  SS: (value) => words(2, (bytes) => bytes.writeInt16LE(value)),
  UL: (value) => words(4, (bytes) => bytes.writeUInt32LE(value)),
  SL: (value) => words(4, (bytes) => bytes.writeInt32LE(value)),
  FL: (value) => words(4, (bytes) => bytes.writeFloatLE(value)),
  FD: (value) => words(8, (bytes) => bytes.writeDoubleLE(value)),
  SV: (value) => words(8, (bytes) => bytes.writeBigInt64LE(BigInt(value))),
  UV: (value) => words(8, (bytes) => bytes.writeBigUInt64LE(BigInt(value))),
  AT: (value) => words(4, (bytes) => bytes.writeUInt16LE(value & 0xffff, bytes.writeUInt16LE(value >>> 16))),
};

function words(length: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(length);
  write(bytes);
  return bytes;
}

/** An element of binary numbers; tags for AT. */
export function numbers(tag: number, vr: string, ...values: readonly number[]): Write {
  const write = numberWriters[vr];
  if (!write) throw new RangeError(`${vr} holds no numbers`);
  return element(tag, vr, Buffer.concat(values.map(write)));
}

/** Elements one after the other. */
export function join(...parts: readonly Write[]): Write {
  return (layout) => Buffer.concat(parts.map((part) => part(layout)));
}

const ITEM = 0xfffee000;
const ITEM_DELIMITATION = 0xfffee00d;
const SEQUENCE_DELIMITATION = 0xfffee0dd;

/** Items and delimiters have a tag and a length, whatever the syntax. @see PS3.5 7.5 */
function itemHeader(tag: number, length: number): Write {
  return (layout) => Buffer.concat([tagBytes(tag, layout), uint32(length, layout)]);
}

/** Whether a sequence and its items say their length or end in delimiters. */
export interface SequenceLengths {
  readonly sequence: 'defined' | 'undefined';
  readonly items: 'defined' | 'undefined';
}

/** A sequence of items, each of the elements given. */
export function sequence(
  tag: number,
  items: readonly Write[],
  lengths: SequenceLengths = { sequence: 'undefined', items: 'undefined' },
  vr = 'SQ',
): Write {
  return (layout) => {
    const contents = items.map((item) => item(layout));
    const written = contents.map((content) =>
      lengths.items === 'defined'
        ? Buffer.concat([itemHeader(ITEM, content.length)(layout), content])
        : Buffer.concat([
            itemHeader(ITEM, UNDEFINED_LENGTH)(layout),
            content,
            itemHeader(ITEM_DELIMITATION, 0)(layout),
          ]),
    );
    const body = Buffer.concat(written);
    return lengths.sequence === 'defined'
      ? Buffer.concat([header(tag, vr, body.length)(layout), body])
      : Buffer.concat([
          header(tag, vr, UNDEFINED_LENGTH)(layout),
          body,
          itemHeader(SEQUENCE_DELIMITATION, 0)(layout),
        ]);
  };
}

/** A group length element with the right value in front of the elements of one group. @see PS3.5 7.2 */
export function withGroupLength(group: number, ...parts: readonly Write[]): Write {
  return (layout) => {
    const body = join(...parts)(layout);
    return Buffer.concat([numbers((group << 16) >>> 0, 'UL', body.length)(layout), body]);
  };
}

/** Encapsulated pixel data. @see PS3.5 A.4 */
export function encapsulated(
  fragments: readonly Buffer[],
  { offsets = [], ended = true }: { offsets?: readonly number[]; ended?: boolean } = {},
): Write {
  const table = Buffer.alloc(offsets.length * 4);
  offsets.forEach((offset, index) => table.writeUInt32LE(offset, index * 4));
  return (layout) =>
    Buffer.concat([
      header(0x7fe00010, 'OB', UNDEFINED_LENGTH)(layout),
      ...[table, ...fragments].flatMap((bytes) => [itemHeader(ITEM, bytes.length)(layout), bytes]),
      ended ? itemHeader(SEQUENCE_DELIMITATION, 0)(layout) : Buffer.alloc(0),
    ]);
}

/** Offsets of frames made of so many fragments each, for the Basic Offset Table. */
export function frameOffsets(frames: readonly (readonly Buffer[])[]): number[] {
  let offset = 0;
  return frames.map((fragments) => {
    const start = offset;
    for (const fragment of fragments) offset += 8 + fragment.length;
    return start;
  });
}
