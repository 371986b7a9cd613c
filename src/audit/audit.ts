import { setTimeout } from 'node:timers/promises';
import { GatewayError, type AuditEvent, type AuditTrail, type Clock, type Observe } from '../core/index.js';
import { Cursor } from './cursor.js';
import type { AuditRecord } from './message.js';
import { Sender, type Sink, type SinkState } from './sender.js';
import { Spool } from './spool.js';

export interface AuditOptions {
  readonly directory: string;
  readonly limit: number;
  readonly sync: 'each' | 'second' | 'off';
  /** What follows when there is no room: new requests are refused, or events are lost and counted. */
  readonly onFull: 'refuse' | 'count';
  readonly sinks: readonly Sink[];
  readonly clock: Clock;
  readonly observe: Observe;
  /** The time of day, in milliseconds since 1970. */
  readonly now?: () => number;
}

/** What an operator wants to know of the audit trail. */
export interface AuditState {
  readonly spooledBytes: number;
  readonly limitBytes: number;
  /** Events that were lost since the start. */
  readonly lost: number;
  readonly sinks: readonly SinkState[];
}

/** The audit trail of a gateway: a spool on the disk, and who sends it. */
export interface Audit extends AuditTrail {
  readonly state: AuditState;
  /** Takes no more, gives what waits `graceMs` to be sent; the rest is sent after the next start. */
  close(graceMs: number): Promise<void>;
}

/** Room for what is said of the spool itself, and for the requests that are under way when new ones are refused. */
const NOTE_BYTES = 64 * 2 ** 10;
const refusingAt = (limit: number): number => limit * 0.9;
/** Recording begins again with so much room, so that it does not stop and start for each event. */
const resumingAt = (limit: number): number => limit * 0.8;
const RETRY_SECONDS = 30;
const LOOK_MS = 20;

/** Opens the spool, with what an earlier process left, and begins to send. @throws the file system's error */
export async function createAudit(options: AuditOptions): Promise<Audit> {
  const { directory, limit, sync, sinks, clock, observe } = options;
  const cursors = sinks.map(({ name }) => new Cursor(directory, name));
  await Promise.all(cursors.map((cursor) => cursor.load()));
  const least = Math.max(1, ...cursors.map(({ at }) => at?.number ?? 1));
  const trouble = new Trouble(observe);
  const spool = await Spool.open(
    {
      directory,
      limit,
      sync,
      clock,
      onTrouble: (error) => {
        trouble.tell(error);
      },
    },
    least,
  );
  const senders: Sender[] = [];
  const onSent = (): Promise<void> => spool.release(Math.min(...senders.map(({ next }) => next)));
  for (const [index, sink] of sinks.entries()) {
    const cursor = cursors[index];
    if (cursor) senders.push(new Sender({ sink, spool, cursor, clock, observe, onSent }));
  }
  await onSent();
  for (const sender of senders) sender.start();
  return new SpooledAudit(options, spool, senders);
}

/** A disk that takes nothing is told of once a minute. */
class Trouble {
  readonly #observe: Observe;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(observe: Observe) {
    this.#observe = observe;
  }

  tell(error: unknown): void {
    const now = performance.now();
    if (now - this.#toldAt < 60_000) return;
    this.#toldAt = now;
    const message = 'The spool of the audit trail cannot be written.';
    this.#observe({ kind: 'log', level: 'error', message, error });
  }
}

class SpooledAudit implements Audit {
  readonly #options: AuditOptions;
  readonly #spool: Spool;
  readonly #senders: readonly Sender[];
  #lost = 0;
  /** Of `#lost`, since recording stopped; undefined while it goes on. */
  #gap: number | undefined;

  constructor(options: AuditOptions, spool: Spool, senders: readonly Sender[]) {
    this.#options = options;
    this.#spool = spool;
    this.#senders = senders;
  }

  get state(): AuditState {
    const { bytes: spooledBytes, limit: limitBytes } = this.#spool;
    const sinks = this.#senders.map(({ state }) => state);
    return { spooledBytes, limitBytes, lost: this.#lost, sinks };
  }

  record(event: AuditEvent): void {
    if (this.#gap !== undefined && !this.#resume(this.#gap)) {
      this.#lose();
      return;
    }
    if (this.#append(event, NOTE_BYTES)) return;
    this.#gap = 0;
    this.#append({ kind: 'recording-stopped', outcome: 'serious' }, 0);
    const message = 'The spool of the audit trail is full: events are lost until some of it has been sent.';
    this.#options.observe({ kind: 'log', level: 'error', message });
    this.#lose();
  }

  refusal(): GatewayError | undefined {
    const { bytes, limit } = this.#spool;
    if (this.#options.onFull !== 'refuse' || bytes < refusingAt(limit)) return undefined;
    return new GatewayError(
      'overloaded',
      'The audit trail is full: nothing is done that cannot be recorded.',
      {
        retryAfterSeconds: RETRY_SECONDS,
      },
    );
  }

  async close(graceMs: number): Promise<void> {
    await this.#spool.flushed();
    await this.#drained(graceMs);
    const over = this.#senders.map((sender) => sender.close());
    await this.#spool.close();
    await Promise.all(over);
  }

  #resume(lost: number): boolean {
    const { bytes, limit } = this.#spool;
    if (bytes > resumingAt(limit)) return false;
    if (!this.#append({ kind: 'recording-started', outcome: 'minor', lost }, 0)) return false;
    this.#gap = undefined;
    this.#options.observe({
      kind: 'log',
      level: 'warn',
      message: `The audit trail goes on; ${lost} events are lost.`,
    });
    return true;
  }

  #lose(): void {
    this.#lost += 1;
    this.#gap = (this.#gap ?? 0) + 1;
    this.#options.observe({ kind: 'audit', event: 'lost', count: 1 });
  }

  #append(event: AuditEvent, reserve: number): boolean {
    const { now = Date.now } = this.#options;
    const record: AuditRecord = { time: new Date(now()).toISOString(), ...event };
    const isThere = this.#spool.append(JSON.stringify(record), reserve);
    if (isThere) this.#options.observe({ kind: 'audit', event: 'recorded', count: 1 });
    return isThere;
  }

  /** Resolves when everybody has everything, or `ms` later. */
  async #drained(ms: number): Promise<void> {
    const { clock } = this.#options;
    const isOver = (): boolean => this.#senders.every(({ state }) => state.behind === 0);
    const deadline = clock.now() + ms;
    // A timer of the clock would not keep the process alive until then.
    while (!isOver() && clock.now() < deadline) await setTimeout(LOOK_MS);
  }
}
