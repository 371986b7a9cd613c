import { GatewayError, LazySet } from '../core/index.js';
import { BlockList } from './block-list.js';
import type { FileFetch } from './file-fetch.js';
import { Leases, type Lease, type LeasedSpool, type LeaseOptions, type OwnedLease } from './lease.js';
import type { Reading } from './reading.js';
import type { Spill } from './spill.js';
import type { Spool, SpoolEvents, SpoolLengths } from './spool-contract.js';
import type { SpoolRoom } from './spool-room.js';
import { SpoolReader, type Piece, type ReadableSpool } from './spool-reader.js';
import { WaitingForAll } from './waiting-for-all.js';

const gone = (): GatewayError =>
  new GatewayError('overloaded', 'The gateway could not keep these bytes: its cache is full.');

/** A writer to disk may be this many blocks ahead of the disk. */
const BLOCKS_AHEAD = 4;

/** The one implementation of `Spool`. */
export class SpoolBody implements Spool, ReadableSpool, LeasedSpool {
  readonly forAll: WaitingForAll;
  readonly #room: SpoolRoom<SpoolBody>;
  readonly #events: SpoolEvents;
  readonly #blocks: BlockList;
  readonly #readers = new LazySet<SpoolReader>();
  readonly #waiting = new LazySet<SpoolReader>();
  readonly #leases = new Leases(this);
  #state: Spool['state'] = 'open';
  #failure: GatewayError | undefined;
  #spill: Spill | undefined;
  #discarded = false;
  #overflowed = false;
  #freed = false;
  #outlives = false;

  constructor(
    room: SpoolRoom<SpoolBody>,
    events: SpoolEvents = {},
    { savedBytes, expectedBytes }: SpoolLengths = {},
  ) {
    this.#room = room;
    this.forAll = new WaitingForAll(room);
    this.#events = events;
    this.#blocks = new BlockList(room.pool, { start: savedBytes, expected: expectedBytes });
    if (savedBytes !== undefined) this.#state = 'complete';
  }

  /** Takes the file of a spool that an earlier process finished. */
  restored(spill: Spill): void {
    this.#spill = spill;
  }

  /** What is saved stays on disk when the process ends, for the next one. */
  outlive(): void {
    this.#outlives = this.#spill?.saved ?? false;
  }

  /** The file that the bytes share with others; undefined when they have one of their own or none. */
  get diskGroup(): object | undefined {
    return this.#spill?.file.group;
  }

  get state(): Spool['state'] {
    return this.#state;
  }

  get failure(): GatewayError | undefined {
    return this.#failure;
  }

  get size(): number | undefined {
    return this.#state === 'complete' ? this.#blocks.end : undefined;
  }

  /** Bytes of memory taken. */
  get memoryBytes(): number {
    return this.#blocks.allocated;
  }

  /** Bytes of the disk budget taken. */
  get diskBytes(): number {
    return this.#spill?.file.reserved ?? 0;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#blocks.end;
  }

  /** Whether the bytes are to be on disk alone: those of a copy are in memory, too. */
  get spilled(): boolean {
    return this.#spill?.keeps === false;
  }

  get spilling(): boolean {
    return this.#spill?.active ?? false;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Whether somebody intends to read who does not yet. */
  get awaited(): boolean {
    return this.#leases.count > this.#readers.size;
  }

  /** Whether nobody reads and nobody said that they will. */
  get idle(): boolean {
    return this.#readers.size === 0 && this.#leases.count === 0;
  }

  write(chunk: Buffer): void | Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#state !== 'open') {
      return Promise.reject(new GatewayError('internal', 'Bytes were written after the end of a spool.'));
    }
    // Nobody is left who could read it: the peer may finish its sending in peace.
    if (this.#freed) return;
    this.#room.charge(this.#blocks.append(chunk), this);
    if (!this.#spill && !this.#overflowed && this.#blocks.end > this.#room.spillBytes) this.spill();
    this.#spill?.pump();
    this.#wakeReaders();
    return this.mustWait() ? this.#waitForRoom() : undefined;
  }

  finish(): void | Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#state !== 'open') return;
    this.#state = 'complete';
    this.#room.refund(this.#blocks.trim());
    this.#spill?.seal();
    this.#wakeReaders();
    this.#changed();
  }

