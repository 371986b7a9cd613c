import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ByteBudget, type Clock } from '../core/index.js';
import { lockDirectory } from './directory-lock.js';
import type { FileLayer } from './file-layer.js';
import { SpoolFile } from './spool-file.js';

export interface DiskOptions {
  readonly directory: string;
  /** Most bytes of spools in the directory. */
  readonly bytes: number;
}

/** Only what was made here is ever deleted, whatever directory somebody names. */
const SPOOL_FILE = /^[0-9a-f]{32}\.spool$/;

/** The cache directory: files named without meaning, within a number of bytes. */
export class DiskTier {
  readonly #directory: string;
  readonly #files: FileLayer;
  readonly #unlock: () => Promise<void>;
  readonly #budget: ByteBudget;
  readonly #present = new Set<SpoolFile>();
  /** Bytes of files that are being deleted. */
  #leaving = 0;
  #whenEmpty: (() => void) | undefined;
  /** Bytes that went to disk since the start: stands still when the disk hangs. */
  progress = 0;
  /** Called when bytes of the budget have come free. */
  onRoom: () => void = () => undefined;

  private constructor(options: DiskOptions, files: FileLayer, unlock: () => Promise<void>) {
    this.#directory = options.directory;
    this.#files = files;
    this.#unlock = unlock;
    this.#budget = new ByteBudget(options.bytes);
  }

  /**
   * Locks the directory for this process and removes what a dead one has left in it.
   * @throws GatewayError `cache-failed` when the directory cannot be used
   */
  static async open(options: DiskOptions, files: FileLayer, clock: Clock): Promise<DiskTier> {
    const unlock = await lockDirectory(options.directory, clock);
    for (const name of await readdir(options.directory)) {
      if (SPOOL_FILE.test(name)) await rm(join(options.directory, name), { force: true });
    }
    return new DiskTier(options, files, unlock);
  }

  get used(): number {
    return this.#budget.used;
  }

  get limit(): number {
    return this.#budget.limit;
  }

  /** Bytes that come free as soon as files are deleted. */
  get leaving(): number {
    return this.#leaving;
  }

  createFile(): SpoolFile {
    const path = join(this.#directory, `${randomBytes(16).toString('hex')}.spool`);
    const file: SpoolFile = new SpoolFile(path, this.#files, () => {
      this.#forget(file);
    });
    this.#present.add(file);
    return file;
  }

  /** Takes bytes for `file`, dropping what `evict` drops; false when there are none now. */
  reserve(file: SpoolFile, bytes: number, evict: () => boolean): boolean {
    while (this.used - this.#leaving + bytes > this.limit && evict());
    // Making room may have dropped the very spool that asks.
    if (file.removed || this.used + bytes > this.limit) return false;
    this.#budget.forceAcquire(bytes);
    this.progress += bytes;
    file.reserved += bytes;
    return true;
  }

  /** Deletes `file` when its operations have ended. */
  remove(file: SpoolFile): void {
    if (!this.#present.has(file) || file.removed) return;
    this.#leaving += file.reserved;
    file.remove();
  }

  /** Resolves when every file that was removed is gone and the directory is free for others. */
  async close(): Promise<void> {
    for (const file of this.#present) this.remove(file);
    if (this.#present.size > 0) {
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve;
      });
    }
    await this.#unlock();
  }

  #forget(file: SpoolFile): void {
    this.#present.delete(file);
    this.#leaving -= file.reserved;
    this.#budget.release(file.reserved);
    if (this.#present.size === 0) this.#whenEmpty?.();
    this.onRoom();
  }
}
