import { vrTraits, type Vr } from './vr.js';

/** Turns the byte order of every number of a value field round, in place; bytes that fill no number stay. */
export function swapValue(bytes: Buffer, vr: Vr): Buffer {
  const { unit } = vrTraits(vr);
  const whole = bytes.subarray(0, bytes.length - (bytes.length % unit));
  if (unit === 2) whole.swap16();
  else if (unit === 4) whole.swap32();
  else if (unit === 8) whole.swap64();
  return bytes;
}
