import { ExplicitWriter } from './explicit-writer.js';
import { inflate } from './inflate.js';
import { DatasetReader } from './reader.js';
import type { TransferSyntax } from './transfer-syntax-table.js';

/** Input is looked at in pieces of this size, so that what is made of one piece stays small. */
const pieceBytes = 1024 * 1024;

/**
 * The dataset in Explicit VR Little Endian, whatever its size in constant memory.
 *
 * Lossless: implicit elements get the dictionary's VR (UN when there is none), big endian values are turned round by
 * their VR, sequences are written with undefined length, group lengths and zeros after the end are left out, odd values
 * get their pad byte, and a value too long for its VR's 16 bit length becomes UN (W-24). What is explicit and little
 * endian already passes as it is, a deflated dataset after inflating. A yielded chunk is the reader's until it asks for
 * the next one.
 *
 * @throws GatewayError `malformed-dataset`, or what `chunks` throws
 * @see PS3.5 A, W-23, W-24
 */
export async function* toExplicitLittleEndian(
  chunks: AsyncIterable<Buffer>,
  from: TransferSyntax,
): AsyncGenerator<Buffer, void, undefined> {
  const inflated = from.deflated ? inflate(chunks) : chunks;
  if (from.vr === 'explicit' && from.byteOrder === 'little') {
    yield* inflated;
    return;
  }
  const writer = new ExplicitWriter(from);
  const reader = new DatasetReader(from, writer);
  for await (const chunk of inflated) {
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      reader.push(chunk.subarray(at, at + pieceBytes));
      yield* writer.take();
    }
  }
  reader.end();
  writer.flush();
  yield* writer.take();
}
