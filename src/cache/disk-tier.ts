import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ByteBudget, type Clock } from '../core/index.js';
import { lockDirectory } from './directory-lock.js';
import type { FileLayer } from './file-layer.js';
import { FreeSpace } from './free-space.js';
import { Segment } from './segment.js';
import { SpoolFile, type Place, type SpoolBytes } from './spool-file.js';

export interface DiskOptions {
  readonly directory: string;
  /** Most bytes of spools in the directory. */
  readonly bytes: number;
  /** Bytes that the file system must have left for others; 0 when left out. */
  readonly keepFreeBytes?: number;
  /** How long an instance is kept at most; for ever when left out. */
  readonly maxAgeMs?: number;
  /** How long what has come is in memory alone at most; as long as there is room for it there when 0 or left out. */
  readonly writeAfterMs?: number;
  /** Size of the files that small instances share; 0: each has its own. Follows from `bytes` when left out. */
  readonly segmentBytes?: number;
}

/** Only what was made here is ever deleted, whatever directory somebody names. */
const SPOOL_FILE = /^[0-9a-f]{32}\.(?:spool|segment)$/;
const MIB = 2 ** 20;
/** Segments are kept open: 256 of them are well below what a process may open. */
const MOST_SEGMENTS = 256;
const LEAST_SEGMENT_BYTES = 32 * MIB;
/** A slot takes no more than this share of a segment. */
const SLOTS_AT_LEAST = 8;

/** The cache directory: files named without meaning, within a number of bytes. */
export class DiskTier {
  readonly directory: string;
  readonly files: FileLayer;
  readonly #unlock: () => Promise<void>;
  readonly #budget: ByteBudget;
  readonly #free: FreeSpace;
  readonly #segmentBytes: number;
  readonly #present = new Set<SpoolFile>();
  #current: Segment | undefined;
  /** Bytes of files that are being deleted. */
  #leaving = 0;
  /** Bytes in segments that nobody can use any more and that are still there. */
  #dead = 0;
  #whenEmpty: (() => void) | undefined;
  /** Bytes that went to disk since the start: stands still when the disk hangs. */
  progress = 0;
  /** Called when bytes of the budget have come free. */
  onRoom: () => void = () => undefined;

  private constructor(options: DiskOptions, files: FileLayer, unlock: () => Promise<void>, free: FreeSpace) {
    this.directory = options.directory;
    this.files = files;
    this.#unlock = unlock;
    this.#free = free;
    this.#budget = new ByteBudget(options.bytes);
    this.#segmentBytes = options.segmentBytes ?? segmentBytesFor(options.bytes);
  }

  /**
   * Locks the directory for this process.
   * @throws GatewayError `cache-failed` when the directory cannot be used
   */
  static async open(options: DiskOptions, files: FileLayer, clock: Clock): Promise<DiskTier> {
    const unlock = await lockDirectory(options.directory, clock);
    const free = await FreeSpace.watch(options.directory, options.keepFreeBytes ?? 0, clock);
    return new DiskTier(options, files, unlock, free);
  }

  get used(): number {
    return this.#budget.used;
  }

