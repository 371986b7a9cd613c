import { constants, createGzip, type Gzip } from 'node:zlib';

/** Whether the client takes gzip: what it says of it by name counts, else of `*`; of the weight 0 is not. @see RFC 9110 12.5.3 */
export function takesGzip(header: string | undefined): boolean {
  const weights = new Map<string, boolean>();
  for (const one of (header ?? '').toLowerCase().split(',')) {
    const [coding = '', ...parameters] = one.split(';').map((text) => text.trim());
    weights.set(coding, !parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter)));
  }
  return weights.get('gzip') ?? weights.get('*') ?? false;
}

/**
 * `pieces` compressed as they come: what has come leaves when the next piece is not there yet, and no further ahead than the
 * buffers of a stream. What `pieces` throws is thrown before the end that makes a body whole.
 *
 * @throws what `pieces` throws
 * @see rule H-17
 */
export async function* gzipped(
  pieces: AsyncIterable<string | Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  // Rows are much alike: the fastest is nearly as good.
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  feed(pieces, gzip).catch((thrown: unknown) => {
    gzip.destroy(thrown instanceof Error ? thrown : new Error('The body failed.', { cause: thrown }));
  });
  try {
    yield* gzip as AsyncIterable<Buffer>;
  } finally {
    gzip.destroy();
  }
}

async function feed(pieces: AsyncIterable<string | Buffer>, gzip: Gzip): Promise<void> {
  let flushing: NodeJS.Immediate | undefined;
  try {
    for await (const piece of pieces) {
      clearImmediate(flushing);
      if (gzip.destroyed) return;
      const hasRoom = gzip.write(piece);
      flushing = setImmediate(() => {
        if (!gzip.destroyed) gzip.flush(constants.Z_SYNC_FLUSH);
      });
      if (!hasRoom) await drained(gzip);
    }
  } finally {
    clearImmediate(flushing);
  }
  gzip.end();
}

/** Until there is room, or nobody reads any more. */
function drained(gzip: Gzip): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      gzip.off('drain', done).off('close', done);
      resolve();
    };
    gzip.once('drain', done).once('close', done);
  });
}
