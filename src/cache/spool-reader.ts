import type { GatewayError } from '../core/index.js';
import type { LentBlock } from './block.js';
import { FileFetch, type Lender } from './file-fetch.js';
import type { OwnedLease } from './lease.js';
import type { Reading } from './reading.js';

/** What stands at a position of a spool. */
export type Piece =
  | { readonly kind: 'bytes'; readonly bytes: Buffer; readonly block: LentBlock }
  | PieceOfFile
  | { readonly kind: 'later' }
  | { readonly kind: 'end' };

export interface PieceOfFile {
  readonly kind: 'file';
  /** Bytes that could be read from there. */
  readonly length: number;
  readonly read: (into: Buffer) => Promise<void>;
}

/** The spool as its readers see it. */
export interface ReadableSpool extends Lender {
  /** Bytes to read from disk at once. */
  readonly readBytes: number;
  attach(reader: SpoolReader): void;
  detach(reader: SpoolReader): void;
  /** The reader has got to the tail and waits, or goes on. */
  waiting(reader: SpoolReader, waits: boolean): void;
  /** @throws GatewayError the writer's failure when `position` is where it happened */
  pieceAt(position: number, end: number): Piece;
  /** The consumer of a reader that was failed has noticed. */
  acknowledge(reader: SpoolReader): void;
  /** What the file gave proved unreadable. */
  unreadable(error: GatewayError): void;
  now(): number;
}

/** Whose reader it is. */
export interface ReaderOwner {
  readonly lease?: OwnedLease | undefined;
  /** The request that hands on what it gets: see `Lease.lent`. */
  readonly reading?: Reading | undefined;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** One pass over the bytes of a spool. */
export class SpoolReader implements AsyncIterator<Buffer, undefined> {
  readonly lease: OwnedLease | undefined;
  readonly #reading: Reading | undefined;
  readonly #spool: ReadableSpool;
  readonly #end: number;
  #position: number;
  /** Bytes that the consumer looks at: they count as read once it asks for the next. */
  #lent = 0;
  /** Where what was lent last is, when it is in memory and handed on. */
  #block: LentBlock | undefined;
  /** What was read from disk last: its consumer may look at it. */
  #fetch: FileFetch | undefined;
  /** What is read from disk before it is asked for. */
  #ahead: FileFetch | undefined;
  #lentAt: number | undefined;
  #state: 'new' | 'attached' | 'ended' = 'new';
  #failure: GatewayError | undefined;
  #wake: (() => void) | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(spool: ReadableSpool, start: number, end: number, { lease, reading }: ReaderOwner) {
    this.#spool = spool;
    this.#position = start;
    this.#end = end;
    this.lease = lease;
    this.#reading = reading;
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
      if (piece.kind === 'bytes') return this.#lendOf(piece);
      if (piece.kind === 'end') this.#leave();
      else if (piece.kind === 'later') await this.#wait();
      else {
        const bytes = await this.#load(piece);
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
    this.#block?.handBack();
    this.#block = undefined;
    this.#fetch?.done();
    this.#fetch = undefined;
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

  #lendOf({ bytes, block }: Extract<Piece, { kind: 'bytes' }>): IteratorYieldResult<Buffer> {
    if (this.#reading) {
      block.lend();
      this.#block = block;
    } else block.keep();
    return this.#lend(bytes);
  }

  #lend(bytes: Buffer): IteratorYieldResult<Buffer> {
    this.#lent = bytes.length;
    this.#lentAt = this.#spool.now();
    if (this.#reading) this.#readAhead(this.#reading, this.#position + bytes.length);
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

  /** The bytes of a piece; undefined when the reader is over, for whatever reason. */
  async #load(piece: PieceOfFile): Promise<Buffer | undefined> {
    this.#fetch = this.#takeAhead() ?? this.#begin(piece);
    const { bytes, settled } = this.#fetch;
    const error = await settled;
    if (this.#over()) return undefined;
    if (!error) return bytes.subarray(0, this.#end - this.#position);
    this.#failure = error;
    this.#spool.unreadable(error);
    this.#leave();
    return undefined;
  }

  #takeAhead(): FileFetch | undefined {
    const ahead = this.#ahead ?? (this.#reading && this.lease?.takeAhead(this.#position));
    this.#ahead = undefined;
    return ahead;
  }

  #begin({ length: most, read }: PieceOfFile): FileFetch {
    const fetch = this.#reading?.fetch(this.#position, most, read, false);
    if (fetch) return fetch;
    const length = Math.min(this.#spool.readBytes, most);
    this.#spool.borrow(length);
    return new FileFetch(this.#position, Buffer.allocUnsafeSlow(length), read, () => {
      this.#spool.giveBack(length);
    });
  }

  /** Begins to read what the consumer will ask for next, while it looks at what it got. */
  #readAhead(reading: Reading, position: number): void {
    const piece = position < this.#end ? this.#peek(position) : undefined;
    if (piece?.kind === 'file') this.#ahead = reading.fetch(position, piece.length, piece.read, true);
    else if (this.lease && (piece === undefined || piece.kind === 'end')) reading.reachedEndOf(this.lease);
  }

  /** As `#look`, but what is wrong there is told when the reader gets there. */
  #peek(position: number): Piece | undefined {
    try {
      return this.#spool.pieceAt(position, this.#end);
    } catch {
      return { kind: 'later' };
    }
  }

  #leave(): void {
    const was = this.#state;
    this.#state = 'ended';
    this.#lentAt = undefined;
    if (was === 'attached') this.#spool.detach(this);
    this.#lent = 0;
    // Its consumer has not come back: the connection may still be taking the bytes.
    this.#block?.keep();
    this.#block?.handBack();
    this.#block = undefined;
    this.#fetch?.drop();
    this.#ahead?.drop();
    this.#wake?.();
  }
}
