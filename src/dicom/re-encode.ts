import { ExplicitWriter } from './explicit-writer.js';
import { ImplicitWriter } from './implicit-writer.js';
import { inflate } from './inflate.js';
import { DatasetReader } from './reader.js';
import { TransferSyntaxes, type TransferSyntax } from './transfer-syntax-table.js';

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
  yield* written(inflated, from, new ExplicitWriter(from));
}

/**
 * The same in Implicit VR Little Endian, for native datasets: sequences get undefined lengths, group lengths are left out,
 * and the VR of a private element is what a reader's dictionary knows of it.
 *
 * @throws GatewayError `malformed-dataset`, also for encapsulated pixel data, or what `chunks` throws
 * @see PS3.5 A.1, rule S-12
 */
export async function* toImplicitLittleEndian(
  chunks: AsyncIterable<Buffer>,
  from: TransferSyntax,
): AsyncGenerator<Buffer, void, undefined> {
  const isPlain = from.byteOrder === 'little' && !from.deflated;
  const little = isPlain ? chunks : toExplicitLittleEndian(chunks, from);
  yield* written(little, isPlain ? from : TransferSyntaxes.ExplicitVrLittleEndian, new ImplicitWriter());
}

async function* written(
  chunks: AsyncIterable<Buffer>,
  from: TransferSyntax,
  writer: ExplicitWriter | ImplicitWriter,
): AsyncGenerator<Buffer, void, undefined> {
  const reader = new DatasetReader(from, writer);
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      reader.push(chunk.subarray(at, at + pieceBytes));
      yield* writer.take();
    }
  }
  reader.end();
  writer.flush();
  yield* writer.take();
}
