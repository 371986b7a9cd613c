import { createDeflateRaw } from 'node:zlib';

/**
 * The deflate stream of a dataset, with the zero byte behind it that an odd number of bytes needs. Each chunk is read
 * before the next one is asked for.
 *
 * @throws what `chunks` throws
 * @see PS3.5 A.5
 */
export async function* deflate(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const zlib = createDeflateRaw();
  let output: Buffer[] = [];
  let length = 0;
  zlib.on('data', (bytes: Buffer) => {
    output.push(bytes);
    length += bytes.length;
  });
  const taken = (): readonly Buffer[] => {
    const made = output;
    output = [];
    return made;
  };
  try {
    for await (const chunk of chunks) {
      // zlib reads on another thread: the chunk is its pusher's again when it is done.
      await new Promise<void>((resolve, reject) => {
        zlib.write(chunk, (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
      yield* taken();
    }
    await new Promise<void>((resolve, reject) => {
      zlib.once('end', resolve).once('error', reject);
      zlib.end();
    });
    yield* taken();
    if (length % 2 === 1) yield Buffer.of(0);
  } finally {
    zlib.destroy();
  }
}
