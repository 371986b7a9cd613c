import { describe, expect, test } from '@jest/globals';
import { baselineQueryOptions, GatewayError, type OperationContext } from '../../../src/core/index.js';
import { Dataset, Tags } from '../../../src/dicom/index.js';
import type { FindCompletion, Peer } from '../../../src/dimse/index.js';
import { SharedFinds } from '../../../src/gateway/shared-finds.js';
import { ManualClock } from '../cache/harness.js';

type Rows = AsyncGenerator<Dataset, FindCompletion, undefined>;

/** A peer that gives `count` rows to whatever it is asked, then an error if there is one. */
class CountingPeer {
  asked = 0;
  pulled = 0;
  cancelled = 0;
  readonly #count: number;
  readonly #error: GatewayError | undefined;

  constructor(count: number, error?: GatewayError) {
    this.#count = count;
    this.#error = error;
  }

  async *find(_level: unknown, _identifier: unknown, { signal }: OperationContext): Rows {
    this.asked += 1;
    try {
      for (let row = 0; row < this.#count; row += 1) {
        await Promise.resolve();
        if (signal.aborted) throw new GatewayError('cancelled', 'given up');
        this.pulled += 1;
        yield new Dataset().setString(Tags.InstanceNumber, String(row), 'IS');
      }
      if (this.#error) throw this.#error;
      return { status: 0, truncated: false };
    } finally {
      if (this.pulled < this.#count) this.cancelled += 1;
    }
  }
}

const setUp = (count: number, { keepMs = 0, error }: { keepMs?: number; error?: GatewayError } = {}) => {
  const peer = new CountingPeer(count, error);
  const clock = new ManualClock();
  // What is shared uses of a peer no more than this.
  const finds = new SharedFinds(peer as unknown as Peer, { keepMs }, clock);
  const ask = (
    of: { id?: string; signal?: AbortSignal; priority?: 'bulk'; fuzzy?: boolean; since?: number } = {},
  ): Rows => {
    const { id = '1', signal = new AbortController().signal, priority, fuzzy, since } = of;
    const identifier = new Dataset().setString(Tags.PatientID, id, 'LO');
    const context = {
      requestId: 'test',
      signal,
      ...(priority ? { priority } : {}),
      ...(fuzzy !== undefined && { planned: { ...baselineQueryOptions, fuzzy } }),
    };
    return finds.find('STUDY', identifier, context, since);
  };
  return { peer, clock, finds, ask };
};

async function numbers(rows: Rows, most = Number.POSITIVE_INFINITY): Promise<number[]> {
  const all: number[] = [];
  while (all.length < most) {
    const next = await rows.next();
    if (next.done) return all;
    all.push(Number(next.value.string(Tags.InstanceNumber)));
  }
  return all;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_value, index) => index);

describe('a C-FIND that others join', () => {
  test('gives each of them every row, and is one', async () => {
    const { peer, ask } = setUp(50);
    const first = ask();
    expect(await numbers(first, 20)).toEqual(upTo(20));
    const [rest, all] = await Promise.all([numbers(first), numbers(ask())]);
    expect(rest).toEqual(upTo(50).slice(20));
    expect(all).toEqual(upTo(50));
    expect(peer).toMatchObject({ asked: 1, pulled: 50 });
  });

  test('asks the peer for no row that nobody wants yet', async () => {
    const { peer, ask } = setUp(50);
    const [one, two] = [ask(), ask()];
    await numbers(one, 3);
    await numbers(two, 2);
    expect(peer.pulled).toBe(3);
    await Promise.all([one.return({ status: 0, truncated: true }), numbers(two, 48)]);
    expect(peer).toMatchObject({ pulled: 50, cancelled: 0 });
  });

  test('is not shared by what differs in a key, in priority or in what is known of the peer', async () => {
    const { peer, ask } = setUp(5);
    const all = [ask(), ask({ id: '2' }), ask({ priority: 'bulk' }), ask({ since: 1 })];
    for (const rows of all) expect(await numbers(rows, 1)).toEqual([0]);
    expect(peer.asked).toBe(4);
  });

  test('goes on when who began it leaves, and is cancelled by the last', async () => {
    const { peer, ask } = setUp(50);
    const controllers = [new AbortController(), new AbortController()];
    const [one, two] = controllers.map(({ signal }) => ask({ signal }));
    if (!one || !two) throw new Error('two readers');
    await numbers(one, 1);
    await numbers(two, 1);
    controllers[0]?.abort(new GatewayError('cancelled', 'gone'));
    await expect(one.next()).rejects.toMatchObject({ code: 'cancelled' });
    expect(await numbers(two, 5)).toEqual([1, 2, 3, 4, 5]);
    expect(peer.cancelled).toBe(0);
    await two.return({ status: 0, truncated: true });
    await new Promise((resolve) => setImmediate(resolve));
    expect(peer.cancelled).toBe(1);
    expect(await numbers(ask(), 1)).toEqual([0]);
    expect(peer.asked).toBe(2);
  });

  test.each([0, 1000])(
    'that ended when nobody was there to hear it is not joined any more, kept for %i ms',
    async (keepMs) => {
      const { peer, finds, ask } = setUp(2, { keepMs });
      const controller = new AbortController();
      const [slow, fast] = [ask(), ask({ signal: controller.signal })];
      await numbers(slow, 1);
      await numbers(fast, 2);
      const leaving = fast.next();
      controller.abort(new GatewayError('cancelled', 'gone'));
      await expect(leaving).rejects.toMatchObject({ code: 'cancelled' });
      await new Promise((resolve) => setImmediate(resolve));
      await slow.return({ status: 0, truncated: true });
      expect(finds.size).toBe(0);
      expect(await numbers(ask())).toEqual([0, 1]);
      expect(peer.asked).toBe(2);
    },
  );

  test('that fails fails for all, and whoever asks next asks anew', async () => {
    const { peer, ask, finds } = setUp(3, { error: new GatewayError('peer-failed', 'no') });
    const [one, two] = [ask(), ask()];
    const ends = [numbers(one), numbers(two)];
    for (const end of ends) await expect(end).rejects.toMatchObject({ code: 'peer-failed' });
    await expect(numbers(ask())).rejects.toMatchObject({ code: 'peer-failed' });
    expect(peer.asked).toBe(2);
    expect(finds.size).toBe(0);
  });

  test.each([0, 1000])(
    'of which a reader could not use a row is joined by nobody more, kept for %i ms',
    async (keepMs) => {
      const { peer, ask } = setUp(3, { keepMs });
      const other = ask();
      await numbers(other, 1);
      const bad = ask();
      await numbers(bad, 1);
      const unusable = new GatewayError('peer-protocol', 'a row without a UID');
      await expect(bad.throw(unusable)).rejects.toBe(unusable);
      expect(await numbers(ask())).toEqual([0, 1, 2]);
      expect(peer.asked).toBe(2);
      expect(await numbers(other)).toEqual([1, 2]);
      const again = ask();
      await numbers(again, 1);
      const { asked } = peer;
      await expect(again.throw(unusable)).rejects.toBe(unusable);
      await numbers(ask());
      expect(peer.asked).toBe(asked + 1);
    },
  );

  test('of many rows keeps a window: a late one asks anew, a fast one waits for a slow one', async () => {
    const { peer, ask } = setUp(5000);
    const [fast, slow] = [ask(), ask()];
    await numbers(slow, 1);
    await numbers(fast, 1000);
    const more = numbers(fast, 500);
    await new Promise((resolve) => setImmediate(resolve));
    expect(peer.pulled).toBeLessThanOrEqual(1001);
    expect(await numbers(slow, 999)).toEqual(upTo(1000).slice(1));
    expect(await more).toHaveLength(500);
    expect(await numbers(ask(), 3)).toEqual([0, 1, 2]);
    expect(peer.asked).toBe(2);
    const others = numbers(slow);
    await new Promise((resolve) => setImmediate(resolve));
    await fast.return({ status: 0, truncated: true });
    expect(await others).toEqual(upTo(5000).slice(1000));
  });
});

test('a C-FIND is shared by those who mean the same, as planned or as the baseline has it', async () => {
  const { peer, ask } = setUp(3);
  await Promise.all([ask(), ask({ fuzzy: false }), ask({ fuzzy: true })].map((rows) => numbers(rows)));
  expect(peer.asked).toBe(2);
});

describe('answers that are kept', () => {
  test('are given for as long as configured, and not after something was stored', async () => {
    const { peer, clock, finds, ask } = setUp(5, { keepMs: 1000 });
    await numbers(ask());
    clock.advance(999);
    expect(await numbers(ask())).toEqual(upTo(5));
    expect(peer.asked).toBe(1);
    clock.advance(1);
    await numbers(ask());
    expect(peer.asked).toBe(2);
    finds.clear();
    await numbers(ask());
    expect(peer.asked).toBe(3);
    expect(clock.pending).toBe(1);
  });

  test('are none by default', async () => {
    const { peer, clock, ask } = setUp(5);
    await numbers(ask());
    await numbers(ask());
    expect(peer.asked).toBe(2);
    expect(clock.pending).toBe(0);
  });

  test('what runs when something is stored is not joined any more', async () => {
    const { peer, finds, ask } = setUp(5);
    const before = ask();
    await numbers(before, 1);
    finds.clear();
    expect(await numbers(ask())).toEqual(upTo(5));
    expect(await numbers(before)).toEqual([1, 2, 3, 4]);
    expect(peer.asked).toBe(2);
  });
});
