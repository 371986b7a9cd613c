import type { Dataset, Tag } from '../dicom/index.js';
import type { LookUpTable } from './image-look.js';
import { badLook } from './bad-look.js';

/** The values that are numbers, up to the first that is none; padding around them does not count. */
export function numbersOf(dataset: Dataset | undefined, tag: Tag): readonly number[] {
  const texts = dataset?.strings(tag) ?? [];
  const numbers = texts.map((text) => (text.trim() === '' ? Number.NaN : Number(text)));
  const bad = numbers.findIndex((number) => !Number.isFinite(number));
  return bad < 0 ? numbers : numbers.slice(0, bad);
}

/** The value field of an element that is no sequence; empty when it is absent. */
export function bytesOf(dataset: Dataset, tag: Tag): Buffer {
  const value = dataset.get(tag)?.value;
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

/** Where a table begins, and what its entries are. @see PS3.3 C.11.1.1 */
export interface LutDescriptor {
  readonly count: number;
  readonly first: number;
  readonly bits: number;
}

/**
 * Reads a descriptor: three words, whatever their VR says of the second one.
 *
 * @throws GatewayError `malformed-dataset`
 */
export function readDescriptor(dataset: Dataset, tag: Tag, isFirstSigned: boolean): LutDescriptor {
  const bytes = bytesOf(dataset, tag);
  if (bytes.length < 6) throw badLook('has a look-up table without a descriptor');
  const first = isFirstSigned ? bytes.readInt16LE(2) : bytes.readUInt16LE(2);
  const bits = bytes.readUInt16LE(4);
  if (bits < 1 || bits > 16) throw badLook('has a look-up table with entries of no such size');
  // 2^16 does not fit into the word.
  return { count: bytes.readUInt16LE(0) || 0x10000, first, bits };
}

/**
 * The entries that `bytes` hold: words, or bytes where there are no more than that.
 *
 * @throws GatewayError `malformed-dataset` when there are fewer than the descriptor says
 */
export function readEntries(bytes: Buffer, { count, bits }: LutDescriptor): Uint16Array {
  const isPacked = bits <= 8 && bytes.length < count * 2;
  if (bytes.length < count * (isPacked ? 1 : 2)) throw badLook('has a look-up table that ends early');
  const entries = new Uint16Array(count);
  for (let at = 0; at < count; at++) entries[at] = isPacked ? (bytes[at] ?? 0) : bytes.readUInt16LE(at * 2);
  return entries;
}

/** A table of grey values. Writers that say fewer bits than they use mean those that they use. */
export function tableOf(descriptor: LutDescriptor, entries: Uint16Array): LookUpTable {
  const highest = entries.reduce((most, entry) => Math.max(most, entry), 0);
  const used = 32 - Math.clz32(highest);
  return { kind: 'table', first: descriptor.first, bits: Math.max(descriptor.bits, used), entries };
}
