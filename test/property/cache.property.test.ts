import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Arrival } from '../../src/cache/index.js';
import { GatewayError } from '../../src/core/index.js';
import {
  closeCaches,
  info,
  keyOf,
  openCache,
  pattern,
  turn,
  until,
  type TestCache,
} from '../unit/cache/harness.js';

afterEach(closeCaches);

const KEYS = 6;
const BLOCK = 4096;
const CHUNK = 6000;
const ENTRY = 1024;
const LONGEST = 400_000;
const bytes = Array.from({ length: KEYS }, (_, seed) => pattern(LONGEST, seed + 1));

/** As one who looks at what comes, or one who hands it on. */
type Look = 'read' | 'hand on';

type Step =
  | { readonly do: 'begin' | 'delete' | Look | 'hold' | 'finish' | 'fail'; readonly key: number }
  | { readonly do: 'write'; readonly key: number; readonly length: number }
  | { readonly do: 'next' | 'leave' | 'release'; readonly which: number }
  | { readonly do: 'wait'; readonly ms: number };

const key = fc.nat(KEYS - 1);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom('begin' as const, 'read' as const, 'hand on' as const),
        key,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.oneof(
        fc.record({ do: fc.constant('fail' as const), key }),
        fc.record({ do: fc.constantFrom('delete' as const, 'hold' as const), key }),
      ),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('finish' as const), key }) },
    { weight: 12, arbitrary: fc.record({ do: fc.constant('write' as const), key, length: fc.nat(CHUNK) }) },
    { weight: 12, arbitrary: fc.record({ do: fc.constant('next' as const), which: fc.nat(99) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'release' as const), which: fc.nat(99) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(1500) }) },
  ),
  { minLength: 30, maxLength: 250, size: 'max' },
);

interface Reading {
  readonly key: number;
  readonly iterator: AsyncIterator<Buffer, undefined>;
  /** Of the arrival that it reads. */
  readonly arrival: Writing;
  /** Gives back all that it has. */
  readonly close: () => void;
  position: number;
  busy: boolean;
  ended: boolean;
}

interface Writing {
  readonly arrival: Arrival<string>;
  length: number;
  busy: boolean;
  state: 'open' | 'complete' | 'failed';
}

/** Drives a cache as a gateway would, and checks every byte that comes out of it. */
class Model {
  readonly #cache: TestCache;
  readonly #writing = new Map<number, Writing>();
  readonly #held: (() => void)[] = [];
  readonly #readings: Reading[] = [];
  readonly wrong: string[] = [];

  constructor(cache: TestCache) {
    this.#cache = cache;
  }

  apply(step: Step): void {
    if (step.do === 'wait') this.#cache.clock.advance(step.ms);
    else if ('which' in step) this.#applyToReader(step.which, step.do);
    else if (step.do === 'write') this.#write(this.#writing.get(step.key), step.key, step.length);
    else this.#applyTo(step.key, step.do);
  }

  checkBounds(memoryLimit: number): void {
    const { memoryBytes, openSpools, spools, readers, diskBytes, diskLimit } = this.#cache.spools.stats;
    const slack = openSpools * (CHUNK + 2 * BLOCK) + spools * ENTRY + readers * 2 * BLOCK;
    if (memoryBytes > memoryLimit + slack) this.wrong.push(`memory ${memoryBytes}, slack ${slack}`);
    if (diskBytes > diskLimit) this.wrong.push(`disk ${diskBytes}`);
    if (memoryBytes < 0 || diskBytes < 0) this.wrong.push('negative');
  }

  /** Everybody finishes what they have begun. */
  async drain(): Promise<void> {
    const busy = (): boolean => this.#readings.some(({ ended }) => !ended);
    for (const [index, writing] of this.#writing) {
      await until(() => {
        this.#cache.clock.advance(100);
        for (const reading of this.#readings) this.#next(reading);
        return !writing.busy;
      });
      this.#end('finish', writing, index);
    }
    await until(() => {
      for (const reading of this.#readings) this.#next(reading);
      return !busy();
    });
    for (const release of this.#held.splice(0)) release();
  }

  #applyToReader(which: number, action: 'next' | 'leave' | 'release'): void {
    if (action === 'next') this.#next(pick(this.#readings, which));
    else if (action === 'leave') this.#leave(pick(this.#readings, which));
    else this.#held.splice(which % (this.#held.length || 1), 1)[0]?.();
  }

  #applyTo(index: number, action: 'begin' | 'delete' | Look | 'hold' | 'finish' | 'fail'): void {
    if (action === 'begin') this.#begin(index);
    else if (action === 'delete') this.#cache.instances.delete(keyOf(String(index)));
    else if (action === 'hold') this.#hold(index);
    else if (action === 'read' || action === 'hand on') this.#read(index, action);
    else this.#end(action, this.#writing.get(index), index);
  }

  #begin(index: number): void {
    const arrival = this.#cache.instances.begin(keyOf(String(index)), info);
    if (!arrival) return;
    this.#writing.get(index)?.arrival.fail(new GatewayError('cancelled', 'Superseded.'));
    this.#writing.set(index, { arrival, length: 0, busy: false, state: 'open' });
  }

