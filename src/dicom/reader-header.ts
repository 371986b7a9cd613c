import { attributeByTag } from './dictionary.js';
import type { Tag } from './tag.js';
import { type Vr, vrByCode, vrTraits } from './vr.js';

/** How headers are written: what a nested dataset may change (CP-246). */
export interface Coding {
  readonly explicit: boolean;
  readonly little: boolean;
}

/** The largest header: tag, value representation, two reserved bytes, 32 bit length. */
export const maxHeaderBytes = 12;

export const itemTag: Tag = 0xfffee000;
export const itemDelimitationTag: Tag = 0xfffee00d;
export const sequenceDelimitationTag: Tag = 0xfffee0dd;

const undefinedLength = 0xffffffff;

/** One header as the bytes spell it; a single object is filled again and again. */
export interface RawHeader {
  tag: Tag;
  vr: Vr;
  /** -1 = undefined. */
  length: number;
}

/**
 * Reads the header at `at` into `header`; the number of bytes it takes, or 0 when more than `available` are needed.
 *
 * A value representation that PS3.5 does not know is read as UN: two upper-case letters with zero reserved bytes have
 * a 32 bit length, as 7.1.2 promises for representations to come; anything else has the 16 bit length that writers of
 * `??` and of blanks give it.
 */
// eslint-disable-next-line max-params -- the innermost call of all reading, made without an object
export function readHeader(
  header: RawHeader,
  bytes: Buffer,
  at: number,
  available: number,
  coding: Coding,
): number {
  if (available < 8) return 0;
  const group = coding.little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  const element = coding.little ? bytes.readUInt16LE(at + 2) : bytes.readUInt16BE(at + 2);
  header.tag = group * 0x10000 + element;
  if (group === 0xfffe) {
    header.vr = 'UN';
    header.length = length32(bytes, at + 4, coding);
    return 8;
  }
  if (!coding.explicit) {
    header.vr = attributeByTag(header.tag)?.vr ?? 'UN';
    header.length = length32(bytes, at + 4, coding);
    return 8;
  }
  return readExplicit(header, bytes, at + 4, available - 4, coding) + 4;
}

// eslint-disable-next-line max-params -- as readHeader
function readExplicit(
  header: RawHeader,
  bytes: Buffer,
  at: number,
  available: number,
  coding: Coding,
): number {
  const code = bytes.readUInt16BE(at);
  const vr = vrByCode(code);
  header.vr = vr ?? 'UN';
  const long = vr === undefined ? isFutureVr(code) && bytes.readUInt16LE(at + 2) === 0 : vrTraits(vr).long;
  if (!long) {
    header.length = coding.little ? bytes.readUInt16LE(at + 2) : bytes.readUInt16BE(at + 2);
    return 4;
  }
  if (available < 8) return -4;
  header.length = length32(bytes, at + 4, coding);
  return 8;
}

function length32(bytes: Buffer, at: number, coding: Coding): number {
  const length = coding.little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  return length === undefinedLength ? -1 : length;
}

function isFutureVr(code: number): boolean {
  return isUpperCase(code >> 8) && isUpperCase(code & 0xff);
}

function isUpperCase(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}
