import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GatewayError, type Clock, type Observe } from '../core/index.js';
import { bootId } from './directory-lock.js';
import type { AppendedFile, FileLayer } from './file-layer.js';

/** What is written down of an entry; JSON. */
export interface JournalRecord {
  readonly id: string;
  readonly [name: string]: unknown;
}

/** Where a journal lies, and what time it is there. */
export interface JournalPlace {
  readonly directory: string;
  readonly files: FileLayer;
  readonly clock: Clock;
}

type Line =
  | { readonly do: 'open'; readonly format: number; readonly boot: string | undefined }
  | { readonly do: 'add'; readonly record: JournalRecord }
  | { readonly do: 'drop'; readonly id: string }
  | { readonly do: 'close' };

const NAME = 'journal';
/** Of its lines; another one is not believed. */
const FORMAT = 2;
/** Written anew when it has this many lines beyond two for each entry. */
const SLACK_LINES = 10_000;
/** Characters of lines that the disk has not taken yet; beyond them it is written anew, when the disk takes something. */
const MOST_PENDING = 4 * 2 ** 20;
/** A disk that failed is tried again after this, as by the bytes themselves. */
const RETRY_MS = 30_000;

/**
 * Which entries are whole on disk, one line of JSON for each that came or went, so that the next process finds them.
 *
 * A line is written after the bytes, and a half line at the end does not count. The kernel keeps what a killed process
 * wrote; after a crash of the machine nothing is known of it, so what was not closed in this boot is not believed.
 *
 * When the disk hangs, or more comes and goes than it takes, the file is deleted, so that the next process believes
 * nothing that is not so any more, and is written anew as soon as the disk takes something again; when it fails, as one
 * that is full does, after a pause.
 */
export class Journal {
  readonly #path: string;
  readonly #files: FileLayer;
  readonly #clock: Clock;
  readonly #observe: Observe;
  readonly #live = new Set<string>();
  #file: AppendedFile | undefined;
  /** Nothing is written down: it has not begun, has failed, or is closed. */
  #isOff = true;
  #cancelRetry: () => void = () => undefined;
  #pending: string[] = [];
  #pendingLength = 0;
  /** Its lines are lost, and only what is there tells what is right: pending until the file that is not is deleted. */
  #overdue: Promise<void> | undefined;
  #writing: Promise<void> | undefined;
  #lines = 0;
  #isEnding = false;
  #snapshot: () => readonly JournalRecord[] = () => [];

  private constructor({ directory, files, clock }: JournalPlace, observe: Observe) {
    this.#path = join(directory, NAME);
    this.#files = files;
    this.#clock = clock;
    this.#observe = observe;
  }

