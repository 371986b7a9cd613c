import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createCache, type Cache } from '../../../src/cache/index.js';
import { eventually } from '../../helpers/patience.js';
import { ManualClock, rejection } from './harness.js';

let directory = '';
const opened: Cache<string>[] = [];

const open = async (): Promise<Cache<string>> => {
  const cache = await createCache<string>(
    { memoryBytes: 1000, stallTimeoutMs: 1000, disk: { directory, bytes: 1000 } },
    { observe: () => undefined, clock: new ManualClock() },
  );
  opened.push(cache);
  return cache;
};
const lock = (owner: object | string): Promise<void> =>
  writeFile(join(directory, 'lock'), typeof owner === 'string' ? owner : JSON.stringify(owner));
const own = async (): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(directory, 'lock'), 'utf8')) as Record<string, unknown>;
const deadPid = (): number => spawnSync(process.execPath, ['--version']).pid;

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'lock-test-')), 'cache');
});

afterEach(async () => {
  for (const cache of opened.splice(0)) await cache.close();
  await rm(join(directory, '..'), { recursive: true, force: true });
});

describe('the cache directory', () => {
  test('belongs to one process at a time', async () => {
    const first = await open();
    expect(await own()).toMatchObject({ format: 1, pid: process.pid, host: hostname() });
    expect(await rejection(open())).toBe('cache-failed');
    await first.close();
    expect(await readdir(directory)).toEqual([]);
    await open();
  });

  test('of a dead process is taken over and its spools are removed, and nothing else', async () => {
    await mkdir(directory);
    await lock({ format: 1, pid: deadPid(), host: hostname(), started: 'x' });
    await writeFile(join(directory, `${'0a'.repeat(16)}.spool`), 'bytes');
    await writeFile(join(directory, 'thesis.txt'), 'somebody’s');
    await open();
    expect((await readdir(directory)).sort()).toEqual(['lock', 'thesis.txt']);
    expect((await own())['pid']).toBe(process.pid);
  });

  test('of a process that has ended is taken over although its parent has not looked after it yet', async () => {
    if (process.platform !== 'linux') return;
    // The shell becomes a program that never waits for the child that it inherits, and that ends after that.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(line.toString());
      await eventually(async () => {
        expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) Z /);
      });
      await mkdir(directory);
      await lock({ format: 1, pid, host: hostname(), started: '' });
      await open();
      expect((await own())['pid']).toBe(process.pid);
    } finally {
      parent.kill();
    }
  });

  test('is taken over when the process id is in use again by another process, as in containers', async () => {
    await mkdir(directory);
    await lock({ format: 1, pid: process.pid, host: hostname(), started: 'another boot/1' });
    const taken = await rejection(open());
    // Where the system does not tell when a process started, the safe answer is no.
    expect(taken).toBe(process.platform === 'linux' ? undefined : 'cache-failed');
  });

  test('of a live process of this machine is refused', async () => {
    await mkdir(directory);
    await lock({ format: 1, pid: process.ppid, host: hostname(), started: '' });
    expect(await rejection(open())).toBe('cache-failed');
    expect((await own())['pid']).toBe(process.ppid);
  });

  test('of another machine is refused as long as its lock is touched', async () => {
    await mkdir(directory);
    await lock({ format: 1, pid: 1, host: 'elsewhere', started: '' });
    expect(await rejection(open())).toBe('cache-failed');
    const old = new Date(Date.now() - 61_000);
    await utimes(join(directory, 'lock'), old, old);
    expect(await rejection(open())).toBeUndefined();
  });

  test('with a lock that nobody can read is refused until it is old', async () => {
    await mkdir(directory);
    for (const text of ['', '{', 'null', '{"format":1}', '{"format":1,"pid":1,"host":2,"started":""}']) {
      await lock(text);
      expect(await rejection(open())).toBe('cache-failed');
    }
    const old = new Date(Date.now() - 61_000);
    await utimes(join(directory, 'lock'), old, old);
    expect(await rejection(open())).toBeUndefined();
  });

  test('of another version of the gateway is left alone', async () => {
    await mkdir(directory);
    await lock({ format: 2, pid: deadPid(), host: hostname(), started: '' });
    expect(await rejection(open())).toBe('cache-failed');
    expect((await own())['format']).toBe(2);
  });

  test('that cannot be made stops the start with a reason', async () => {
    await writeFile(directory, 'a file');
    expect(await rejection(open())).toBe('cache-failed');
    await rm(directory);
    directory = join(directory, '\0');
    expect(await rejection(open())).toBe('cache-failed');
    directory = join(directory, '..');
  });

  test('is unlocked by its owner alone', async () => {
    const cache = await open();
    await lock({ format: 1, pid: 1, host: 'elsewhere', started: '' });
    await cache.close();
    expect((await own())['host']).toBe('elsewhere');
  });
});
