/** Bytes from `start` up to `end` of a dataset that `bytes` stand in place of. */
export interface Cut {
  readonly start: number;
  /** Of a sequence it is known when the next element begins. */
  end: number;
  readonly bytes: Buffer;
}

/** The first `end` bytes of `chunks`, with `cuts` in ascending order made; all else stays byte for byte. */
export async function* spliced(
  chunks: AsyncIterable<Buffer>,
  cuts: readonly Cut[],
  end: number,
): AsyncGenerator<Buffer, void, undefined> {
  const left = [...cuts];
  let at = 0;
  for await (const chunk of chunks) {
    yield* splicedChunk(chunk.subarray(0, end - at), at, left);
    at += chunk.length;
    if (at >= end) break;
  }
  for (const { bytes } of left) yield bytes;
}

/** A chunk that begins at `at`; the cuts that end in it are taken from `left`. */
function* splicedChunk(chunk: Buffer, at: number, left: Cut[]): Generator<Buffer, void, undefined> {
  const last = at + chunk.length;
  for (let from = at; from < last;) {
    const [cut] = left;
    if (cut === undefined || cut.start > from) {
      const to = Math.min(last, cut?.start ?? last);
      yield chunk.subarray(from - at, to - at);
      from = to;
    } else from = Math.min(last, Math.max(from, cut.end));
    if (cut !== undefined && from >= cut.end && from >= cut.start) {
      left.shift();
      yield cut.bytes;
    }
  }
}
