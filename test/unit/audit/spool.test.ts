import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createAudit, type Audit, type Sink } from '../../../src/audit/index.js';
import type { Numbered } from '../../../src/audit/sender.js';
import { GatewayError, systemClock, type AuditEvent, type Observation } from '../../../src/core/index.js';
import { PATIENCE_MS } from '../../helpers/patience.js';

const LIMIT = 2 ** 20;

let directory: string;
let observed: Observation[];
let audit: Audit | undefined;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'audit-')), 'spool');
  observed = [];
});
afterEach(async () => {
  await audit?.close(0);
  audit = undefined;
  rmSync(join(directory, '..'), { recursive: true, force: true });
});

/** A sink that takes what it gets while it is open. */
class TestSink implements Sink {
  readonly name: Sink['name'];
  readonly got: Numbered[] = [];
  isOpen: boolean;
  #waiting: (() => void)[] = [];

  constructor(isOpen = true, name: Sink['name'] = 'syslog') {
    this.isOpen = isOpen;
    this.name = name;
  }

  send(records: readonly Numbered[]): Promise<void> {
    if (!this.isOpen) return Promise.reject(new GatewayError('internal', 'The sink is closed.'));
    this.got.push(...records);
    for (const look of this.#waiting) look();
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  until(count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`only ${this.got.length} of ${count} came`));
      }, PATIENCE_MS);
      const look = (): void => {
        if (this.got.length < count) return;
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.push(look);
      look();
    });
  }

  get names(): readonly (string | undefined)[] {
    return this.got.map(({ record }) => record.requestId);
  }
}

async function start(sink: Sink, more: { limit?: number; onFull?: 'refuse' | 'count' } = {}): Promise<Audit> {
  audit = await createAudit({
    directory,
    limit: more.limit ?? LIMIT,
    sync: 'second',
    onFull: more.onFull ?? 'count',
    sinks: [sink],
    clock: systemClock,
    observe: (observation) => observed.push(observation),
  });
  return audit;
}

async function stop(): Promise<void> {
  await audit?.close(0);
  audit = undefined;
}

const named = (requestId: string, bytes = 0): AuditEvent => ({
  kind: 'search',
  outcome: 'success',
  requestId,
  request: 'x'.repeat(bytes),
});
const ids = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `e${index}`);
const filesBytes = (): number =>
  readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);

