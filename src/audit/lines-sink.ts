import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { Numbered, Sink } from './sender.js';

const textOf = (records: readonly Numbered[]): string =>
  records.map(({ number, record }) => `${JSON.stringify({ audit: number, ...record })}\n`).join('');

/** JSON lines at the end of a file, that others may move away: after `reopen` they go to the one of that name then. */
export class FileSink implements Sink {
  readonly name = 'lines';
  readonly #path: string;
  readonly #syncs: boolean;
  #file: FileHandle | undefined;
  #isOutdated = false;

  constructor(path: string, syncs: boolean) {
    this.#path = path;
    this.#syncs = syncs;
  }

  /** The next lines go to the file that has the name then. */
  reopen(): void {
    this.#isOutdated = true;
  }

  async send(records: readonly Numbered[]): Promise<void> {
    if (this.#isOutdated) await this.close();
    this.#isOutdated = false;
    this.#file ??= await open(this.#path, 'a', 0o600);
    const file = this.#file;
    const { size } = await file.stat();
    try {
      await file.writeFile(textOf(records));
      if (this.#syncs) await file.datasync();
    } catch (error) {
      // No half line stays: all of them come again.
      await file.truncate(size).catch(() => undefined);
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }
}

/** JSON lines to standard output or standard error. */
export class StreamSink implements Sink {
  readonly name = 'lines';
  readonly #stream: Writable;
  #stop: () => void = () => undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  send(records: readonly Numbered[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stop = () => {
        reject(new Error('closed'));
      };
      this.#stream.write(textOf(records), (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** What nobody reads is not waited for. */
  close(): Promise<void> {
    this.#stop();
    return Promise.resolve();
  }
}
