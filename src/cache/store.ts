import { ByteBudget, GatewayError } from '../core/index.js';
import type { BlockList } from './block-list.js';
import { BlockPool } from './block-pool.js';
import { CopiedSpools } from './copied-spools.js';
import type { DiskTier } from './disk-tier.js';
import { evictTogether } from './evict-together.js';
import { LentMemory } from './lent-memory.js';
import type { ReadingRoom } from './reading.js';
import { Spill } from './spill.js';
import { bytesByState } from './spool-bytes.js';
import type { SpoolBytes } from './spool-file.js';
import type { SpoolReader } from './spool-reader.js';
import type { SpoolEvents } from './spool-contract.js';
import type { SpoolRoom } from './spool-room.js';
import { SpoolBody } from './spool.js';
import type { Evictor, SpoolStore, SpoolStoreStats } from './store-contract.js';
import type { StoreDependencies, StoreOptions } from './store-options.js';
import { WaitingWriters } from './waiting-writers.js';

/** A directory that failed is tried again after this; until then everything goes by memory. */
const DISK_PAUSE_MS = 30_000;
/** Bytes begin to move to disk when this much of the memory is used, so that an arriving instance need not wait. */
const HIGH_WATER = 0.75;

/** Blocks that wait to be used again are kept up to this share of the memory, and beside it. */
const FREE_SHARE = 8;

/** How long the end waits for what moves to disk: memory holds as much as a slow disk takes in that time. */
const LAST_MOVES_MS = 5_000;