  #hold(index: number): void {
    const instance = this.#cache.instances.get(keyOf(String(index)));
    if (instance) this.#held.push(instance.hold());
  }

  #read(index: number, how: Look): void {
    const instance = this.#cache.instances.get(keyOf(String(index)));
    const arrival = this.#writing.get(index);
    if (!instance || !arrival) return;
    if (arrival.arrival.instance !== instance) this.wrong.push('another instance');
    const request = this.#cache.instances.reading();
    const lease = how === 'hand on' ? instance.lease({ reading: request }) : undefined;
    const source = lease?.lent ?? instance.source;
    const iterator = source.read()[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
    const close = (): void => {
      request.close();
      lease?.release();
    };
    const reading = { key: index, iterator, arrival, close, position: 0, busy: false, ended: false };
    this.#readings.push(reading);
    this.#next(reading);
  }

  #next(reading: Reading | undefined): void {
    if (!reading || reading.busy || reading.ended) return;
    reading.busy = true;
    reading.iterator.next().then(
      (result) => {
        reading.busy = false;
        if (result.done) this.#ended(reading);
        else this.#got(reading, result.value);
      },
      (error: unknown) => {
        reading.busy = false;
        reading.ended = true;
        reading.close();
        if (!(error instanceof GatewayError)) this.wrong.push(String(error));
      },
    );
  }

  #got(reading: Reading, chunk: Buffer): void {
    const expected = bytes[reading.key]?.subarray(reading.position, reading.position + chunk.length);
    if (chunk.length === 0 || !expected?.equals(chunk)) this.wrong.push('other bytes than were written');
    reading.position += chunk.length;
    if (reading.position > reading.arrival.length) this.wrong.push('more bytes than were written');
  }

  #ended(reading: Reading): void {
    if (reading.ended) return;
    reading.ended = true;
    reading.close();
    if (reading.arrival.state !== 'complete') this.wrong.push('ended cleanly though it is not whole');
    if (reading.position !== reading.arrival.length) this.wrong.push('ended cleanly before the end');
  }

  #leave(reading: Reading | undefined): void {
    if (!reading || reading.ended) return;
    reading.ended = true;
    void reading.iterator.return?.();
    reading.close();
  }

  #write(writing: Writing | undefined, index: number, length: number): void {
    if (writing?.state !== 'open' || writing.busy) return;
    const chunk = bytes[index]?.subarray(writing.length, writing.length + length) ?? Buffer.alloc(0);
    writing.length += chunk.length;
    const waiting = writing.arrival.write(chunk);
    if (!waiting) return;
    writing.busy = true;
    waiting.then(
      () => (writing.busy = false),
      (error: unknown) => {
        writing.busy = false;
        writing.state = 'failed';
        if (!(error instanceof GatewayError)) this.wrong.push(String(error));
      },
    );
  }

  #end(how: 'finish' | 'fail', writing: Writing | undefined, index: number): void {
    if (writing?.state !== 'open' || writing.busy) return;
    if (how === 'fail') {
      writing.state = 'failed';
      writing.arrival.fail(new GatewayError('peer-aborted', 'Gone.'));
      if (this.#cache.instances.get(keyOf(String(index)))) this.wrong.push('a failed arrival is served');
      return;
    }
    writing.state = 'complete';
    writing.arrival.finish('meta').catch(() => (writing.state = 'failed'));
  }
}

const pick = <T>(items: readonly T[], which: number): T | undefined => items[which % (items.length || 1)];

const tiers = [
  { name: 'memory only', options: { memoryBytes: 48 * 1024 } },
  { name: 'memory and disk', options: { memoryBytes: 48 * 1024, diskBytes: 10_000_000, spillBytes: 20_000 } },
  {
    name: 'memory and a disk of shared files',
    options: { memoryBytes: 48 * 1024, diskBytes: 400_000, spillBytes: 20_000, segmentBytes: 100_000 },
  },
  {
    name: 'memory and a tiny disk',
    options: { memoryBytes: 48 * 1024, diskBytes: 60_000, spillBytes: 8000 },
  },
];

describe.each(tiers)('any sequence of operations ($name)', ({ options }) => {
  test('stays within the budgets and gives every reader exactly the writer’s bytes', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const cache = await openCache(options);
        const model = new Model(cache);
        for (const [index, step] of sequence.entries()) {
          model.apply(step);
          model.checkBounds(options.memoryBytes);
          if (index % 3 === 0) await turn(1);
        }
        await model.drain();
        await turn(1);
        expect(model.wrong).toEqual([]);
        expect(cache.spools.stats.waitingWriters).toBe(0);
        expect(cache.spools.stats.memoryBytes).toBeLessThanOrEqual(options.memoryBytes);
        await closeCaches();
        expect(cache.spools.stats).toMatchObject({ memoryBytes: 0, diskBytes: 0, spools: 0, readers: 0 });
      }),
      { numRuns: 150, interruptAfterTimeLimit: 8000 },
    );
  });
});
