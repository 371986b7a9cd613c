import { describe, expect, test } from '@jest/globals';
import { nextCrc32 } from '../../../src/core/index.js';

/** Bytes of memory that something has looked at, as a compressor does. */
function lookedAt(bytes: Buffer): Buffer {
  expect(bytes.buffer).toBeInstanceOf(ArrayBuffer);
  return bytes;
}

describe('a running CRC-32', () => {
  test('is that of all bytes, however they are cut', () => {
    // The check value of this CRC.
    const digits = Buffer.from('123456789');
    expect(nextCrc32(digits, 0)).toBe(0xcbf43926);
    const begun = nextCrc32(digits.subarray(0, 4), 0);
    expect(nextCrc32(digits.subarray(4), begun)).toBe(0xcbf43926);
  });

  test('is what it was after no bytes', () => {
    expect(nextCrc32(lookedAt(Buffer.alloc(0)), 0xcbf43926)).toBe(0xcbf43926);
    expect(nextCrc32(lookedAt(Buffer.from('1')).subarray(1), 0xcbf43926)).toBe(0xcbf43926);
  });
});
