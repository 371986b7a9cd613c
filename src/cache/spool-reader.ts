import type { GatewayError } from '../core/index.js';
import type { OwnedLease } from './lease.js';

/** What stands at a position of a spool. */
export type Piece =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'file'; readonly length: number; readonly read: () => Promise<Buffer> }
  | { readonly kind: 'later' }
  | { readonly kind: 'end' };

/** The spool as its readers see it. */
export interface ReadableSpool {
  attach(reader: SpoolReader): void;
  detach(reader: SpoolReader): void;
  /** The reader has got to the tail and waits, or goes on. */
  waiting(reader: SpoolReader, waits: boolean): void;
  /** Bytes of memory that a reader took or gave back for what it has from disk. */
  borrow(bytes: number): void;
  giveBack(bytes: number): void;
  /** @throws GatewayError the writer's failure when `position` is where it happened */
  pieceAt(position: number, end: number): Piece;
  /** The consumer of a reader that was failed has noticed. */
  acknowledge(reader: SpoolReader): void;
  /** What the file gave proved unreadable. */
  unreadable(error: GatewayError): void;
  now(): number;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** One pass over the bytes of a spool. */
export class SpoolReader implements AsyncIterator<Buffer, undefined> {
  readonly lease: OwnedLease | undefined;
  readonly #spool: ReadableSpool;
  readonly #end: number;
  #position: number;
  /** Bytes that the consumer looks at: they count as read once it asks for the next. */
  #lent = 0;
  #borrowed = 0;
  #lentAt: number | undefined;
  #state: 'new' | 'attached' | 'ended' = 'new';
  #failure: GatewayError | undefined;
  #wake: (() => void) | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(spool: ReadableSpool, start: number, end: number, lease: OwnedLease | undefined) {
    this.#spool = spool;
    this.#position = start;
    this.#end = end;
    this.lease = lease;
  }

  /** Where the bytes that this reader still needs begin. */
  get position(): number {
    return this.#position;
  }

  /** Since when the consumer has not come back for more; undefined when it is the reader that waits. */
  get lentAt(): number | undefined {
    return this.#lentAt;
  }

  /** Calls that come before the last one has settled wait their turn, as with a generator. */
  next(): Promise<IteratorResult<Buffer, undefined>> {
    const turn = this.#last.then(() => this.#advance());
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Ends at once, also while `next` waits for bytes. */
  return(): Promise<IteratorReturnResult<undefined>> {
    this.#leave();
    this.#spool.acknowledge(this);
    return Promise.resolve(DONE);
  }

  /** The next bytes are on the way: look again. */
  wake(): void {
    this.#wake?.();
  }

  /** Takes the bytes away from a reader; it learns why when it asks for the next. */
  fail(error: GatewayError): void {
    if (this.#state === 'ended') return;
    this.#failure = error;
    this.#leave();
  }

  async #advance(): Promise<IteratorResult<Buffer, undefined>> {
    this.#comeBack();
    while (!this.#over()) {
      const piece = this.#look();
      if (piece.kind === 'bytes') return this.#lend(piece.bytes);
      if (piece.kind === 'end') this.#leave();
      else if (piece.kind === 'later') await this.#wait();
      else {
        const bytes = await this.#fetch(piece.length, piece.read);
        if (bytes) return this.#lend(bytes);
      }
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) {
      this.#spool.acknowledge(this);
      throw failure;
    }
    return DONE;
  }

  #comeBack(): void {
    if (this.#state === 'new') {
      this.#state = 'attached';
      this.#spool.attach(this);
    }
    this.#position += this.#lent;
    this.#lent = 0;
    this.#lentAt = undefined;
    this.#giveBack();
  }

  #over(): boolean {
    return this.#state === 'ended';
  }

  #look(): Piece {
    if (this.#position >= this.#end) return { kind: 'end' };
    try {
      return this.#spool.pieceAt(this.#position, this.#end);
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  #lend(bytes: Buffer): IteratorYieldResult<Buffer> {
    this.#lent = bytes.length;
    this.#lentAt = this.#spool.now();
    return { done: false, value: bytes };
  }

  async #wait(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#spool.waiting(this, true);
    });
    this.#wake = undefined;
    this.#spool.waiting(this, false);
  }

  async #fetch(length: number, read: () => Promise<Buffer>): Promise<Buffer | undefined> {
    this.#borrowed = length;
    this.#spool.borrow(length);
    try {
      const bytes = await read();
      return this.#over() ? undefined : bytes;
    } catch (error) {
      if (this.#over()) return undefined;
      this.#failure = error as GatewayError;
      this.#spool.unreadable(this.#failure);
      this.#leave();
      return undefined;
    } finally {
      if (this.#over()) this.#giveBack();
    }
  }

  #giveBack(): void {
    const bytes = this.#borrowed;
    this.#borrowed = 0;
    if (bytes > 0) this.#spool.giveBack(bytes);
  }

  #leave(): void {
    const was = this.#state;
    this.#state = 'ended';
    this.#lentAt = undefined;
    if (was === 'attached') this.#spool.detach(this);
    if (this.#lent > 0) this.#giveBack();
    this.#lent = 0;
    this.#wake?.();
  }
}
