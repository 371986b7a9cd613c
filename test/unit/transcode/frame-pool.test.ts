import { afterAll, describe, expect, test } from '@jest/globals';
import type { Observation, OperationContext } from '../../../src/core/index.js';
import { TransferSyntaxes } from '../../../src/dicom/index.js';
import { createFramePool, type FramePool, type FramePoolOptions } from '../../../src/transcode/index.js';
import { encodeFrame } from '../../../src/transcode/encode-frame.js';
import { nativeFrameBytes, type FrameShape } from '../../../src/dicom/frame-shape.js';
import { Faults } from './faults.js';
import { patterns, shapes } from './frames.js';

const FAULTY = new URL('./faulty-worker.ts', import.meta.url);

const S = TransferSyntaxes;
const pools: FramePool[] = [];
afterAll(async () => {
  for (const pool of pools) await pool.close();
});

function start(options: Partial<FramePoolOptions> = {}): { pool: FramePool; observed: Observation[] } {
  const observed: Observation[] = [];
  const defaults = {
    workers: 2,
    queue: 10,
    frameMs: 20_000,
    heapMegabytes: 128,
    frameBytes: 2 ** 27,
    picturePixels: 2 ** 24,
  };
  const pool = createFramePool({ ...defaults, ...options }, (observation) => observed.push(observation));
  pools.push(pool);
  return { pool, observed };
}

const context = (signal = new AbortController().signal): OperationContext => ({ requestId: 'r', signal });
const found = shapes.find(({ name }) => name === '12 of 16 bits');
if (!found) throw new RangeError('there is no such shape');
const { shape } = found;
const [slope = new Uint8Array()] = patterns(shape);
const own = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

