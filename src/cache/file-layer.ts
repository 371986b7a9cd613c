import { open, unlink } from 'node:fs/promises';

/** What the cache does with an open file. */
export interface OpenFile {
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  /** Writes the buffers one behind the other, or as much of them as there is room for now. */
  writev(buffers: readonly Buffer[], position: number): Promise<{ readonly bytesWritten: number }>;
  close(): Promise<void>;
}

/** A file that grows at its end. */
export interface AppendedFile {
  appendFile(text: string): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** The file system as far as spools need it; given in, so that a test can make a disk full, slow or gone. */
export interface FileLayer {
  open(path: string, flags: 'wx+' | 'r', mode: number): Promise<OpenFile>;
  append(path: string, mode: number): Promise<AppendedFile>;
  unlink(path: string): Promise<void>;
}

export const nodeFileLayer: FileLayer = { open, unlink, append: (path, mode) => open(path, 'a', mode) };
