import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCache, type Cache, type CacheOptions, type FileLayer } from '../../../src/cache/index.js';
import { GatewayError, type ByteSource, type Clock, type Observation } from '../../../src/core/index.js';

/** Time that passes when the test says so. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Timers that have not gone off. */
  get pending(): number {
    return this.#timers.size;
  }

  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#now = next.at;
      this.#timers.delete(next);
      next.callback();
    }
    this.#now = until;
  }
}

export interface TestCache extends Cache<string> {
  readonly clock: ManualClock;
  readonly observations: Observation[];
  readonly directory: string;
  files(): Promise<string[]>;
}

export interface TestCacheOptions extends Partial<Omit<CacheOptions<string>, 'disk'>> {
  readonly diskBytes?: number;
  readonly segmentBytes?: number;
  readonly keepFreeBytes?: number;
  readonly maxAgeMs?: number;
  readonly writeAfterMs?: number;
  readonly layer?: FileLayer;
  /** The directory of a cache before, which is closed or was abandoned. */
  readonly directory?: string;
}

/** Metas are texts: they are written down as they are. */
export const textCodec = {
  encode: (meta: string): unknown => ({ meta }),
  decode: (value: unknown): string | undefined => (value as { meta?: string } | null)?.meta,
};

const opened: TestCache[] = [];

/** A cache with 4 KiB blocks; with a directory of its own when `diskBytes` is given. */
export async function openCache(all: TestCacheOptions = {}): Promise<TestCache> {
  const {
    diskBytes,
    segmentBytes,
    keepFreeBytes,
    maxAgeMs,
    writeAfterMs,
    layer,
    directory: before,
    ...options
  } = all;
  const clock = new ManualClock();
  const observations: Observation[] = [];
  const directory = before === undefined ? await mkdtemp(join(tmpdir(), 'cache-test-')) : join(before, '..');
  const made = await createCache<string>(
    {
      memoryBytes: 64 * 1024,
      stallTimeoutMs: 1000,
      blockBytes: 4096,
      ...options,
      ...(diskBytes === undefined
        ? {}
        : {
            disk: {
              directory: join(directory, 'spools'),
              bytes: diskBytes,
              ...(segmentBytes !== undefined && { segmentBytes }),
              ...(keepFreeBytes !== undefined && { keepFreeBytes }),
              ...(maxAgeMs !== undefined && { maxAgeMs }),
              ...(writeAfterMs !== undefined && { writeAfterMs }),
            },
          }),
    },
    { observe: (observation) => observations.push(observation), clock, ...(layer ? { files: layer } : {}) },
  );
  const cache: TestCache = {
    ...made,
    clock,
    observations,
    directory: join(directory, 'spools'),
    files: async () =>
      (await readdir(join(directory, 'spools'))).filter((name) => /[.](?:spool|segment)$/.test(name)),
  };
  opened.push(cache);
  return cache;
}

export async function closeCaches(): Promise<void> {
  for (const cache of opened.splice(0)) {
    await cache.close();
    await rm(join(cache.directory, '..'), { recursive: true, force: true });
  }
}

/** Bytes that differ wherever one looks. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, state = seed; at < length; at += 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

export async function readAll(source: ByteSource, start?: number, end?: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source.read(start, end)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** The reader of a `for await`, to be driven by hand. */
export const readerOf = (source: ByteSource): AsyncIterator<Buffer, undefined> =>
  source.read()[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;

/** What was read, and the code of what was thrown then. */
export async function readUntilError(
  source: ByteSource,
): Promise<{ bytes: Buffer; code: string | undefined }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of source.read()) chunks.push(Buffer.from(chunk));
    return { bytes: Buffer.concat(chunks), code: undefined };
  } catch (error) {
    return { bytes: Buffer.concat(chunks), code: codeOf(error) };
  }
}

export async function writeAll(
  spool: { write(chunk: Buffer): void | Promise<void> },
  bytes: Buffer,
  chunkBytes = 1000,
): Promise<void> {
  for (let at = 0; at < bytes.length; at += chunkBytes)
    await spool.write(bytes.subarray(at, at + chunkBytes));
}

export function codeOf(error: unknown): string {
  return error instanceof GatewayError ? error.code : `not a GatewayError: ${String(error)}`;
}

/** The code that `promise` rejects with, or undefined when it resolves. */
export async function rejection(promise: unknown): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

/** Lets everything happen that needs no more time and no more input. */
export async function turn(times = 5): Promise<void> {
  for (let count = 0; count < times; count += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when `condition` holds; the test's own time-out is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await turn(1);
}

/** Whether `promise` is still pending once everything that can happen has. */
export async function isPending(promise: unknown): Promise<boolean> {
  let settled = false;
  void Promise.resolve(promise).then(
    () => (settled = true),
    () => (settled = true),
  );
  await turn();
  return !settled;
}

export const keyOf = (sop: string, peer = 'main'): Parameters<TestCache['instances']['get']>[0] => ({
  peer,
  studyInstanceUid: '1.2',
  seriesInstanceUid: '1.2.3',
  sopInstanceUid: sop,
});

export const info = { sopClassUid: '1.2.840.10008.5.1.4.1.1.2', transferSyntaxUid: '1.2.840.10008.1.2.1' };

/** An instance whose meta is its name comes. */
export async function cached(cache: TestCache, sop: string, bytes: Buffer): Promise<void> {
  const arrival = cache.instances.begin(keyOf(sop), info);
  if (!arrival) throw new Error('no arrival');
  await writeAll(arrival, bytes, 4096);
  await arrival.finish(sop);
}

/** What a process that is killed leaves: a copy of the directory without the lock, taken while the cache runs. */
export async function afterKill(cache: TestCache): Promise<string> {
  await turn(20);
  const home = await mkdtemp(join(tmpdir(), 'cache-killed-'));
  const directory = join(home, 'spools');
  await mkdir(directory, { mode: 0o700 });
  for (const name of await readdir(cache.directory)) {
    if (!name.startsWith('lock')) await copyFile(join(cache.directory, name), join(directory, name));
  }
  return directory;
}

/** What there is of an instance; undefined when it is not there. */
export const bytesOf = async (cache: TestCache, sop: string): Promise<Buffer | undefined> => {
  const instance = cache.instances.get(keyOf(sop));
  return instance && readAll(instance.source);
};
