import { open, unlink } from 'node:fs/promises';
import type { AppendedFile, FileLayer, OpenFile } from '../../../src/cache/index.js';

/** A file system whose disk can be full, slow, hung or short of breath. */
export class FaultLayer implements FileLayer {
  /** Bytes that the disk still takes. */
  room = Infinity;
  /** Most bytes that one write or read moves. */
  most = Infinity;
  /** The code that opening a file fails with. */
  openFails: string | undefined;
  /** The code that deleting a file fails with. */
  unlinkFails: string | undefined;
  /** Files open now, and most at once. */
  openFiles = 0;
  mostOpenFiles = 0;
  written = 0;
  writes = 0;
  /** Reads that were asked for, and whether one fails. */
  reads: { readonly position: number; readonly length: number }[] = [];
  readFails: (position: number) => boolean = () => false;
  /** Reads wait for it. */
  readsWaitFor: Promise<unknown> = Promise.resolve();
  #held: (() => void)[] | undefined;

  /** Writes wait until `resume`. */
  hang(): void {
    this.#held = [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const go of held) go();
  }

  async open(path: string, flags: 'wx+' | 'r', mode: number): Promise<OpenFile> {
    if (this.openFails) throw Object.assign(new Error(this.openFails), { code: this.openFails });
    const handle = await open(path, flags, mode);
    this.openFiles += 1;
    this.mostOpenFiles = Math.max(this.mostOpenFiles, this.openFiles);
    return {
      read: async (buffer, offset, length, position) => {
        this.reads.push({ position, length });
        await this.readsWaitFor;
        if (this.readFails(position)) throw Object.assign(new Error('EIO'), { code: 'EIO' });
        return handle.read(buffer, offset, Math.min(length, this.most), position);
      },
      writev: async (buffers, position) => {
        const bytes = Buffer.concat(buffers);
        const held = this.#held;
        if (held) await new Promise<void>((resolve) => held.push(resolve));
        if (this.written + bytes.length > this.room)
          throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
        this.written += bytes.length;
        this.writes += 1;
        return handle.write(bytes, 0, Math.min(bytes.length, this.most), position);
      },
      close: async () => {
        this.openFiles -= 1;
        await handle.close();
      },
    };
  }

  async append(path: string, mode: number): Promise<AppendedFile> {
    const handle = await open(path, 'a', mode);
    return {
      appendFile: async (text) => {
        const held = this.#held;
        if (held) await new Promise<void>((resolve) => held.push(resolve));
        if (this.written + text.length > this.room)
          throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
        await handle.appendFile(text);
      },
      datasync: () => handle.datasync(),
      close: () => handle.close(),
    };
  }

  async unlink(path: string): Promise<void> {
    if (this.unlinkFails) throw Object.assign(new Error(this.unlinkFails), { code: this.unlinkFails });
    await unlink(path);
  }
}
