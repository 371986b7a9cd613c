import { open, rm, truncate, type FileHandle } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../core/index.js';
import { createSegment, findSegments, readLines, type Segment } from './segments.js';

/** A place between two records: the number of the next one, and where it is. */
export interface Position {
  readonly number: number;
  /** First record of the segment. */
  readonly segment: number;
  /** Bytes from its beginning. */
  readonly offset: number;
}

/** A record with its number, which is the same whenever it is read. */
export interface SpooledLine {
  readonly number: number;
  readonly text: string;
}

export interface SpoolOptions {
  readonly directory: string;
  /** Most bytes of all segments. */
  readonly limit: number;
  /** When what was written is on the disk itself: at once, within a second, or when the system likes. */
  readonly sync: 'each' | 'second' | 'off';
  readonly clock: Clock;
  /** Hears that the disk took nothing, and that it does again. */
  readonly onTrouble: (error: unknown) => void;
}

/** A file is removed once all of it has been sent, so a spool has several. */
const SEGMENTS = 16;
const MOST_SEGMENT_BYTES = 4 * 2 ** 20;
/** Waiting in memory while the disk takes nothing. */
const MOST_PENDING_BYTES = 8 * 2 ** 20;
/** Written in one go. */
const MOST_WRITE_BYTES = 2 ** 20;
const RETRY_MS = 1000;
const SYNC_MS = 1000;