describe('R-04: the spool of the audit trail', () => {
  test('sends everything in order, each with a number that only grows', async () => {
    const sink = new TestSink();
    const trail = await start(sink, { limit: 4 * LIMIT });
    for (const id of ids(5000)) trail.record(named(id, 100));
    await sink.until(5000);
    expect(sink.names).toEqual(ids(5000));
    expect(sink.got.map(({ number }) => number)).toEqual(ids(5000).map((_, index) => index + 1));
  });

  test('keeps what cannot be sent over a restart, and sends it then; numbers go on', async () => {
    const closed = new TestSink(false);
    const before = await start(closed);
    for (const id of ids(100)) before.record(named(id));
    await stop();
    const open = new TestSink();
    const after = await start(open);
    after.record(named('later'));
    await open.until(101);
    expect(open.names).toEqual([...ids(100), 'later']);
    expect(open.got.at(-1)?.number).toBe(101);
    await stop();
    const last = new TestSink();
    const again = await start(last);
    again.record(named('last'));
    await last.until(1);
    expect([last.names, last.got[0]?.number]).toEqual([['last'], 102]);
  });

  test('is for the owner alone, and leaves no files of what has been sent', async () => {
    const sink = new TestSink();
    const trail = await start(sink, { limit: LIMIT });
    for (let round = 0; round < 8; round += 1) {
      for (const id of ids(1000)) trail.record(named(id, 300));
      await sink.until((round + 1) * 1000);
    }
    await stop();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const files = readdirSync(directory).map((name) => statSync(join(directory, name)));
    expect(files.every(({ mode }) => (mode & 0o777) === 0o600)).toBe(true);
    expect(filesBytes()).toBeLessThan(LIMIT / 4);
  });

  test('never takes more than its limit; what is lost is counted, told of, and in the trail itself', async () => {
    const closed = new TestSink(false);
    const trail = await start(closed);
    for (const id of ids(4000)) trail.record(named(id, 1000));
    expect(trail.refusal()).toBeUndefined();
    const { lost, spooledBytes } = trail.state;
    expect(lost).toBeGreaterThan(2000);
    expect(spooledBytes).toBeLessThanOrEqual(LIMIT);
    await stop();
    expect(filesBytes()).toBeLessThanOrEqual(LIMIT + 4096);
    const losses = observed.filter((one) => one.kind === 'audit' && one.event === 'lost');
    expect(losses).toHaveLength(lost);
    expect(observed).toContainEqual(
      expect.objectContaining({ kind: 'log', level: 'error', message: expect.stringContaining('full') }),
    );
  });

  test('goes on when some of it has been sent, and says how many events are missing', async () => {
    const sink = new TestSink(false);
    const trail = await start(sink);
    for (const id of ids(4000)) trail.record(named(id, 1000));
    const { lost } = trail.state;
    sink.isOpen = true;
    await sink.until(4000 - lost + 1);
    trail.record(named('after the gap'));
    await sink.until(4000 - lost + 3);
    expect(sink.got.slice(-3).map(({ record }) => [record.kind, record.requestId, record.lost])).toEqual([
      ['recording-stopped', undefined, undefined],
      ['recording-started', undefined, lost],
      ['search', 'after the gap', undefined],
    ]);
  });

  test('refuses requests before it is full where that is asked for, and takes what was under way', async () => {
    const closed = new TestSink(false);
    const trail = await start(closed, { onFull: 'refuse' });
    let taken = 0;
    while (trail.refusal() === undefined) {
      trail.record(named('e', 1000));
      taken += 1;
    }
    expect(taken).toBeGreaterThan(700);
    expect(trail.refusal()).toMatchObject({ code: 'overloaded', retryAfterSeconds: expect.any(Number) });
    for (let underWay = 0; underWay < 20; underWay += 1) trail.record(named('under way', 1000));
    expect(trail.state.lost).toBe(0);
  });

  test('a line that a dying process left half written is no event, and does no harm to the next', async () => {
    const closed = new TestSink(false);
    (await start(closed)).record(named('whole'));
    await stop();
    const [segment = ''] = readdirSync(directory).filter((name) => name.endsWith('.jsonl'));
    appendFileSync(join(directory, segment), '{"time":"2024-01-01T00:00:00Z","kind":"sea');
    const open = new TestSink();
    (await start(open)).record(named('next'));
    await open.until(2);
    expect(open.names).toEqual(['whole', 'next']);
  });

  test('what is damaged is skipped and counted, and what comes after it is sent', async () => {
    const closed = new TestSink(false);
    (await start(closed)).record(named('first'));
    await stop();
    const [segment = ''] = readdirSync(directory).filter((name) => name.endsWith('.jsonl'));
    appendFileSync(
      join(directory, segment),
      [
        '\0\0\0',
        '{"time":"2024-01-01T00:00:00Z","kind":"of-a-later-version","outcome":"success"}',
        '{"time":"2024-01-01T00:00:00Z","kind":"constructor","outcome":"success"}',
        '{"time":"2024-01-01T00:00:00Z","kind":"search","outcome":"unheard-of"}',
        '7',
        '{"time":"2024-01-01T00:00:00Z","kind":"search","outcome":"success"}',
        '',
      ].join('\n'),
    );
    const open = new TestSink();
    await start(open);
    await open.until(2);
    expect(observed).toContainEqual({ kind: 'audit', event: 'unreadable', sink: 'syslog', count: 5 });
  });

  test('a place that cannot be read back is begun from the oldest event', async () => {
    const closed = new TestSink(false);
    (await start(closed)).record(named('kept'));
    await stop();
    writeFileSync(join(directory, 'syslog.cursor'), '{"number":');
    const open = new TestSink();
    await start(open);
    await open.until(1);
    expect(open.names).toEqual(['kept']);
  });

  test('each sink has its own pace, and nothing goes before both have it', async () => {
    const fast = new TestSink();
    const slow = new TestSink(false, 'lines');
    audit = await createAudit({
      directory,
      limit: LIMIT,
      sync: 'off',
      onFull: 'count',
      sinks: [fast, slow],
      clock: systemClock,
      observe: (observation) => observed.push(observation),
    });
    for (const id of ids(500)) audit.record(named(id, 1000));
    await fast.until(500);
    expect(audit.state.sinks).toEqual([
      { name: 'syslog', behind: expect.any(Number) },
      { name: 'lines', behind: 500, lastError: 'internal' },
    ]);
    slow.isOpen = true;
    await slow.until(500);
    expect(slow.names).toEqual(ids(500));
  });
});
