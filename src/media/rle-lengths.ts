import type { ByteRange } from '../dicom/index.js';
import { nextTurn, type MediaFile } from './file-bytes.js';

/** Of a frame in memory, whose bytes are all there at once: so many are walked before others are served. */
const BYTES_AT_ONCE = 1 << 20;

/** Counts what a packed segment unpacks to, without writing any of it. @see PS3.5 G.3.2 */
class UnpackedLength {
  bytes = 0;
  /** Of a literal run that is still to come. */
  #literals = 0;
  /** Of a replicate run whose value is still to come. */
  #copies = 0;

  push(packed: Uint8Array): void {
    for (let at = 0; at < packed.length;) {
      if (this.#literals > 0) {
        const count = Math.min(this.#literals, packed.length - at);
        this.bytes += count;
        this.#literals -= count;
        at += count;
        continue;
      }
      const byte = packed[at++] ?? 0;
      if (this.#copies > 0) {
        this.bytes += this.#copies;
        this.#copies = 0;
      } else if (byte < 128) this.#literals = byte + 1;
      else if (byte > 128) this.#copies = 257 - byte;
    }
  }
}

/** How many bytes each of the segments unpacks to; each byte of the frame is looked at once, and none is kept. */
export async function rleLengths(
  { source }: MediaFile,
  segments: readonly ByteRange[],
): Promise<readonly number[]> {
  const lengths: number[] = [];
  for (const { start, end } of segments) {
    const length = new UnpackedLength();
    for (let at = start; at < end; at += BYTES_AT_ONCE) {
      for await (const chunk of source.read(at, Math.min(at + BYTES_AT_ONCE, end))) length.push(chunk);
      await nextTurn();
    }
    lengths.push(length.bytes);
  }
  return lengths;
}
