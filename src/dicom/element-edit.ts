import type { Tag } from './tag.js';
import { vrTraits, type Vr } from './vr.js';

/** What is done to one element at the top level of a dataset. */
export interface ElementEdit {
  readonly tag: Tag;
  /**
   * The whole encoded element that takes the place of the stored one, whose value is given where there is one that is no
   * sequence; undefined to leave the dataset as it is.
   */
  readonly make: (stored?: Buffer) => Buffer | undefined;
}

/** An element in Explicit VR Little Endian. @see PS3.5 7.1.2 */
export function explicitElement(tag: Tag, vr: Vr, value: string | Buffer): Buffer {
  const { long, pad } = vrTraits(vr);
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  const odd = bytes.length % 2;
  const header = Buffer.alloc(long ? 12 : 8);
  header.writeUInt16LE(tag >>> 16, 0);
  header.writeUInt16LE(tag & 0xffff, 2);
  header.write(vr, 4, 'latin1');
  if (long) header.writeUInt32LE(bytes.length + odd, 8);
  else header.writeUInt16LE(bytes.length + odd, 6);
  return Buffer.concat([header, bytes, Buffer.alloc(odd, pad)]);
}

/** A sequence of one item. */
export function explicitSequence(tag: Tag, ...elements: readonly Buffer[]): Buffer {
  const item = Buffer.alloc(8);
  item.writeUInt16LE(0xfffe, 0);
  item.writeUInt16LE(0xe000, 2);
  const content = Buffer.concat(elements);
  item.writeUInt32LE(content.length, 4);
  return explicitElement(tag, 'SQ', Buffer.concat([item, content]));
}