  fail(error: GatewayError): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#failure = error;
    this.#events.failed?.(error);
    this.#spill?.stop();
    this.#wakeReaders();
    this.#changed();
  }

  discard(): void {
    this.#discarded = true;
    this.#changed();
  }

  /** It is not kept, and makes room as soon as nobody reads it, though more of it comes. */
  giveUp(): void {
    this.#events.lost?.(false);
    this.discard();
  }

  /** Takes the bytes from everybody, at once. */
  destroy(error: GatewayError): void {
    this.fail(error);
    this.#events.lost?.(false);
    this.#leases.clear();
    for (const reader of [...this.#readers]) reader.fail(error);
    this.discard();
  }

  read(start = 0, end = Infinity): AsyncIterable<Buffer> {
    return { [Symbol.asyncIterator]: () => this.open(start, end) };
  }

  /** Keeps the bytes there. */
  lease(options: LeaseOptions = {}): Lease {
    return this.#leases.give(options);
  }

  open(start: number, end: number, lease?: OwnedLease, reading?: Reading): SpoolReader {
    return new SpoolReader(this, start, end, { lease, reading });
  }

  fetchAhead(reading: Reading): FileFetch | undefined {
    if (this.#freed || this.#overflowed || this.#blocks.start === 0) return undefined;
    const piece = this.#pieceOfFile(0, Infinity);
    return piece.kind === 'file' ? reading.fetch(0, piece.length, piece.read, true) : undefined;
  }

  get readBytes(): number {
    return this.#room.readBytes;
  }

  leasesChanged(): void {
    this.#changed();
  }

  /** Takes the bytes away from a reader that does not read. */
  failStalled(reader: SpoolReader, error: GatewayError): void {
    this.#leases.revoke(reader, error);
    reader.fail(error);
    reader.lease?.onStalled?.(error);
  }

  /** Begins to move the bytes to disk, if there is one; those that are copied there are in memory until `letGo`. */
  spill(keeps = false): void {
    if (this.#spill?.keeps && !keeps) this.letGo();
    if (this.#spill || this.#freed || this.#overflowed) return;
    this.#spill = this.#room.startSpill(this, this.#blocks, keeps);
    if (!this.#spill) return;
    this.#events.changed?.();
    if (this.#state === 'complete') this.#spill.seal();
    else this.#spill.pump();
  }

  /** What is on disk leaves memory, and what still goes there does so then. */
  letGo(): void {
    this.#room.refund(this.#spill?.letGo(this.#blocks) ?? 0);
    this.#events.changed?.();
  }

  /** There is no copy on disk, and none is on its way there. */
  notCopied(): void {
    this.#spill?.drop();
    if (this.#freed) return;
    this.#spill = undefined;
    this.#blocks.unwritten();
    this.#events.notCopied?.();
  }

  /** Nothing moves to disk any more. */
  spillEnded(): void {
    if (this.#spill?.saved) this.#events.saved?.(this.#spill.file.place);
    this.#restFile();
  }

  /** The disk has failed this spool. What is complete and in memory is still good, but not kept. */
  spillFailed(error: GatewayError): void {
    if (this.#state === 'open') this.fail(error);
    else this.#events.lost?.(false);
  }

  /** Whether the writer must wait; gives up bytes that every reader has seen if that is what it takes. */
  mustWait(): boolean {
    if (this.#state !== 'open' || this.#freed) return false;
    const isMoving = this.#spill?.active === true && !this.#spill.blocked;
    if (isMoving && this.#blocks.allocated > BLOCKS_AHEAD * this.#room.blockBytes) return true;
    if (!this.#short()) return false;
    if (this.#room.relievable) return true;
    this.#flow();
    return this.#short() && !this.#starving;
  }

  attach(reader: SpoolReader): void {
    if (reader.lease?.revoked) {
      reader.fail(reader.lease.revoked);
      return;
    }
    if (this.#freed) {
      reader.fail(this.#failure ?? gone());
      return;
    }
    this.#readers.add(reader);
    this.#room.readerCame(reader, this);
    this.#events.changed?.();
  }

  detach(reader: SpoolReader): void {
    this.#waiting.delete(reader);
    if (!this.#readers.delete(reader)) return;
    this.#room.readerLeft(reader);
    this.#changed();
  }

  acknowledge(reader: SpoolReader): void {
    this.#leases.acknowledge(reader);
  }

  waiting(reader: SpoolReader, waits: boolean): void {
    if (!waits) this.#waiting.delete(reader);
    else if (this.#readers.has(reader)) {
      this.#waiting.add(reader);
      if (this.#starving) this.#room.settle();
    }
  }

  borrow(bytes: number): void {
    this.#room.borrow(bytes);
  }

  giveBack(bytes: number): void {
    this.#room.giveBack(bytes);
  }

  unreadable(): void {
    this.#events.lost?.(false);
  }

  now(): number {
    return this.#room.now();
  }

  pieceAt(position: number, end: number): Piece {
    const found = this.#blocks.at(position, end);
    if (found) return { kind: 'bytes', ...found };
    if (position < this.#blocks.start) return this.#pieceOfFile(position, end);
    if (this.#failure) throw this.#failure;
    return { kind: this.#state === 'complete' ? 'end' : 'later' };
  }

  #pieceOfFile(position: number, end: number): Piece {
    const file = this.#spill?.file;
    if (!file || this.#overflowed) throw gone();
    const length = Math.min(end, this.#blocks.start) - position;
    return { kind: 'file', length, read: (into) => file.read(position, into) };
  }

  /** Whether every reader has seen every byte: then more bytes are the only way on. */
  get #starving(): boolean {
    return this.#readers.size > 0 && this.#waiting.size === this.#readers.size;
  }

  #short(): boolean {
    return this.#room.exhausted;
  }

  /** Window mode: gives up what every reader has behind it, and with it the place in the cache. */
  #flow(): void {
    const starving = this.#starving;
    const large = this.#blocks.allocated >= this.#room.largeBytes && this.#readers.size > 0 && !this.awaited;
    if (!starving && !large) return;
    const freed = starving ? this.#blocks.clear() : this.#blocks.dropBefore(this.#slowest());
    if (freed === 0) return;
    if (!this.#overflowed) {
      this.#overflowed = true;
      this.#discarded = true;
      this.#spill?.drop();
      this.#room.overflowed(this);
      this.#events.lost?.(true);
      this.forAll.tooLong();
    }
    this.#room.refund(freed);
  }

  #slowest(): number {
    let slowest = Infinity;
    for (const reader of this.#readers) slowest = Math.min(slowest, reader.position);
    return slowest;
  }

  #waitForRoom(): void | Promise<void> {
    if (this.#short() && !this.#room.relievable) this.#events.short?.();
    // Whoever heard that may have given the bytes up: then nothing would ever end the wait.
    return this.mustWait() ? this.#room.waitForRoom(this) : undefined;
  }

  #wakeReaders(): void {
    for (const reader of this.#waiting) {
      this.#waiting.delete(reader);
      reader.wake();
    }
  }

  #changed(): void {
    if (this.#freed) return;
    this.#events.changed?.();
    if (this.idle && (this.#discarded || this.#state === 'failed')) this.#free();
    else this.#restFile();
    this.#room.settle();
  }

  #restFile(): void {
    if (this.#readers.size === 0 && !this.spilling) this.#spill?.file.rest();
  }

  #free(): void {
    this.#freed = true;
    if (!this.#outlives) this.#spill?.drop();
    this.#room.freed(this);
    this.#room.refund(this.#blocks.clear());
    this.#events.freed?.();
  }
}
