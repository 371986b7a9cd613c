import { GatewayError } from '../core/index.js';
import type { FileLayer, OpenFile } from './file-layer.js';

/**
 * The file of one spool. It is open only while somebody reads or writes, so that the number of descriptors follows
 * concurrency and not the number of cached instances.
 */
export class SpoolFile {
  readonly #path: string;
  readonly #files: FileLayer;
  readonly #onRemoved: (file: SpoolFile) => void;
  #handle: Promise<OpenFile> | undefined;
  #created = false;
  #operations = 0;
  #resting = false;
  #removed = false;
  #gone = false;
  /** Bytes of the disk budget that stand behind this file. */
  reserved = 0;

  constructor(path: string, files: FileLayer, onRemoved: (file: SpoolFile) => void) {
    this.#path = path;
    this.#files = files;
    this.#onRemoved = onRemoved;
  }

  /** Whether `remove` was called. */
  get removed(): boolean {
    return this.#removed;
  }

  /** @throws GatewayError `cache-failed` when the bytes are not on disk */
  write(bytes: Buffer, position: number): Promise<void> {
    return this.#operate(async (handle) => {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
        if (bytesWritten <= 0) throw new Error('Nothing was written.');
        done += bytesWritten;
      }
    });
  }

  /** Exactly `length` bytes in memory of their own. @throws GatewayError `cache-failed` */
  read(position: number, length: number): Promise<Buffer> {
    return this.#operate(async (handle) => {
      const bytes = Buffer.allocUnsafeSlow(length);
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
        if (bytesRead <= 0) throw new Error('The file is shorter than what was written.');
        done += bytesRead;
      }
      return bytes;
    });
  }

  /** Nobody needs the file soon: its descriptor is closed until the next operation. */
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
      throw new GatewayError('cache-failed', 'The cache directory failed.', { cause });
    } finally {
      this.#operations -= 1;
      this.#settle();
    }
  }

  async #open(): Promise<OpenFile> {
    const handle = await this.#files.open(this.#path, this.#created ? 'r' : 'wx+', 0o600);
    this.#created = true;
    return handle;
  }

  #settle(): void {
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