export class Store implements SpoolStore, SpoolRoom<SpoolBody>, ReadingRoom {
  readonly blockBytes: number;
  readonly pool: BlockPool;
  readonly spillBytes: number;
  readonly largeBytes: number;
  readonly #deps: StoreDependencies;
  readonly #memory: ByteBudget;
  readonly #spools = new Set<SpoolBody>();
  /** Those that could still be moved to disk. */
  readonly #unspilled = new Set<SpoolBody>();
  /** Those of them that are worth a file: moving a few thousand bytes costs as much as moving many. */
  readonly #large = new Set<SpoolBody>();
  readonly #spilling = new Map<SpoolBody, Spill>();
  readonly copied = new CopiedSpools();
  readonly #blocked = new Set<Spill>();
  readonly #readers = new Map<SpoolReader, SpoolBody>();
  readonly #writers: WaitingWriters;
  #evictor: Evictor | undefined;
  #diskFailedAt = -Infinity;
  readonly #lent: LentMemory;
  #settling = false;
  #closed = false;
  readonly #removeFile = (file: SpoolBytes): void => {
    this.#deps.disk?.remove(file);
  };
  #whenMoved: () => void = () => undefined;

  constructor(options: StoreOptions, deps: StoreDependencies) {
    this.blockBytes = options.blockBytes;
    this.pool = new BlockPool(options.blockBytes, options.memoryBytes / FREE_SHARE);
    this.spillBytes = deps.disk ? options.spillBytes : Infinity;
    this.largeBytes = options.memoryBytes / 4;
    this.#deps = deps;
    this.#memory = new ByteBudget(options.memoryBytes);
    this.#lent = new LentMemory(options.memoryBytes, options.blockBytes);
    this.#writers = new WaitingWriters(options.stallTimeoutMs, {
      observe: deps.observe,
      clock: deps.clock,
      readers: this.#readers,
      diskProgress: () => (this.relievable ? deps.disk?.progress : undefined),
      leaving: () => (deps.disk?.leaving ?? 0) > 0,
      isFull: () => this.exhausted && (!deps.disk || this.#blocked.size > 0),
      spools: this.#spools,
      mostBytes: deps.disk ? Infinity : options.memoryBytes - options.blockBytes,
      settle: () => {
        this.#settle();
      },
    });
    if (deps.disk) {
      deps.disk.onRoom = () => {
        this.settle();
      };
    }
  }

  get stats(): SpoolStoreStats {
    let openSpools = 0;
    for (const { state } of this.#spools) if (state === 'open') openSpools += 1;
    return {
      memoryBytes: this.#memory.used,
      memoryLimit: this.#memory.limit,
      diskBytes: this.#deps.disk?.used ?? 0,
      diskLimit: this.#deps.disk?.configuredLimit ?? 0,
      diskFailing: this.#deps.disk !== undefined && this.#disk === undefined,
      bytes: () => bytesByState(this.#spools),
      openSpools,
      spools: this.#spools.size,
      readers: this.#readers.size,
      waitingWriters: this.#writers.size,
    };
  }

  get exhausted(): boolean {
    return this.#memory.used > this.#memory.limit;
  }

  get relievable(): boolean {
    if (this.#disk === undefined || this.#blocked.size > 0) return false;
    for (const spill of this.#spilling.values()) if (spill.busy) return true;
    return false;
  }

  /** Whether the disk, if there is one, has not failed lately. */
  get takesCopies(): boolean {
    return this.#disk !== undefined;
  }

  get readBytes(): number {
    return this.#lent.readBytes;
  }

  lentBytes(most: number): number {
    return Math.min(most, this.#lent.lentBytes);
  }

  mayReadAhead(bytes: number): boolean {
    return !this.exhausted && this.#lent.mayReadAhead(bytes);
  }

  set evictor(evictor: Evictor) {
    this.#evictor = evictor;
  }

  create(onShort?: () => void): SpoolBody {
    return this.createWith(onShort ? { short: onShort } : {});
  }

  /** As `create`, for an owner that wants to know more, and may know about how many bytes will come. */
  createWith(events: SpoolEvents, expectedBytes?: number): SpoolBody {
    if (this.#closed) throw shuttingDown();
    const spool = new SpoolBody(this, events, { expectedBytes });
    this.#spools.add(spool);
    this.#unspilled.add(spool);
    return spool;
  }

  /** A spool of `length` bytes that an earlier process left in `file`. */
  adopt(file: SpoolBytes, length: number, events: SpoolEvents): SpoolBody {
    const spool = new SpoolBody(this, events, { savedBytes: length });
    this.#spools.add(spool);
    spool.restored(Spill.ofSaved({ file, removeFile: this.#removeFile }));
    return spool;
  }

  /** Takes everything from everybody and deletes the files of what does not outlive the process. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const spool of [...this.#spools]) spool.destroy(shuttingDown());
    this.#settle();
    await this.#deps.disk?.close();
  }

  /** Resolves when nothing is on its way to disk any more, or after a while. */
  async moved(): Promise<void> {
    if (!this.#moving) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#deps.clock.after(LAST_MOVES_MS, resolve);
      this.#whenMoved = () => {
        cancel();
        resolve();
      };
    });
  }

  charge(bytes: number, spool?: SpoolBody): void {
    this.#memory.forceAcquire(bytes);
    if (spool && spool.length * 4 >= this.blockBytes && this.#unspilled.has(spool)) this.#large.add(spool);
    if (this.#memory.used > this.#memory.limit * HIGH_WATER) this.#relieve();
  }

  borrow(bytes: number): void {
    this.#lent.used += bytes;
    this.charge(bytes);
  }

  giveBack(bytes: number): void {
    this.#lent.used -= bytes;
    this.refund(bytes);
  }

  refund(bytes: number): void {
    if (bytes === 0) return;
    this.#memory.release(bytes);
    this.settle();
  }

  startSpill(spool: SpoolBody, blocks: BlockList, keeps: boolean): Spill | undefined {
    const disk = this.#disk;
    if (!disk || this.#closed) return undefined;
    const file = disk.create(spool.size);
    const spill: Spill = Spill.of({
      file,
      blocks,
      reserve: (asking, bytes) => this.#reserve(asking, spool, bytes),
      removeFile: this.#removeFile,
      urgent: () => this.exhausted,
      onWritten: (freed) => {
        this.refund(freed);
      },
      onFailed: (error) => {
        this.#diskFailed(error);
        if (!spill.keeps) spool.spillFailed(error);
      },
      onGivenUp: () => {
        this.copied.delete(spool);
        if (this.#spools.has(spool)) this.#unspilled.add(spool);
        spool.notCopied();
      },
      onEnded: () => {
        this.#spilling.delete(spool);
        this.#blocked.delete(spill);
        spool.spillEnded();
        if (!this.#moving) this.#whenMoved();
        this.settle();
      },
    });
    this.#stay(spool);
    this.#spilling.set(spool, spill);
    if (keeps) this.copied.add(spool, spill);
    return spill;
  }

  waitForRoom(spool: SpoolBody): Promise<void> {
    return this.#writers.wait(spool);
  }

  readerCame(reader: SpoolReader, spool: SpoolBody): void {
    this.#readers.set(reader, spool);
  }

  readerLeft(reader: SpoolReader): void {
    this.#readers.delete(reader);
  }

  overflowed(spool: SpoolBody): void {
    this.#stay(spool);
    this.#deps.observe({ kind: 'cache', event: 'overflow', tier: this.#deps.disk ? 'disk' : 'memory' });
  }

  freed(spool: SpoolBody): void {
    this.#spools.delete(spool);
    this.copied.delete(spool);
    this.#stay(spool);
  }

  /** Looks soon, and once for many events, at what can go on now. */
  settle(): void {
    if (this.#settling || (this.#writers.size === 0 && this.#blocked.size === 0)) return;
    this.#settling = true;
    queueMicrotask(() => {
      this.#settling = false;
      this.#settle();
    });
  }

  now(): number {
    return this.#writers.progress();
  }

  get #disk(): DiskTier | undefined {
    const failedLately = this.#deps.clock.now() - this.#diskFailedAt < DISK_PAUSE_MS;
    return failedLately ? undefined : this.#deps.disk;
  }

  get #moving(): boolean {
    return this.#spilling.size > this.#blocked.size;
  }

  #settle(): void {
    for (const spill of [...this.#blocked]) {
      spill.pump();
      if (spill.blocked) break;
    }
    if (this.exhausted) this.#relieve();
    this.#writers.check();
  }

  /** Makes room in memory: by moving bytes to disk, or by dropping what nobody reads. */
  #relieve(): void {
    if (this.#disk) this.#moveToDisk();
    else while (this.exhausted && this.#evictor?.dropIdle('memory'));
  }

  #moveToDisk(): void {
    this.copied.letGoWhile(() => this.#staying() > this.#memory.limit * HIGH_WATER);
    if (this.exhausted) for (const spill of this.#spilling.values()) spill.pump();
    for (
      let staying = this.#staying();
      staying > this.#memory.limit * HIGH_WATER;
      staying = this.#staying()
    ) {
      const spool = this.#nextToSpill(staying > this.#memory.limit);
      spool?.spill();
      if (!spool?.spilled) break;
    }
    // What is left is what entries on disk need in memory, and entries that the disk has no room for.
    while (this.#staying() > this.#memory.limit && this.#evictor?.dropIdle('disk'));
  }

  /** Bytes of memory used that are not on their way to disk. */
  #staying(): number {
    let staying = this.#memory.used;
    for (const [spool, spill] of this.#spilling)
      if (!spill.blocked && !spill.keeps) staying -= spool.memoryBytes;
    return staying;
  }

  /** The least recently used one if it is worth a file, else any that is, else, if it must be, any. */
  #nextToSpill(must: boolean): SpoolBody | undefined {
    const idle = this.#evictor?.oldestIdleInMemory();
    if (idle && this.#large.has(idle)) return idle;
    for (const spool of this.#large) return spool;
    if (!must || idle) return must ? idle : undefined;
    for (const spool of this.#unspilled) if (spool.memoryBytes > 0) return spool;
    return undefined;
  }

  /** It does not go to disk, or goes already. */
  #stay(spool: SpoolBody): void {
    this.#unspilled.delete(spool);
    this.#large.delete(spool);
  }

  #reserve(spill: Spill, spool: SpoolBody, bytes: number): boolean {
    const suits = (other: SpoolBody): boolean => other !== spool && other.diskBytes > 0;
    const evict = (): boolean => evictTogether(this.#evictor, suits);
    const reserved = this.#deps.disk?.reserve(spill.file, bytes, evict) ?? false;
    if (reserved || spill.keeps || !spill.active) this.#blocked.delete(spill);
    else this.#blocked.add(spill);
    if (!this.#moving) this.#whenMoved();
    return reserved;
  }

  #diskFailed(error: GatewayError): void {
    this.#diskFailedAt = this.#deps.clock.now();
    this.#deps.observe({ kind: 'cache-disk-failed', part: 'directory', error });
  }
}

const shuttingDown = (): GatewayError => new GatewayError('shutting-down', 'The gateway is shutting down.');
