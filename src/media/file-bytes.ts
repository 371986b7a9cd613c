import { GatewayError, type ByteSource } from '../core/index.js';

/** A file whose length is known. */
export interface MediaFile {
  readonly source: ByteSource;
  /** Bytes. */
  readonly length: number;
}

/** The bytes from `start` to `end`, or as many as there are, in memory of their own. */
export async function bytesAt({ source, length }: MediaFile, start: number, end: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const last = Math.min(end, length);
  if (start >= last) return Buffer.alloc(0);
  for await (const chunk of source.read(start, last)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** A header behind large thumbnails and profiles is looked for in a little first, then in more. */
const HEAD_BYTES = [64 * 1024, 1024 * 1024, 16 * 1024 * 1024];

/**
 * What `read` makes of the first bytes of a stream, of more of them while it fails.
 *
 * @throws what `read` throws of all of them, or of 16 MiB
 */
export async function readHead<T>(file: MediaFile, start: number, read: (head: Buffer) => T): Promise<T> {
  for (const bytes of HEAD_BYTES) {
    const head = await bytesAt(file, start, start + bytes);
    const isLast = start + bytes >= file.length || bytes === HEAD_BYTES.at(-1);
    if (isLast) return read(head);
    try {
      return read(head);
    } catch {
      // more of it may do
    }
  }
  throw new RangeError('There is always a last length.');
}

/** Lets others be served before more of a file is read that is in memory, and therefore there at once. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Ends JPEG, JPEG-LS and JPEG 2000 streams alike; no coded data can be taken for it. */
const END_OF_STREAM = Buffer.of(0xff, 0xd9);

/**
 * Holds a stream of the JPEG family, whose coded data begin at `start`, to the marker at its end. What a camera has put
 * behind that does not matter.
 *
 * @throws GatewayError `bad-request` when it is not there
 */
export async function requireEndOfStream({ source, length }: MediaFile, start: number): Promise<void> {
  let isHalf = false;
  for await (const chunk of source.read(Math.min(start, length), length)) {
    if ((isHalf && chunk[0] === END_OF_STREAM[1]) || chunk.includes(END_OF_STREAM)) return;
    isHalf = chunk.at(-1) === END_OF_STREAM[0];
  }
  throw new GatewayError('bad-request', 'A compressed picture ends early.');
}