  /** Less than what is configured when the file system fills up. */
  get limit(): number {
    return Math.min(this.#budget.limit, Math.max(0, this.used + this.#free.spareBytes));
  }

  get configuredLimit(): number {
    return this.#budget.limit;
  }

  /** Bytes that come free as soon as files are deleted. */
  get leaving(): number {
    return this.#leaving;
  }

  /** A place for a spool; `length` is known of one that is complete. */
  create(length: number | undefined): SpoolBytes {
    if (length !== undefined && length * SLOTS_AT_LEAST <= this.#segmentBytes) return this.#slot(length);
    return this.#createFile('spool', false);
  }

  /** What an earlier process left at `places`; undefined for what is not there in full. Deletes all else. */
  async adopt(places: readonly (Place & { readonly length: number })[]): Promise<(SpoolBytes | undefined)[]> {
    const sizes = new Map<string, number>();
    for (const name of await readdir(this.directory)) {
      if (SPOOL_FILE.test(name)) sizes.set(name, (await stat(join(this.directory, name))).size);
    }
    const segments = new Map<string, Segment>();
    const adopted = places.map(({ file, offset, length }) => {
      const fits = offset + length <= (sizes.get(file) ?? -1) && this.used + length <= this.#budget.limit;
      if (!fits) return undefined;
      const bytes = this.#adoptOne({ file, offset }, length, segments);
      bytes.reserved = length;
      this.#budget.forceAcquire(length);
      return bytes;
    });
    const kept = new Set([...this.#present].map(({ place }) => place.file));
    for (const name of sizes.keys()) {
      if (!kept.has(name)) await rm(join(this.directory, name), { force: true });
    }
    for (const segment of segments.values()) segment.seal();
    return adopted;
  }

  /** Takes bytes for `file`, dropping what `evict` drops; false when there are none now. */
  reserve(file: SpoolBytes, bytes: number, evict: () => boolean): boolean {
    while (this.used - this.#leaving + bytes > this.limit && evict());
    // Making room may have dropped the very spool that asks.
    if (file.removed || this.used + bytes > this.limit) {
      // Segments that are not full hold dead bytes back.
      if (this.#dead > 0) this.#sealCurrent();
      return false;
    }
    this.#budget.forceAcquire(bytes);
    this.progress += bytes;
    this.#free.spend(bytes);
    file.reserved += bytes;
    return true;
  }

  /** Deletes the bytes when the operations on them have ended. */
  remove(file: SpoolBytes): void {
    if (file.removed) return;
    if (file.group === undefined) this.#leaving += file.reserved;
    file.remove();
  }

  /**
   * Resolves when every file that was removed is gone and the directory is free for others; what is not removed stays
   * for the next process.
   */
  async close(): Promise<void> {
    this.#free.stop();
    this.#sealCurrent();
    for (const file of this.#present) if (!file.removed) file.rest();
    if (this.#removing()) {
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
    }
    await Promise.all([...this.#present].map((file) => file.closed()));
    await this.#unlock();
  }

  #createFile(kind: 'spool' | 'segment', exists: boolean, name?: string): SpoolFile {
    const location = {
      directory: this.directory,
      name: name ?? `${randomBytes(16).toString('hex')}.${kind}`,
      exists,
    };
    const file: SpoolFile = new SpoolFile(location, this.files, () => {
      this.#forget(file);
    });
    this.#present.add(file);
    return file;
  }

  #slot(length: number): SpoolBytes {
    if (this.#current && (this.#current.end + length > this.#segmentBytes || this.#current.file.failed)) {
      this.#sealCurrent();
    }
    this.#current ??= this.#segment(this.#createFile('segment', false));
    return this.#current.slot(length);
  }

  #segment(file: SpoolFile): Segment {
    return new Segment(file, {
      onDead: (bytes) => {
        this.#dead += bytes;
      },
      onEmpty: (segment) => {
        this.#dead -= segment.reserved;
        this.#leaving += segment.reserved;
        segment.file.reserved = segment.reserved;
        segment.file.remove();
      },
    });
  }

  #sealCurrent(): void {
    const segment = this.#current;
    this.#current = undefined;
    segment?.seal();
  }

  #adoptOne({ file, offset }: Place, length: number, segments: Map<string, Segment>): SpoolBytes {
    if (file.endsWith('.spool')) return this.#createFile('spool', true, file);
    let segment = segments.get(file);
    if (!segment) segments.set(file, (segment = this.#segment(this.#createFile('segment', true, file))));
    return segment.slot(length, offset);
  }

  #removing(): boolean {
    return [...this.#present].some(({ removed }) => removed);
  }

  #forget(file: SpoolFile): void {
    this.#present.delete(file);
    this.#leaving -= file.reserved;
    this.#budget.release(file.reserved);
    this.#free.spend(-file.reserved);
    if (!this.#removing()) this.#whenEmpty?.();
    this.onRoom();
  }
}

/** None for a tier that is too small to hold several segments. */
function segmentBytesFor(bytes: number): number {
  if (bytes < 16 * LEAST_SEGMENT_BYTES) return 0;
  return Math.max(LEAST_SEGMENT_BYTES, Math.ceil(bytes / MOST_SEGMENTS));
}
