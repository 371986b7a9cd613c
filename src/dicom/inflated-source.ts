import { GatewayError, type ByteSource } from '../core/index.js';
import { inflate } from './inflate.js';

const NOTHING = Buffer.alloc(0);

const twoPlaces = (): GatewayError =>
  new GatewayError('internal', 'What is inflated once was read at two places at a time.');

/**
 * What comes out of a deflated source, for who reads one place after the other: where they follow each other it is
 * inflated once for all of them, and not from its beginning for each. One reading at a time: another one takes the place of
 * the one before, which throws then.
 */
export class InflatedSource implements ByteSource {
  readonly size = undefined;
  readonly #source: ByteSource;
  #chunks: AsyncIterator<Buffer> | undefined;
  /** What has come out and nobody has taken, and where that begins. */
  #rest: Buffer = NOTHING;
  #at = 0;
  #readings = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** @throws GatewayError as `inflate`; `internal` when another reading has begun */
  async *read(start = 0, end = Infinity): AsyncGenerator<Buffer, void, undefined> {
    const reading = (this.#readings += 1);
    if (start < this.#at) await this.close();
    const chunks = (this.#chunks ??= inflate(this.#source.read())[Symbol.asyncIterator]());
    while (this.#at < end) {
      if (this.#rest.length === 0) {
        const next = await chunks.next();
        if (reading !== this.#readings || chunks !== this.#chunks) {
          // What came now is nobody's: who reads on from here would take what follows for it.
          await this.close();
          throw twoPlaces();
        }
        if (next.done) return;
        this.#rest = next.value;
      }
      const wanted = this.#take(start, end);
      if (wanted.length > 0) yield wanted;
      if (reading !== this.#readings) throw twoPlaces();
    }
  }

  /** Frees what inflating holds; who reads on begins anew. */
  async close(): Promise<void> {
    const chunks = this.#chunks;
    this.#chunks = undefined;
    this.#rest = NOTHING;
    this.#at = 0;
    await chunks?.return?.();
  }

  /** Of what has come out, that which is wanted; nothing of it where it lies before `start`. */
  #take(start: number, end: number): Buffer {
    const taken = this.#rest.subarray(0, Math.min(end - this.#at, this.#rest.length));
    const wanted = taken.subarray(Math.max(0, start - this.#at));
    this.#rest = this.#rest.subarray(taken.length);
    this.#at += taken.length;
    return wanted;
  }
}
