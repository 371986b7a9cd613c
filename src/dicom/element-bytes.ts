import type { Coding } from './reader-header.js';
import type { Tag } from './tag.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import { vrTraits, type Vr } from './vr.js';

const longestShortValue = 0xfffe;
const itemTag: Tag = 0xfffee000;

/** How the elements of a dataset are laid out. */
export const codingOf = ({ vr, byteOrder }: TransferSyntax): Coding => ({
  explicit: vr === 'explicit',
  little: byteOrder === 'little',
});

/** Sequences within those of VR UN are so, whatever is around them. @see PS3.5 6.2.2 note 2 */
export const implicitLittleEndian: Coding = { explicit: false, little: true };

/** A 32 bit length. */
export function lengthBytes(length: number, { little }: Coding): Buffer {
  const bytes = Buffer.alloc(4);
  if (little) bytes.writeUInt32LE(length);
  else bytes.writeUInt32BE(length);
  return bytes;
}

/** An element of which the value is laid out already; one of odd length is padded. @see PS3.5 7.1 */
export function elementBytes(tag: Tag, vr: Vr, value: Buffer, coding: Coding): Buffer {
  const { pad, long } = vrTraits(vr);
  const length = value.length + (value.length % 2);
  const padding = Buffer.alloc(value.length % 2, pad);
  if (!coding.explicit)
    return Buffer.concat([tagBytes(tag, coding), lengthBytes(length, coding), value, padding]);
  // W-24: what is too long for its VR is of an unknown one.
  const written = long || length <= longestShortValue ? vr : 'UN';
  const isLong = vrTraits(written).long;
  const head = [tagBytes(tag, coding), Buffer.from(isLong ? `${written}\0\0` : written, 'latin1')];
  const size = isLong ? lengthBytes(length, coding) : uint16(length, coding);
  return Buffer.concat([...head, size, value, padding]);
}

/** An item of a sequence around elements. */
export function itemBytes(elements: readonly Buffer[], coding: Coding): Buffer {
  const content = Buffer.concat(elements);
  return Buffer.concat([tagBytes(itemTag, coding), lengthBytes(content.length, coding), content]);
}

/** What ends an item, or a sequence, of undefined length. */
export const delimiterBytes = (tag: Tag, coding: Coding): Buffer =>
  Buffer.concat([tagBytes(tag, coding), lengthBytes(0, coding)]);

const tagBytes = (tag: Tag, coding: Coding): Buffer =>
  Buffer.concat([uint16(tag >>> 16, coding), uint16(tag & 0xffff, coding)]);

function uint16(value: number, { little }: Coding): Buffer {
  const bytes = Buffer.alloc(2);
  if (little) bytes.writeUInt16LE(value);
  else bytes.writeUInt16BE(value);
  return bytes;
}
