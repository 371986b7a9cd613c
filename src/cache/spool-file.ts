import { join } from 'node:path';
import { GatewayError } from '../core/index.js';
import type { FileLayer, OpenFile } from './file-layer.js';

/** Where the bytes of a spool are: which file of the directory, and where in it. */
export interface Place {
  readonly file: string;
  readonly offset: number;
}

/** What a spool writes to disk: a file of its own, or a place in one that it shares. */
export interface SpoolBytes {
  /** Bytes of the disk budget that stand behind them. */
  reserved: number;
  /** Whether `remove` was called. */
  readonly removed: boolean;
  readonly place: Place;
  /** The file that it shares: its bytes come free when all who share it are gone. */
  readonly group: object | undefined;
  /** Writes pieces one behind the other. @throws GatewayError `cache-failed` when the bytes are not on disk */
  write(pieces: readonly Buffer[], position: number): Promise<void>;
  /** Fills `into` from `position` on. @throws GatewayError `cache-failed` when there are fewer bytes */
  read(position: number, into: Buffer): Promise<void>;
  /** Nobody needs them soon. */
  rest(): void;
  /** Nobody needs them any more. */
  remove(): void;
}

export interface FileLocation {
  readonly directory: string;
  readonly name: string;
  /** Whether it was made before, by this process or an earlier one. */
  readonly exists: boolean;
}

/**
 * The file of one spool, or of several that share it. It is open only while somebody reads or writes, so that the number of descriptors follows
 * concurrency and not the number of cached instances.
 */
export class SpoolFile implements SpoolBytes {
  readonly place: Place;
  readonly group = undefined;
  readonly #directory: string;
  readonly #files: FileLayer;
  readonly #onRemoved: (file: SpoolFile) => void;
  #handle: Promise<OpenFile> | undefined;
  #created: boolean;
  #operations = 0;
  #resting = false;
  #removed = false;
  #gone = false;
  #failed = false;
  #whenIdle: () => void = () => undefined;
  reserved = 0;

  constructor(location: FileLocation, files: FileLayer, onRemoved: (file: SpoolFile) => void) {
    this.#directory = location.directory;
    this.place = { file: location.name, offset: 0 };
    this.#created = location.exists;
    this.#files = files;
    this.#onRemoved = onRemoved;
  }

  get #path(): string {
    return join(this.#directory, this.place.file);
  }

  get removed(): boolean {
    return this.#removed;
  }

  write(pieces: readonly Buffer[], position: number): Promise<void> {
    return this.#operate(async (handle) => {
      let at = position;
      for (let left = pieces; left.length > 0;) {
        const { bytesWritten } = await handle.writev(left, at);
        if (bytesWritten <= 0) throw new Error('Nothing was written.');
        at += bytesWritten;
        left = behind(left, bytesWritten);
      }
    });
  }

  read(position: number, into: Buffer): Promise<void> {
    return this.#operate(async (handle) => {
      for (let done = 0; done < into.length;) {
        const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
        if (bytesRead <= 0) throw new Error('The file is shorter than what was written.');
        done += bytesRead;
      }
    });
  }

  /** An operation on it has failed: nothing more should be put there. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Resolves when no operation runs and the descriptor is closed. */
  async closed(): Promise<void> {
    this.rest();
    while (this.#operations > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
  }

  /** Its descriptor is closed until the next operation. */
  rest(): void {
    this.#resting = true;
    this.#settle();
  }

  /** Deletes the file once the operations that run have ended. */
  remove(): void {
    this.#removed = true;
    this.#settle();
  }

  async #operate<T>(operation: (handle: OpenFile) => Promise<T>): Promise<T> {
    if (this.#removed) throw new GatewayError('cache-failed', 'The cached bytes were dropped.');
    this.#operations += 1;
    this.#resting = false;
    try {
      this.#handle ??= this.#open();
      return await operation(await this.#handle);
    } catch (cause) {
      this.#failed = true;
      throw new GatewayError('cache-failed', 'The cache directory failed.', { cause });
    } finally {
      this.#operations -= 1;
      this.#settle();
    }
  }

  async #open(): Promise<OpenFile> {
    try {
      const handle = await this.#files.open(this.#path, this.#created ? 'r' : 'wx+', 0o600);
      this.#created = true;
      return handle;
    } catch (error) {
      this.#handle = undefined; // the next operation may find a descriptor
      throw error;
    }
  }

  #settle(): void {
    if (this.#operations === 0) this.#whenIdle();
    if (this.#operations > 0 || !(this.#resting || this.#removed)) return;
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle) {
      this.#operations += 1;
      void this.#close(handle);
    } else if (this.#removed && this.#created) {
      this.#created = false;
      this.#operations += 1;
      void this.#unlink();
    } else if (this.#removed && !this.#gone) {
      this.#gone = true;
      this.#onRemoved(this);
    }
  }

  async #close(handle: Promise<OpenFile>): Promise<void> {
    try {
      await (await handle).close();
    } catch {
      // It did not open, or nothing can be done: every operation has reported its own failure.
    }
    this.#operations -= 1;
    this.#settle();
  }

  async #unlink(): Promise<void> {
    try {
      await this.#files.unlink(this.#path);
    } catch {
      // Gone already, or removed at the next start.
    }
    this.#operations -= 1;
    this.#settle();
  }
}

/** What is left of `pieces` when the first `bytes` of them are done. */
function behind(pieces: readonly Buffer[], bytes: number): readonly Buffer[] {
  let done = bytes;
  const left: Buffer[] = [];
  for (const piece of pieces) {
    if (done < piece.length) left.push(piece.subarray(done));
    done = Math.max(0, done - piece.length);
  }
  return left;
}
