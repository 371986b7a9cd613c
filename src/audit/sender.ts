import type { Clock, Observe } from '../core/index.js';
import { eventCodes, outcomeIndicators } from './codes.js';
import type { Cursor } from './cursor.js';
import type { AuditRecord } from './message.js';
import type { Position, Spool } from './spool.js';

/** A record with its number in the spool. */
export interface Numbered {
  readonly number: number;
  readonly record: AuditRecord;
}

/** Where records go. */
export interface Sink {
  /** Stands in metrics, in `/readyz` and in the name of a file. */
  readonly name: 'syslog' | 'lines';
  /** Resolves when whoever gets them has all of `records`, in order. @throws what is in the way; then all of them come again */
  send(records: readonly Numbered[]): Promise<void>;
  /** Lets go of what it holds. */
  close(): Promise<void>;
}

/** What becomes of the records at one sink. */
export interface SinkState {
  readonly name: Sink['name'];
  /** Records that it has not got yet. */
  readonly behind: number;
  /** Why the latest attempt failed, if none has succeeded since. */
  readonly lastError?: string;
}

export interface SenderOptions {
  readonly sink: Sink;
  readonly spool: Spool;
  readonly cursor: Cursor;
  readonly clock: Clock;
  readonly observe: Observe;
  /** Something has been sent. */
  readonly onSent: () => Promise<void>;
}

/** One batch: what may come twice where a connection or a process ends in the middle of it. */
const BATCH_BYTES = 64 * 2 ** 10;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Sends what is spooled to one sink, in order, each batch until it has arrived. */
export class Sender {
  readonly #options: SenderOptions;
  #at: Position;
  #lastError: string | undefined;
  #closing = false;
  #endPause: () => void = () => undefined;
  #running: Promise<void> | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#at = options.cursor.at ?? options.spool.start;
  }

  /** Number of the next record that it sends. */
  get next(): number {
    return Math.max(this.#at.number, this.#options.spool.start.number);
  }

  get state(): SinkState {
    const { sink, spool } = this.#options;
    const behind = spool.next - this.next;
    return { name: sink.name, behind, ...(this.#lastError !== undefined && { lastError: this.#lastError }) };
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Sends no further batch; resolves when the one under way is over. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#endPause();
    await this.#options.sink.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#isOver()) {
      try {
        await this.#sendBatch();
        pauseMs = FIRST_PAUSE_MS;
      } catch (error) {
        if (this.#isOver()) return;
        this.#failed(error);
        await this.#pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  }

  async #sendBatch(): Promise<void> {
    const { spool, sink, cursor, onSent, observe } = this.#options;
    await spool.more(this.#at);
    if (this.#isOver()) return;
    const { lines, next } = await spool.read(this.#at, BATCH_BYTES);
    const records = lines.flatMap(({ number, text }) => {
      const record = parseRecord(text);
      return record ? [{ number, record }] : [];
    });
    if (records.length < lines.length) this.#tellUnreadable(lines.length - records.length);
    await sink.send(records);
    this.#recovered();
    observe({ kind: 'audit', event: 'sent', sink: sink.name, count: records.length });
    this.#at = next;
    await cursor.save(next);
    await onSent();
  }

  #isOver(): boolean {
    return this.#closing;
  }

  #failed(error: unknown): void {
    const { sink, observe } = this.#options;
    const isNew = this.#lastError === undefined;
    this.#lastError = reasonOf(error);
    observe({ kind: 'audit', event: 'failed', sink: sink.name, count: 1 });
    if (!isNew) return;
    const message = `The audit trail cannot be sent to ${sink.name}; it waits on the disk.`;
    observe({ kind: 'log', level: 'error', message, error });
  }

  #recovered(): void {
    if (this.#lastError === undefined) return;
    this.#lastError = undefined;
    const message = `The audit trail is sent to ${this.#options.sink.name} again.`;
    this.#options.observe({ kind: 'log', level: 'info', message });
  }

  #tellUnreadable(count: number): void {
    const { observe, sink } = this.#options;
    observe({ kind: 'audit', event: 'unreadable', sink: sink.name, count });
    const message = `${count} events of the audit trail cannot be read any more: they are damaged on the disk.`;
    observe({ kind: 'log', level: 'error', message });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** A code or a name: a message may hold anything. */
function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return typeof error;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : typeof error;
}

function parseRecord(text: string): AuditRecord | undefined {
  try {
    const value = JSON.parse(text) as Partial<AuditRecord> | null;
    // One that no message can be made of would hold up all behind it.
    const { kind = '', outcome = '', time } = value ?? {};
    const isOne = Object.hasOwn(eventCodes, kind) && Object.hasOwn(outcomeIndicators, outcome);
    return isOne && typeof time === 'string' ? (value as AuditRecord) : undefined;
  } catch {
    return undefined;
  }
}