describe('frames in worker threads', () => {
  test('are decoded, encoded, and turned from one syntax into another', async () => {
    const { pool, observed } = start();
    const place = await pool.enter(context());
    const rle = S.RleLossless.uid;
    const encoded = await place.run({ frame: own(slope), from: undefined, to: rle, shape });
    const turned = await place.run({ frame: own(encoded.frame), from: rle, to: S.JpegLsLossless.uid, shape });
    const back = await place.run({ frame: turned.frame, from: S.JpegLsLossless.uid, to: undefined, shape });
    expect(Buffer.compare(back.frame, slope)).toBe(0);
    expect(back.shape).toEqual(shape);
    place.leave();
    expect(observed).toContainEqual(
      expect.objectContaining({ kind: 'frame', from: rle, to: S.JpegLsLossless.uid, outcome: 'done' }),
    );
    expect(pool.stats).toEqual({ working: 0, waiting: 0 });
  });

  test.each([
    S.RleLossless,
    S.JpegLosslessSv1,
    S.JpegLsLossless,
    S.Jpeg2000Lossless,
    S.HtJ2kLossless,
    S.EncapsulatedUncompressedExplicitVrLittleEndian,
    S.DeflatedImageFrameCompression,
  ])('are encoded in the memory of their place, one after the other, as $name', async ({ uid }) => {
    const { pool } = start({ workers: 1 });
    const place = await pool.enter(context());
    for (const samples of patterns(shape)) {
      const memory = place.memory(samples.length);
      memory.set(samples);
      const encoded = await place.run({ frame: memory, from: undefined, to: uid, shape });
      // What has come back stays as it is while the memory has another frame.
      place.memory(samples.length).fill(0xff);
      const back = await place.run({ frame: own(encoded.frame), from: uid, to: undefined, shape });
      expect(Buffer.compare(back.frame, samples)).toBe(0);
    }
    place.leave();
  });

  test('that are not what their dataset says are refused, and the next ones are as good as before', async () => {
    const { pool, observed } = start({ workers: 1 });
    const place = await pool.enter(context());
    const uid = S.Jpeg2000Lossless.uid;
    const { stream } = await encodeFrame({ samples: slope, shape }, uid);
    for (const bad of [stream.subarray(0, stream.length >> 1), Buffer.alloc(100, 0xff), Buffer.alloc(0)]) {
      await expect(place.run({ frame: own(bad), from: uid, to: undefined, shape })).rejects.toMatchObject({
        code: 'malformed-dataset',
      });
    }
    const good = await place.run({ frame: own(stream), from: uid, to: undefined, shape });
    expect(Buffer.compare(good.frame, slope)).toBe(0);
    expect(observed.filter(({ kind }) => kind === 'frame')).toMatchObject([
      { outcome: 'refused' },
      { outcome: 'refused' },
      { outcome: 'refused' },
      { outcome: 'done' },
    ]);
  });

  test('that take too long cost their thread, and nobody else anything', async () => {
    const large: FrameShape = { ...shape, rows: 3000, columns: 3000 };
    const samples = new Uint8Array(nativeFrameBytes(large)).map((_, at) => (at * 7919) % (at % 2 ? 16 : 256));
    const { pool, observed } = start({ workers: 1, frameMs: 1 });
    const place = await pool.enter(context());
    const task = { frame: samples, from: undefined, to: S.Jpeg2000Lossless.uid, shape: large };
    await expect(place.run(task)).rejects.toMatchObject({ code: 'transcode-timeout' });
    expect(observed.filter(({ kind }) => kind === 'frame').at(-1)).toMatchObject({ outcome: 'late' });
    place.leave();
    const { pool: patient } = start({ workers: 1 });
    const other = await patient.enter(context());
    const { frame } = await other.run({ frame: own(slope), from: undefined, to: undefined, shape });
    expect(Buffer.compare(frame, slope)).toBe(0);
  });

  test.each([
    ['that takes its thread with it', Faults.exit, undefined, 'crashed'],
    ['that does not end', Faults.spin, undefined, 'late'],
    ['that needs more heap than there is', Faults.memory, undefined, 'crashed'],
    ['that gives another size', Faults.short, undefined, 'refused'],
    ['that gives nothing', Faults.empty, S.RleLossless.uid, 'refused'],
  ])(
    'a codec %s costs one frame, is counted, and the next one is exact',
    async (_name, fault, to, outcome) => {
      const frameMs = outcome === 'late' ? 15_000 : 60_000;
      const { pool, observed } = start({ workers: 1, frameMs, heapMegabytes: 32, worker: FAULTY });
      const place = await pool.enter(context());
      const good = async (): Promise<void> => {
        const task = { frame: own(slope), from: undefined, to: S.RleLossless.uid, shape };
        const { frame } = await place.run(task);
        const back = await place.run({ frame, from: S.RleLossless.uid, to: undefined, shape });
        expect(Buffer.compare(back.frame, slope)).toBe(0);
      };
      // A thread that has started has no start to be late by.
      await good();
      const frame = own(slope);
      frame[0] = fault;
      await expect(place.run({ frame, from: undefined, to, shape })).rejects.toMatchObject({
        code: outcome === 'late' ? 'transcode-timeout' : 'malformed-dataset',
      });
      expect(observed.filter(({ kind }) => kind === 'frame').at(2)).toMatchObject({ outcome });
      await good();
      place.leave();
      expect(pool.stats).toEqual({ working: 0, waiting: 0 });
    },
    120_000,
  );

  test('lie in memory that is used again, but not where a thread that was ended may read it still', async () => {
    const { pool } = start({ workers: 1, frameMs: 15_000, worker: FAULTY });
    const place = await pool.enter(context());
    const read = (fault?: number): Uint8Array => {
      const memory = place.memory(slope.length);
      memory.set(slope);
      if (fault !== undefined) memory[0] = fault;
      return memory;
    };
    const task = { from: undefined, to: undefined, shape };
    const [first, second] = [read(), read()];
    const { frame } = await place.run({ ...task, frame: first });
    const late = read(Faults.spin);
    expect([late.buffer === first.buffer, late.buffer === second.buffer]).toEqual([true, false]);
    // What was given away does not change with the memory that it was made from.
    expect(Buffer.compare(frame, slope)).toBe(0);
    await expect(place.run({ ...task, frame: late })).rejects.toMatchObject({ code: 'transcode-timeout' });
    expect(read().buffer === late.buffer).toBe(false);
    place.leave();
  }, 120_000);

  test('wait by priority, so many and no more, and not when nobody waits for them', async () => {
    const { pool } = start({ workers: 1, queue: 2 });
    const first = await pool.enter(context());
    const order: string[] = [];
    const leaving = new AbortController();
    const gone = pool.enter({ ...context(leaving.signal), priority: 'bulk' });
    const person = pool.enter(context()).then((place) => {
      order.push('person');
      return place;
    });
    await expect(pool.enter(context())).rejects.toMatchObject({ code: 'overloaded' });
    leaving.abort(new Error('the client has gone'));
    await expect(gone).rejects.toMatchObject({ code: 'cancelled' });
    const job = pool.enter({ ...context(), priority: 'bulk' }).then((place) => {
      order.push('job');
      return place;
    });
    first.leave();
    (await person).leave();
    (await job).leave();
    first.leave();
    expect(order).toEqual(['person', 'job']);
    expect(pool.stats).toEqual({ working: 0, waiting: 0 });
  });
});
