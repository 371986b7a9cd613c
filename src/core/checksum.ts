import { crc32 } from 'node:zlib';

/**
 * The CRC-32 of all bytes so far: those that `before` is of, and then `bytes`.
 *
 * Node's own gives 0 in place of `before` for no bytes, once anything has looked at the memory that they have none of.
 */
export const nextCrc32 = (bytes: Uint8Array, before: number): number =>
  bytes.length === 0 ? before : crc32(bytes, before);
