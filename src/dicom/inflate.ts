import { createInflateRaw } from 'node:zlib';
import { GatewayError } from '../core/index.js';

/**
 * How much may come out of what went in: this much in any case, then `maxInflateRatio` times the input. Deflate itself
 * ends at 1032:1, and an empty segmentation comes close to that honestly; what comes out is never held, so the bound
 * limits time, not memory. R-03.
 */
const inflateAllowance = 64 * 1024 * 1024;
const maxInflateRatio = 256;
/** Input goes to zlib in pieces of this size, which bounds the output held at one time to about 8 MiB. */
const pieceBytes = 8 * 1024;
const outputChunkBytes = 64 * 1024;

/** Inflates a raw deflate stream piece by piece; what follows its end must be zeros. @see PS3.5 A.5 */
export class Inflater {
  readonly #zlib = createInflateRaw({ chunkSize: outputChunkBytes });
  #output: Buffer[] = [];
  #taken = 0;
  #given = 0;
  #ended = false;
  #failure: Error | undefined;
  #settle: (() => void) | undefined;

  constructor() {
    this.#zlib.on('data', (bytes: Buffer) => {
      this.#given += bytes.length;
      this.#output.push(bytes);
    });
    this.#zlib.on('end', () => {
      this.#ended = true;
      this.#settle?.();
    });
    this.#zlib.on('error', (error) => {
      this.#failure = error;
      this.#settle?.();
    });
  }

  /**
   * What comes out of `bytes`, a bounded piece at a time.
   * @throws GatewayError `malformed-dataset`
   */
  async *push(bytes: Buffer): AsyncGenerator<readonly Buffer[], void, undefined> {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes);
      if (this.#ended) checkZeros(piece);
      else yield await this.#inflate(piece);
    }
  }

  /**
   * What is left when the input is over.
   * @throws GatewayError `malformed-dataset` when the deflate stream is not
   */
  async finish(): Promise<readonly Buffer[]> {
    if (this.#ended) return [];
    await this.#run((done) => this.#zlib.end(done));
    // The last output is emitted after the callback of the last write.
    if (!this.#isEnded()) await this.#run(() => undefined);
    return this.#take();
  }

  /** Frees what zlib holds; needed when the input is left before its end. */
  close(): void {
    this.#zlib.destroy();
  }

  async #inflate(piece: Buffer): Promise<readonly Buffer[]> {
    const before = this.#zlib.bytesWritten;
    // zlib reads the piece on another thread after the pusher may have gone on.
    await this.#run((done) => this.#zlib.write(Buffer.from(piece), done));
    this.#taken += piece.length;
    if (this.#given > inflateAllowance + this.#taken * maxInflateRatio) {
      this.close();
      throw new GatewayError('malformed-dataset', 'The deflated dataset inflates beyond all measure.');
    }
    if (this.#isEnded()) checkZeros(piece.subarray(this.#zlib.bytesWritten - before));
    return this.#take();
  }

  #isEnded(): boolean {
    return this.#ended;
  }

  #take(): readonly Buffer[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }

  async #run(start: (done: () => void) => void): Promise<void> {
    if (!this.#failure) {
      await new Promise<void>((resolve) => {
        this.#settle = resolve;
        start(resolve);
      });
    }
    if (this.#failure) {
      throw new GatewayError('malformed-dataset', 'The deflated dataset cannot be inflated.', {
        cause: this.#failure,
      });
    }
  }
}

function checkZeros(bytes: Buffer): void {
  if (bytes.some((byte) => byte !== 0)) {
    throw new GatewayError('malformed-dataset', 'The deflated dataset has bytes after its end.');
  }
}

/**
 * The dataset in a raw deflate stream.
 * @throws GatewayError `malformed-dataset` when it is none, is cut short, or inflates beyond all measure
 * @see PS3.5 A.5
 */
export async function* inflate(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  const inflater = new Inflater();
  try {
    for await (const chunk of chunks) {
      for await (const output of inflater.push(chunk)) yield* output;
    }
    yield* await inflater.finish();
  } finally {
    inflater.close();
  }
}