/**
 * Records on the disk, in order, until all who send them have; bounded in bytes. Whoever appends does not wait: what the
 * disk has not taken yet is in memory, and counts.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #segments: Segment[];
  readonly #segmentBytes: number;
  /** Number of the next record that is appended. */
  #next: number;
  #pending: string[] = [];
  #pendingBytes = 0;
  #file: OpenSegment | undefined;
  #writing: Promise<void> | undefined;
  #closed = false;
  #unsynced = false;
  #cancelSync: (() => void) | undefined;
  #wake: (() => void)[] = [];
  #onTrouble: () => void = () => undefined;

  private constructor(options: SpoolOptions, segments: Segment[], next: number) {
    this.#options = options;
    this.#segments = segments;
    this.#segmentBytes = Math.min(MOST_SEGMENT_BYTES, Math.floor(options.limit / SEGMENTS));
    this.#next = next;
  }

  /** Takes up what an earlier process left; `least` is the number after the last one that is known to have been sent. */
  static async open(options: SpoolOptions, least: number): Promise<Spool> {
    const segments = await findSegments(options.directory);
    const last = segments.at(-1);
    return new Spool(options, segments, Math.max(least, last ? last.first + last.records : 1));
  }

  /** On the disk and on their way to it. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, this.#pendingBytes);
  }

  get limit(): number {
    return this.#options.limit;
  }

  /** Number of the record that comes next. */
  get next(): number {
    return this.#next;
  }

  /** Where the oldest record is. */
  get start(): Position {
    const first = this.#segments[0]?.first ?? this.#next - this.#pending.length;
    return { number: first, segment: first, offset: 0 };
  }

  /** Adds a record, of one line; false when there is no room, `reserve` bytes below the limit. */
  append(text: string, reserve: number): boolean {
    const bytes = Buffer.byteLength(text) + 1;
    const isFull = this.bytes + bytes > this.#options.limit - reserve;
    if (this.#closed || isFull || this.#pendingBytes + bytes > MOST_PENDING_BYTES) return false;
    this.#pending.push(text);
    this.#pendingBytes += bytes;
    this.#next += 1;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return true;
  }

  /** Records from `from` on that are on the disk, and where the next ones are; none when there are none. */
  async read(
    from: Position,
    most: number,
  ): Promise<{ readonly lines: readonly SpooledLine[]; readonly next: Position }> {
    const place = this.#placeOf(from);
    if (place === undefined) return { lines: [], next: from };
    const { segment, offset, number } = place;
    const { lines, bytes } = await readLines(segment, offset, most);
    return {
      lines: lines.map((text, index) => ({ number: number + index, text })),
      next: { number: number + lines.length, segment: segment.first, offset: offset + bytes },
    };
  }

  /** Resolves when there is something to read at `from`, or the spool is closed. */
  async more(from: Position): Promise<void> {
    while (!this.#closed && this.#placeOf(from) === undefined)
      await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** All records before `number` have been sent by everybody. */
  async release(number: number): Promise<void> {
    const isSent = ({ first, records }: Segment): boolean => first + records <= number;
    const sent = this.#segments.filter((segment) => isSent(segment) && segment !== this.#file?.segment);
    const current = this.#file;
    // The one that is written goes too when it is large enough, so that what was sent takes no place from what comes.
    if (
      current &&
      isSent(current.segment) &&
      current.segment.bytes > this.#segmentBytes / 2 &&
      !this.#writing
    ) {
      this.#file = undefined;
      await current.handle.close().catch(() => undefined);
      sent.push(current.segment);
    }
    for (const segment of sent) {
      this.#segments.splice(this.#segments.indexOf(segment), 1);
      await rm(segment.path, { force: true }).catch(this.#options.onTrouble);
    }
  }

  /** Resolves when the disk has all, or took nothing. */
  async flushed(): Promise<void> {
    if (this.#writing) await Promise.race([this.#writing, this.#troubled()]);
  }

  /** Takes no more; resolves when the disk has what was taken, or does not take it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wakeAll();
    await this.#writing;
    this.#cancelSync?.();
    if (this.#file && this.#options.sync !== 'off') await this.#file.handle.datasync().catch(() => undefined);
    await this.#file?.handle.close().catch(() => undefined);
    this.#file = undefined;
  }

  /** The segment that holds the record, where its bytes are there. */
  #placeOf(from: Position): Place | undefined {
    const index = this.#segments.findIndex(({ first, records }) => from.number < first + records);
    const segment = this.#segments[index];
    if (segment === undefined) return undefined;
    const isWithin = segment.first === from.segment && from.number >= segment.first;
    return isWithin
      ? { segment, offset: from.offset, number: from.number }
      : { segment, offset: 0, number: segment.first };
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      try {
        await this.#writeSome();
      } catch (error) {
        this.#options.onTrouble(error);
        this.#onTrouble();
        if (this.#closed) return;
        await setTimeout(RETRY_MS);
      }
    }
  }

  async #writeSome(): Promise<void> {
    const { handle, segment } = await this.#current();
    const lines: string[] = [];
    let bytes = 0;
    for (const text of this.#pending) {
      if (bytes > 0 && (bytes > MOST_WRITE_BYTES || segment.bytes + bytes > this.#segmentBytes)) break;
      lines.push(text);
      bytes += Buffer.byteLength(text) + 1;
    }
    try {
      await handle.writeFile(`${lines.join('\n')}\n`);
      if (this.#options.sync === 'each') await handle.datasync();
    } catch (error) {
      // Half of it may be there: nobody reads further than what is counted, and what comes next begins anew.
      this.#file = undefined;
      await handle.truncate(segment.bytes).catch(() => undefined);
      await handle.close().catch(() => undefined);
      throw error;
    }
    this.#pending.splice(0, lines.length);
    this.#pendingBytes -= bytes;
    segment.bytes += bytes;
    segment.records += lines.length;
    this.#syncSoon();
    this.#wakeAll();
  }

  async #current(): Promise<OpenSegment> {
    if (this.#file && this.#file.segment.bytes < this.#segmentBytes) return this.#file;
    await this.#file?.handle.close();
    this.#file = undefined;
    const segment = await this.#begin();
    const handle = await open(segment.path, 'a');
    this.#file = { handle, segment };
    return this.#file;
  }

  async #begin(): Promise<Segment> {
    const last = this.#segments.at(-1);
    // One that could not be written to, and is empty, is taken again.
    if (last?.records === 0) {
      await truncate(last.path, 0);
      return last;
    }
    const segment = await createSegment(this.#options.directory, this.#next - this.#pending.length);
    this.#segments.push(segment);
    return segment;
  }

  #troubled(): Promise<void> {
    return new Promise((resolve) => {
      this.#onTrouble = resolve;
    });
  }

  #syncSoon(): void {
    if (this.#options.sync !== 'second') return;
    this.#unsynced = true;
    this.#cancelSync ??= this.#options.clock.after(SYNC_MS, () => {
      this.#cancelSync = undefined;
      if (!this.#unsynced) return;
      this.#unsynced = false;
      this.#file?.handle.datasync().catch(this.#options.onTrouble);
    });
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

interface OpenSegment {
  readonly handle: FileHandle;
  readonly segment: Segment;
}

interface Place {
  readonly segment: Segment;
  readonly offset: number;
  readonly number: number;
}
