import { FileFetch, type Lender } from './file-fetch.js';

/** What a reading needs of the store. */
export interface ReadingRoom extends Lender {
  readonly blockBytes: number;
  /** Bytes to read from disk at once for who hands them on, `most` at most: less when memory is short. */
  lentBytes(most: number): number;
  /** Whether so many bytes may be read before they are asked for. */
  mayReadAhead(bytes: number): boolean;
}

/** A lease as the one before it sees it. */
export interface ReadableAhead {
  /** What is read behind it. */
  next: ReadableAhead | undefined;
  /** Begins to read the first bytes from disk, if that is where they are and there is memory for them. */
  readAhead(): void;
}

/** Two: one that the socket takes, and one that is read meanwhile. */
const BUFFERS_KEPT = 2;
/** Instances of a series differ by a few bytes: buffers have a little more than was asked for, this part of a block. */
const ROUND_TO = 1 / 4;

/**
 * What one request reads, one instance behind the other: it reads ahead by one piece, also into the next instance, and
 * uses its buffers again.
 *
 * A buffer that went round serves the same request alone, and only after its consumer came back for the next piece: a
 * view that somebody keeps too long cannot turn into bytes of another request. All that it has is counted.
 */
export class Reading {
  readonly #room: ReadingRoom;
  readonly #kept: Buffer[] = [];
  #last: ReadableAhead | undefined;
  #closed = false;

  constructor(room: ReadingRoom) {
    this.#room = room;
  }

  /** `lease` will be read behind those that were added before. */
  add(lease: ReadableAhead): void {
    if (this.#last) this.#last.next = lease;
    this.#last = lease;
  }

  /** All of `lease` has been read, or will be as soon as its consumer comes back. */
  reachedEndOf(lease: ReadableAhead): void {
    if (!this.#closed) lease.next?.readAhead();
  }

  /** `lease` is not read any more; a request that has nothing else to read waits for the PACS, and needs no buffers. */
  released(lease: ReadableAhead): void {
    if (!lease.next) this.#giveKeptBack();
  }

  /** Begins to read at `position`, of the `most` bytes that are there; undefined when it must not be done ahead. */
  fetch(
    position: number,
    most: number,
    read: (into: Buffer) => Promise<void>,
    ahead: boolean,
  ): FileFetch | undefined {
    const length = this.#room.lentBytes(most);
    if (ahead && (this.#closed || !this.#room.mayReadAhead(length))) return undefined;
    const buffer = this.#take(length);
    return new FileFetch(position, buffer.subarray(0, length), read, (reusable) => {
      if (reusable && !this.#closed && this.#kept.length < BUFFERS_KEPT) this.#kept.push(buffer);
      else this.#room.giveBack(buffer.length);
    });
  }

  /** The request is over: what is still lent is let go of by whoever has it. */
  close(): void {
    this.#closed = true;
    this.#giveKeptBack();
  }

  #giveKeptBack(): void {
    for (const buffer of this.#kept.splice(0)) this.#room.giveBack(buffer.length);
  }

  /** One that was used before, if it is large enough and not much larger than what there is memory for now. */
  #take(length: number): Buffer {
    const unit = Math.ceil(this.#room.blockBytes * ROUND_TO);
    for (let kept = this.#kept.pop(); kept; kept = this.#kept.pop()) {
      if (kept.length >= length && kept.length <= this.#room.lentBytes(Infinity) + unit) return kept;
      this.#room.giveBack(kept.length);
    }
    const buffer = Buffer.allocUnsafeSlow(Math.ceil(length / unit) * unit);
    this.#room.borrow(buffer.length);
    return buffer;
  }
}
