import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Position } from './spool.js';

/** How far one of those who send has come, kept in a file beside the spool. */
export class Cursor {
  readonly #path: string;
  at: Position | undefined;

  constructor(directory: string, name: string) {
    this.#path = join(directory, `${name}.cursor`);
  }

  /** Reads where an earlier process was; one that cannot be read begins with the oldest record. */
  async load(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    this.at = parsePosition(text);
  }

  /** All before `position` has been sent. @throws the file system's error */
  async save(position: Position): Promise<void> {
    this.at = position;
    await writeFile(`${this.#path}.tmp`, JSON.stringify(position), { mode: 0o600 });
    await rename(`${this.#path}.tmp`, this.#path);
  }
}

function parsePosition(text: string): Position | undefined {
  try {
    const value = JSON.parse(text) as Partial<Record<keyof Position, unknown>>;
    const { number, segment, offset } = value;
    const isPlace = [number, segment, offset].every((one) => Number.isSafeInteger(one) && Number(one) >= 0);
    return isPlace ? { number: Number(number), segment: Number(segment), offset: Number(offset) } : undefined;
  } catch {
    return undefined;
  }
}
