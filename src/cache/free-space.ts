import { statfs } from 'node:fs/promises';
import type { Clock } from '../core/index.js';

/** The file system is asked this often; in between, what was written is counted. */
const LOOK_MS = 10_000;

/** How much of a file system may still be used, so that others find some left. */
export class FreeSpace {
  readonly #directory: string;
  readonly #keepBytes: number;
  readonly #clock: Clock;
  #freeBytes = Infinity;
  #cancel: () => void = () => undefined;
  #stopped = false;

  private constructor(directory: string, keepBytes: number, clock: Clock) {
    this.#directory = directory;
    this.#keepBytes = keepBytes;
    this.#clock = clock;
  }

  /** Watches the file system of `directory`; with `keepBytes` 0 nothing is watched and nothing is ever short. */
  static async watch(directory: string, keepBytes: number, clock: Clock): Promise<FreeSpace> {
    const space = new FreeSpace(directory, keepBytes, clock);
    if (keepBytes > 0) await space.#look();
    return space;
  }

  /** Bytes that may be written before others would miss them; negative when some should be given back. */
  get spareBytes(): number {
    return this.#freeBytes - this.#keepBytes;
  }

  /** Bytes were written, or deleted if negative, since the last look. */
  spend(bytes: number): void {
    this.#freeBytes -= bytes;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #look(): Promise<void> {
    try {
      const { bavail, bsize } = await statfs(this.#directory);
      this.#freeBytes = bavail * bsize;
    } catch {
      // The directory is gone or the file system does not tell: writing to it will say so.
      this.#freeBytes = Infinity;
    }
    if (this.#stopped) return;
    this.#cancel = this.#clock.after(LOOK_MS, () => void this.#look());
  }
}