  /** Reads what an earlier process left: the journal, not open for writing yet, and its records, oldest first. */
  static async read(
    place: JournalPlace,
    observe: Observe,
  ): Promise<[journal: Journal, records: readonly JournalRecord[]]> {
    const journal = new Journal(place, observe);
    const text = await readFile(journal.#path, 'utf8').catch(() => '');
    return [journal, recordsOf(text, await bootId())];
  }

  /**
   * Begins anew with what `snapshot` gives, which is asked again when the file has grown too long; from now on entries
   * are written down. @throws GatewayError `cache-failed`
   */
  async start(snapshot: () => readonly JournalRecord[]): Promise<void> {
    this.#snapshot = snapshot;
    try {
      await this.#rewrite();
    } catch (cause) {
      throw new GatewayError('cache-failed', 'The cache directory cannot be written to.', { cause });
    }
  }

  /** Whether the next process will find the entry. */
  holds(id: string): boolean {
    return this.#live.has(id);
  }

  /** The entry is whole on disk; too late when the journal is being closed, and not now while it has failed. */
  add(record: JournalRecord): void {
    if (this.#isEnding || this.#isOff) return;
    if (this.#live.has(record.id)) this.#append({ do: 'drop', id: record.id });
    this.#live.add(record.id);
    this.#append({ do: 'add', record });
  }

  /** The entry is gone, or about to go. */
  drop(id: string): void {
    if (this.#live.delete(id)) this.#append({ do: 'drop', id });
  }

  /** Marks the end of an orderly life, after which the bytes are believed also when the machine starts anew. */
  async close(): Promise<void> {
    this.#isEnding = true;
    this.#cancelRetry();
    await this.#writing;
    this.#append({ do: 'close' });
    await this.#writing;
    await this.#file?.datasync().catch(() => undefined);
    await this.#stop();
  }

  #append(line: Line): void {
    if (this.#isOff || this.#overdue) return;
    const text = lineOf(line);
    this.#pending.push(text);
    this.#pendingLength += text.length;
    this.#lines += 1;
    if (this.#pendingLength > MOST_PENDING) this.#giveUp();
    this.#writing ??= this.#write();
  }

  #giveUp(): void {
    const message = 'The disk does not take the cache journal: the cache is not found again until it does.';
    this.#observe({ kind: 'log', level: 'warn', message });
    this.#forgetPending();
    this.#overdue = this.#delete();
  }

  /** What it does not know any more must not be believed by the next process. */
  #delete(): Promise<void> {
    return rm(this.#path, { force: true }).catch(() => undefined);
  }

  #retryLater(): void {
    if (this.#isEnding) return;
    this.#cancelRetry = this.#clock.after(RETRY_MS, () => {
      this.#overdue = this.#delete();
      this.#writing ??= this.#write();
    });
  }

  #forgetPending(): void {
    this.#pending = [];
    this.#pendingLength = 0;
  }

  async #write(): Promise<void> {
    try {
      while (this.#pending.length > 0 || this.#overdue) {
        const lines = this.#pending.join('');
        this.#forgetPending();
        if (!this.#overdue) await this.#file?.appendFile(lines);
        if (this.#overdue || this.#lines > 2 * this.#live.size + SLACK_LINES) await this.#rewrite();
      }
    } catch (error) {
      this.#observe({ kind: 'cache-disk-failed', part: 'journal', error });
      await this.#stop();
      this.#live.clear();
      await this.#delete();
      this.#retryLater();
    } finally {
      this.#writing = undefined;
    }
  }

  /** Only what is there: a file of its own, put in the place of the old one as a whole. */
  async #rewrite(): Promise<void> {
    const old = this.#file;
    // Not before: it is the one in its place that would be deleted.
    await this.#overdue;
    this.#overdue = undefined;
    const records = this.#snapshot();
    this.#forgetPending(); // the snapshot knows
    this.#isOff = false; // what comes and goes from here on it does not
    this.#live.clear();
    for (const { id } of records) this.#live.add(id);
    const boot = await bootId();
    const aside = `${this.#path}.new`;
    const lines = records.map((record) => lineOf({ do: 'add', record }));
    await writeFile(aside, [lineOf({ do: 'open', format: FORMAT, boot }), ...lines].join(''), {
      mode: 0o600,
    });
    await rename(aside, this.#path);
    this.#file = await this.#files.append(this.#path, 0o600);
    this.#lines = lines.length + 1;
    await old?.close();
  }

  async #stop(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#isOff = true;
    this.#overdue = undefined;
    this.#forgetPending();
    await file?.close().catch(() => undefined);
  }
}

const lineOf = (line: Line): string => `${JSON.stringify(line)}\n`;

function recordsOf(text: string, boot: string | undefined): readonly JournalRecord[] {
  const records = new Map<string, JournalRecord>();
  let believed = false;
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  for (const one of whole.split('\n')) {
    if (one === '') continue;
    const line = parseLine(one);
    // What stands behind a line that cannot be read may have undone what stands before it.
    if (line === undefined) return [];
    if (line.do === 'open') {
      if (line.format !== FORMAT) return [];
      believed = boot !== undefined && line.boot === boot;
    } else if (line.do === 'close') believed = true;
    else if (line.do === 'drop') records.delete(line.id);
    else records.set(line.record.id, line.record);
  }
  return believed ? [...records.values()] : [];
}

function parseLine(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as Line | null;
    return line !== null && typeof line === 'object' && 'do' in line ? line : undefined;
  } catch {
    return undefined;
  }
}
