import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Journal, type JournalRecord } from '../../../src/cache/journal.js';
import type { Observation } from '../../../src/core/index.js';
import { FaultLayer } from './fault-layer.js';
import { ManualClock, until } from './harness.js';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'journal-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const path = (): string => join(directory, 'journal');
const recordOf = (count: number): JournalRecord => ({ id: String(count), text: 'x'.repeat(1000) });

interface Running {
  readonly layer: FaultLayer;
  readonly clock: ManualClock;
  readonly journal: Journal;
  /** What the cache holds. */
  readonly held: Map<string, JournalRecord>;
  readonly observations: Observation[];
  readonly add: (count: number) => void;
  readonly drop: (count: number) => void;
  /** Ids that the next process finds. */
  readonly found: () => Promise<readonly string[]>;
}

async function start(): Promise<Running> {
  const layer = new FaultLayer();
  const clock = new ManualClock();
  const held = new Map<string, JournalRecord>();
  const observations: Observation[] = [];
  const [journal] = await Journal.read({ directory, files: layer, clock }, (one) => observations.push(one));
  await journal.start(() => [...held.values()]);
  return {
    layer,
    clock,
    journal,
    held,
    observations,
    add: (count) => {
      const record = recordOf(count);
      held.set(record.id, record);
      journal.add(record);
    },
    drop: (count) => {
      held.delete(String(count));
      journal.drop(String(count));
    },
    found: async () => {
      const [, records] = await Journal.read({ directory, files: layer, clock }, () => undefined);
      return records.map(({ id }) => id);
    },
  };
}

const complaints = ({ observations }: Running): number =>
  observations.filter(({ kind }) => kind === 'log' || kind === 'cache-disk-failed').length;

/** More than may wait for the disk. */
const TOO_MANY = 10_000;

describe('lines that the disk does not take', () => {
  test('are kept up to a bound; beyond it nothing is believed, which the log says once', async () => {
    const running = await start();
    const { layer, add, drop, found } = running;
    add(0);
    await until(async () => (await found()).length === 1);
    layer.hang();
    drop(0);
    for (let count = 1; count <= 100; count += 1) add(count);
    expect([complaints(running), await found()]).toEqual([0, ['0']]);
    for (let count = 101; count <= TOO_MANY; count += 1) add(count);
    expect(complaints(running)).toBe(1);
    await until(() => !existsSync(path()));
    expect(await found()).toEqual([]);
    layer.resume();
    await running.journal.close();
  });

  test('are made good for when it goes on: what is there then is found, and what comes afterwards', async () => {
    const running = await start();
    const { layer, journal, held, add, drop, found } = running;
    layer.hang();
    for (let count = 0; count <= TOO_MANY; count += 1) add(count);
    for (let count = 10; count <= TOO_MANY; count += 1) drop(count);
    layer.resume();
    await until(async () => (await found()).length === 10);
    add(TOO_MANY + 1);
    drop(0);
    await journal.close();
    expect(await found()).toEqual([...held.keys()]);
    expect(await readFile(path(), 'utf8')).toMatch(/"close"\}\n$/);
  });

  test('in one go, as of a purge of very many, are no different', async () => {
    const running = await start();
    const { journal, held, add, found } = running;
    for (let count = 0; count <= 2 * TOO_MANY; count += 1) add(count);
    await journal.close();
    expect(await found()).toEqual([...held.keys()]);
  });

  test('by a disk that is full: nothing is believed', async () => {
    const running = await start();
    const { layer, add, drop, found } = running;
    add(0);
    await until(async () => (await found()).length === 1);
    layer.room = 0;
    drop(0);
    await until(() => !existsSync(path()));
    expect([complaints(running), await found()]).toEqual([1, []]);
    await running.journal.close();
  });

  test('by a disk that was full are made good for after half a minute', async () => {
    const running = await start();
    const { layer, clock, journal, held, add, drop, found } = running;
    add(0);
    await until(async () => (await found()).length === 1);
    layer.room = 0;
    drop(0);
    await until(() => clock.pending === 1);
    layer.room = Infinity;
    for (let count = 1; count <= 20; count += 1) add(count);
    clock.advance(30_000);
    // Before it is there again.
    drop(1);
    add(21);
    await until(async () => (await found()).length === held.size);
    drop(2);
    add(22);
    await journal.close();
    expect([await found(), clock.pending]).toEqual([[...held.keys()], 0]);
  });

  test('by a directory that is away are tried again until it is there', async () => {
    const running = await start();
    const { clock, journal, add, found } = running;
    await rm(directory, { recursive: true });
    await mkdir(path(), { recursive: true });
    for (let count = 0; count <= TOO_MANY; count += 1) add(count);
    await until(() => clock.pending === 1);
    clock.advance(30_000);
    await until(() => clock.pending === 1);
    expect(complaints(running)).toBe(3);
    await rm(path(), { recursive: true });
    clock.advance(30_000);
    await until(async () => (await found()).length === TOO_MANY + 1);
    await journal.close();
  });
});
