import type { MediaFile } from '../../../src/media/file-bytes.js';

/** A file that comes in small chunks. */
export const file = (bytes: Buffer): MediaFile => ({
  length: bytes.length,
  source: {
    size: bytes.length,
    async *read(start = 0, end = bytes.length) {
      await Promise.resolve();
      for (let at = start; at < Math.min(end, bytes.length); at += 61)
        yield bytes.subarray(at, Math.min(at + 61, end, bytes.length));
    },
  },
});
