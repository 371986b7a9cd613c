import { describe, expect, test } from '@jest/globals';
import { createHotBytes } from '../../../src/cache/index.js';
import { GatewayError } from '../../../src/core/index.js';
import { Pictures, type PictureOf, type RenderFrame } from '../../../src/gateway/pictures.js';
import type { InstanceRecord } from '../../../src/gateway/ports.js';

const recordOf = (digest: string): InstanceRecord => ({
  index: undefined,
  problem: undefined,
  digest,
  seenAs: undefined,
  seriesAs: undefined,
});

function pictureOf(record: InstanceRecord, more: { frame?: number; quality?: number } = {}): PictureOf {
  const { frame = 1, quality = 90 } = more;
  const key = { peer: 'main', sopInstanceUid: '1.2.3' };
  const source = { instance: { key }, record } as unknown as PictureOf['source'];
  return { source, frame, request: { mediaType: 'image/jpeg', quality } };
}

interface Job {
  readonly of: PictureOf;
  readonly done: (text: string) => void;
  readonly fail: (error: Error) => void;
}

/** Rendering that ends when the test says so, or the client that it is for leaves. */
function scene(limit = 100_000): { pictures: Pictures; jobs: Job[] } {
  const jobs: Job[] = [];
  const render: RenderFrame = (of, _pool, { signal }) =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(new Error('the bytes were taken away'));
      });
      const done = (text: string): void => {
        resolve(Buffer.from(text));
      };
      jobs.push({ of, done, fail: reject });
    });
  const pool = undefined as unknown as ConstructorParameters<typeof Pictures>[0];
  return { pictures: new Pictures(pool, createHotBytes(limit), render), jobs };
}

const client = (): { context: { requestId: string; signal: AbortSignal }; leave: () => void } => {
  const controller = new AbortController();
  const leave = (): void => {
    controller.abort(new GatewayError('cancelled', 'The client has gone.'));
  };
  return { context: { requestId: 'r', signal: controller.signal }, leave };
};

describe('pictures', () => {
  test('are made once for all who ask for the same at the same time', async () => {
    const { pictures, jobs } = scene();
    const record = recordOf('a');
    const all = [1, 2, 3].map(() => pictures.make(pictureOf(record), client().context));
    expect(jobs).toHaveLength(1);
    jobs[0]?.done('picture');
    expect((await Promise.all(all)).map(String)).toEqual(['picture', 'picture', 'picture']);
  });

  test('are kept for who asks later, for the same of the same bytes alone', async () => {
    const { pictures, jobs } = scene();
    const record = recordOf('a');
    const first = pictures.make(pictureOf(record), client().context);
    jobs[0]?.done('picture');
    await first;
    expect(String(await pictures.make(pictureOf(record), client().context))).toBe('picture');
    expect(jobs).toHaveLength(1);
    const others = [
      pictures.make(pictureOf(record, { frame: 2 }), client().context),
      pictures.make(pictureOf(record, { quality: 50 }), client().context),
      pictures.make(pictureOf(recordOf('b')), client().context),
    ];
    expect(jobs).toHaveLength(4);
    for (const [at, job] of jobs.entries()) job.done(`picture ${at}`);
    expect((await Promise.all(others)).map(String)).toEqual(['picture 1', 'picture 2', 'picture 3']);
  });

  test('are not kept where nothing may be', async () => {
    const { pictures, jobs } = scene(0);
    const record = recordOf('a');
    for (const text of ['one', 'two']) {
      const made = pictures.make(pictureOf(record), client().context);
      jobs.at(-1)?.done(text);
      expect(String(await made)).toBe(text);
    }
  });

  test('are made anew when the client leaves for whom they were begun, and the others wait on', async () => {
    const { pictures, jobs } = scene();
    const record = recordOf('a');
    const [first, second] = [client(), client()];
    const left = pictures.make(pictureOf(record), first.context);
    const waits = pictures.make(pictureOf(record), second.context);
    first.leave();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    while (jobs.length < 2) await new Promise(setImmediate);
    jobs[1]?.done('picture');
    expect(String(await waits)).toBe('picture');
  });

  test('fail for all who ask for what cannot be made, and are tried again by the next', async () => {
    const { pictures, jobs } = scene();
    const record = recordOf('a');
    const both = [1, 2].map(() => pictures.make(pictureOf(record), client().context));
    jobs[0]?.fail(new GatewayError('malformed-dataset', 'The frame cannot be decoded.'));
    for (const one of both) await expect(one).rejects.toMatchObject({ code: 'malformed-dataset' });
    const again = pictures.make(pictureOf(record), client().context);
    jobs[1]?.done('picture');
    expect(String(await again)).toBe('picture');
  });
});
