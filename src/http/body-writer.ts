import type { Response } from 'express';
import { abortReason, GatewayError } from '../core/index.js';
import { TurnBudget } from './turn-budget.js';

/** Small pieces (part headers, JSON punctuation) are put together up to this many bytes before they are sent. */
const GATHER_BYTES = 64 * 1024;

/** The event loop is one for all responses; so many bytes are a few milliseconds. */
const turns = new TurnBudget(4 * 1024 * 1024);

export interface BodyWriterOptions {
  /** How long the client may take nothing, for answers behind which an association is held; 0 = any time. */
  readonly stallMs?: number | undefined;
  /** Aborts when the bytes to be written were taken away meanwhile. */
  readonly stalled?: AbortSignal | undefined;
}

/**
 * Writes a response body as fast as the client reads it and no faster: at most one chunk is on its way at a time.
 *
 * A chunk may be lent (a cache block that is used again), so it is handed back, by asking for the next one, only when
 * the socket has taken it. Small pieces are gathered, but never kept while the producer waits for something.
 */
export class BodyWriter {
  readonly #response: Response;
  /** Text stays text until it is sent: as bytes, each small piece would hold on to a slab outside the heap. */
  #gathered: (Buffer | string)[] = [];
  #gatheredBytes = 0;
  #underWay = 0;
  #flushing: NodeJS.Immediate | undefined;
  #sending: Promise<void> = Promise.resolve();

  /** Ends the write under way. */
  #giveUp: (error: GatewayError) => void = () => undefined;

  readonly #stallMs: number;
  readonly #stalled: AbortSignal | undefined;

  constructor(response: Response, { stallMs = 0, stalled }: BodyWriterOptions = {}) {
    this.#response = response;
    // A write to a connection that closes at that very moment may never be called back.
    response.once('close', () => {
      if (this.#underWay > 0) this.#giveUp(new GatewayError('cancelled', 'The client has gone.'));
    });
    this.#stallMs = stallMs;
    this.#stalled = stalled;
  }

  /** Sends `chunk`; rejects when the client has gone. */
  async write(chunk: Buffer | string): Promise<void> {
    const length = Buffer.byteLength(chunk);
    if (this.#gatheredBytes + length < GATHER_BYTES) {
      this.#gather(typeof chunk === 'string' ? chunk : Buffer.from(chunk), length);
      if (this.#underWay > 0) await this.#sending;
      return;
    }
    const before = this.#takeGathered();
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    await this.#send(before ? [before, bytes] : [bytes]);
  }

  /** Sends what has been gathered. */
  flush(): Promise<void> {
    const gathered = this.#takeGathered();
    return gathered ? this.#send([gathered]) : this.#sending;
  }

  /** Ends the body: nothing is lent any more, and what has been gathered leaves with the end. */
  async end(): Promise<void> {
    await this.#sending;
    this.#response.end(this.#takeGathered());
  }

  #takeGathered(): Buffer | undefined {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#gatheredBytes === 0) return undefined;
    const all = Buffer.allocUnsafe(this.#gatheredBytes);
    let at = 0;
    for (const piece of this.#gathered)
      at += typeof piece === 'string' ? all.write(piece, at) : piece.copy(all, at);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    return all;
  }

  #gather(piece: Buffer | string, length: number): void {
    this.#gathered.push(piece);
    this.#gatheredBytes += length;
    this.#flushing ??= setImmediate(() => void this.flush());
  }

  #send(pieces: readonly Buffer[]): Promise<void> {
    this.#underWay += 1;
    this.#sending = this.#sending
      .then(() => this.#put(pieces))
      .finally(() => {
        this.#underWay -= 1;
      });
    // Whoever writes next sees the error; until then nobody may be listening.
    this.#sending.catch(() => undefined);
    return this.#sending;
  }

  #put(pieces: readonly Buffer[]): Promise<void> {
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    const turn = turns.take(bytes);
    return turn ? turn.then(() => this.#write(pieces)) : this.#write(pieces);
  }

  /** Pieces given in one go leave in one system call. */
  #write(pieces: readonly Buffer[]): Promise<void> {
    const stalled = this.#stalled;
    if (stalled?.aborted) return Promise.reject(abortReason(stalled));
    if (this.#response.writableEnded || this.#response.destroyed) {
      return Promise.reject(new GatewayError('cancelled', 'The response is over.'));
    }
    return new Promise((resolve, reject) => {
      const settle = (error?: Error | null): void => {
        clearTimeout(timer);
        stalled?.removeEventListener('abort', giveUp);
        if (error) reject(error);
        else resolve();
      };
      const giveUp = (): void => {
        settle(
          stalled?.aborted
            ? abortReason(stalled)
            : new GatewayError('reader-stalled', 'The client did not read.'),
        );
      };
      this.#giveUp = settle;
      const timer = this.#stallMs > 0 ? setTimeout(giveUp, this.#stallMs) : undefined;
      stalled?.addEventListener('abort', giveUp, { once: true });
      const last = pieces.length - 1;
      for (const piece of pieces.slice(0, last)) this.#response.write(piece);
      // The callback comes when the socket has taken the bytes, or with the error that closed it: the client's doing.
      this.#response.write(pieces[last], (cause) => {
        settle(cause && new GatewayError('cancelled', 'The client has gone.', { cause }));
      });
    });
  }
}
