import type { GatewayError } from '../core/index.js';
import type { Block } from './block.js';
import type { BlockList } from './block-list.js';
import type { SpoolBytes } from './spool-file.js';

/** Writes of one spool that run at once: two keep a disk busy. */
const WRITES_AT_ONCE = 2;
/** Blocks that make up so many bytes are written in one go: each write costs as much as copying half of that. */
const WRITE_BYTES = 1024 * 1024;

export interface SpillDependencies {
  readonly file: SpoolBytes;
  readonly blocks: BlockList;
  /** Takes bytes of the disk budget; false when there are none now: `pump` is called again later. */
  readonly reserve: (spill: Spill, bytes: number) => boolean;
  /** Whether memory is so short that blocks go before they are full. */
  readonly urgent: () => boolean;
  /** Blocks have left memory; the number of bytes of memory freed. */
  readonly onWritten: (freed: number) => void;
  readonly onFailed: (error: GatewayError) => void;
  /** A copy is given up, and no write of it is under way any more: all bytes are in memory. */
  readonly onGivenUp: () => void;
  /** One for all spills: what is on disk keeps it. */
  readonly removeFile: (file: SpoolBytes) => void;
  /** Everything is on disk, or will never be. */
  readonly onEnded: () => void;
}

/** Moves or copies the blocks of one spool from memory to its file, in order, a bounded number at a time. */
export class Spill {
  readonly file: SpoolBytes;
  /** Undefined when it has ended: there are as many of those as instances on disk. */
  #deps: SpillDependencies | undefined;
  readonly #removeFile: (file: SpoolBytes) => void;
  #writing = 0;
  #final = false;
  #ended = false;
  #whenWritten: (() => void) | undefined;
  /** Whether the disk budget has no room for the next block. */
  blocked = false;
  /** Whether every byte of the finished spool is on disk. */
  saved = false;
  /** Whether what is on disk stays in memory too. */
  keeps = false;

  private constructor(
    { file, removeFile }: Pick<SpillDependencies, 'file' | 'removeFile'>,
    deps?: SpillDependencies,
  ) {
    this.#deps = deps;
    this.#removeFile = removeFile;
    this.file = file;
  }

  /** Of a spool that an earlier process moved. */
  static ofSaved(of: Pick<SpillDependencies, 'file' | 'removeFile'>): Spill {
    const spill = new Spill(of);
    spill.saved = true;
    spill.#ended = true;
    return spill;
  }

  /** Moves or copies the blocks. */
  static of(deps: SpillDependencies): Spill {
    return new Spill(deps, deps);
  }

  /** Whether blocks still move. */
  get active(): boolean {
    return !this.#ended;
  }

  /** Whether bytes are on their way to disk at this moment. */
  get busy(): boolean {
    return this.#writing > 0;
  }

  /** No more bytes will come: the last block goes too, full or not. */
  seal(): void {
    this.#final = true;
    this.pump();
  }

  /** Starts the writes that can start. */
  pump(): void {
    while (this.#deps && this.#writing < WRITES_AT_ONCE) {
      const blocks = this.#deps.blocks.nextToWrite(this.#final || this.#deps.urgent(), WRITE_BYTES);
      const [first] = blocks;
      if (!first) {
        if (this.#final && this.#writing === 0) {
          this.saved = true;
          this.stop();
        }
        return;
      }
      const run = [blocks, [first]].find((one) => this.#reserve(one));
      if (!run && this.keeps) {
        this.#giveUp(this.#deps);
        return;
      }
      this.blocked = run === undefined;
      // Making room may have dropped the very spool this belongs to.
      if (!run || this.#stopped()) return;
      for (const block of run) block.writing = true;
      this.#writing += 1;
      void this.#write(run, first.start);
    }
  }

  /** Starts no more writes; what is in memory stays there. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.blocked = false;
    const deps = this.#deps;
    this.#deps = undefined;
    deps?.onEnded();
  }

  /** What is on disk leaves memory, and from now on at once; returns the bytes of memory freed, none of a copy that is given up. */
  letGo(blocks: BlockList): number {
    if (this.#ended && !this.saved) return 0;
    this.keeps = false;
    return blocks.dropWritten();
  }

  /** Nobody needs the file any more. */
  drop(): void {
    this.stop();
    this.#removeFile(this.file);
  }

  #reserve(blocks: readonly Block[]): boolean {
    const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
    return this.#deps?.reserve(this, bytes) ?? false;
  }

  #stopped(): boolean {
    return this.#ended;
  }

  async #write(blocks: readonly Block[], start: number): Promise<void> {
    try {
      const pieces = blocks.map(({ bytes, length }) => bytes.subarray(0, length));
      await this.file.write(pieces, start);
    } catch (error) {
      this.#written();
      const deps = this.#deps;
      if (deps === undefined) return;
      this.stop();
      deps.onFailed(error as GatewayError);
      if (this.keeps) this.#giveUp(deps);
      return;
    }
    this.#written();
    if (this.#deps === undefined) return;
    for (const block of blocks) block.written = true;
    this.#deps.onWritten(this.keeps ? 0 : this.#deps.blocks.dropWritten());
    this.pump();
  }

  #giveUp(deps: SpillDependencies): void {
    this.stop();
    if (this.#writing === 0) deps.onGivenUp();
    else this.#whenWritten = deps.onGivenUp;
  }

  #written(): void {
    this.#writing -= 1;
    if (this.#writing === 0) this.#whenWritten?.();
  }
}
