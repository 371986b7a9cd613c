import { describe, expect, test } from '@jest/globals';
import { GatewayError, type Clock } from '../../../src/core/index.js';
import { Dataset, Tags, type DicomJsonObject } from '../../../src/dicom/index.js';
import { parseSearch } from '../../../src/dicomweb/index.js';
import type { SearchSettings } from '../../../src/gateway/ports.js';
import { search, type SearchAnswer } from '../../../src/gateway/search.js';
import type { SearchSource } from '../../../src/gateway/search-run.js';
import { fakeArchive, sourceOf } from '../../helpers/fake-archive.js';

const answering = {
  serviceUrl: 'https://gw.example',
  representations: [{ mediaType: 'application/dicom+json', multipart: false, transferSyntax: undefined }],
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** UIDs in the opposite of their order. */
const descending = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `1.2.${1000 + count - index}`);

type SlowOptions = Partial<SearchSettings> & { readonly fails?: boolean };

/** A peer that sends some rows, and the rest when it is told to, with a clock that moves when it is told to. */
class SlowPeer {
  readonly #source: SearchSource;
  readonly #timers = new Set<() => void>();
  readonly #gate: Promise<void>;
  #open: () => void = () => undefined;
  readonly #clock: Clock = {
    now: () => 0,
    after: (_ms, callback) => {
      this.#timers.add(callback);
      return () => void this.#timers.delete(callback);
    },
  };

  constructor(first: number, all: number, { fails = false, ...settings }: SlowOptions = {}) {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
    const timed = { lookAheadMs: 50, complete: 'off', ...settings } as const;
    this.#source = {
      ...sourceOf(fakeArchive({ studies: [] }), timed),
      find: (_level, _identifier, { signal }) => this.#find({ first, all, fails }, signal),
      clock: this.#clock,
    };
  }

  async *#find(
    { first, all, fails }: { readonly first: number; readonly all: number; readonly fails: boolean },
    signal: AbortSignal,
  ): ReturnType<SearchSource['find']> {
    const left = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(new GatewayError('cancelled', 'left'));
      });
    });
    left.catch(() => undefined);
    for (const [index, uid] of descending(all).entries()) {
      if (index === first) await Promise.race([this.#gate, left]);
      if (index === first && fails) throw new GatewayError('peer-failed', 'no');
      yield new Dataset().setString(Tags.StudyInstanceUID, uid, 'UI');
    }
    return { status: 0, truncated: false };
  }

  ask(query = ''): Promise<SearchAnswer> {
    const context = { requestId: 'test', signal: new AbortController().signal };
    return search(this.#source, parseSearch('STUDY', {}, query), answering, context);
  }

  /** The rest comes. */
  goOn(): void {
    this.#open();
  }

  /** Time passes once somebody waits for it. */
  async pass(): Promise<void> {
    while (this.#timers.size === 0) await turn();
    // What has come is there by then.
    for (let at = 0; at < 50; at += 1) await turn();
    for (const callback of this.#timers) callback();
  }
}

async function uidsOf(answer: SearchAnswer): Promise<string[]> {
  let body = '';
  for await (const piece of answer.body) body += piece.toString();
  await answer.close();
  return (JSON.parse(body) as DicomJsonObject[]).map((row) => row['0020000D']?.Value?.[0] as string);
}

/** Whether it is still waited for when there is nothing more to do. */
async function isWaiting(answer: Promise<unknown>): Promise<boolean> {
  let isDone = false;
  void answer.finally(() => (isDone = true)).catch(() => undefined);
  for (let at = 0; at < 50; at += 1) await turn();
  return !isDone;
}

describe('a slow answer without a limit', () => {
  test('leaves some time after its first row, once there are enough to know what it is like', async () => {
    const peer = new SlowPeer(101, 600);
    const asked = peer.ask();
    await peer.pass();
    const answer = await asked;
    expect(answer.warnings).toEqual([]);
    peer.goOn();
    expect(await uidsOf(answer)).toEqual(descending(600));
  });

  test('is waited for to its end when it is of a few rows, and is sorted', async () => {
    const peer = new SlowPeer(99, 100);
    const asked = peer.ask();
    await peer.pass();
    expect(await isWaiting(asked)).toBe(true);
    peer.goOn();
    expect(await uidsOf(await asked)).toEqual(descending(100).reverse());
  });

  test('that fails in time has an error for an answer, and is broken off after that', async () => {
    const early = new SlowPeer(101, 600, { fails: true });
    const asked = early.ask();
    early.goOn();
    await expect(asked).rejects.toMatchObject({ code: 'peer-failed' });
    const late = new SlowPeer(101, 600, { fails: true });
    const opening = late.ask();
    await late.pass();
    const answer = await opening;
    late.goOn();
    await expect(uidsOf(answer)).rejects.toMatchObject({ code: 'peer-failed' });
  });

  test('is waited for whatever it takes where that is configured', async () => {
    const peer = new SlowPeer(150, 600, { lookAheadMs: 0 });
    const asked = peer.ask();
    expect(await isWaiting(asked)).toBe(true);
    peer.goOn();
    expect(await uidsOf(await asked)).toEqual(descending(600).reverse());
  });
});

describe('Q-25: the order of an answer follows from the number of its rows, not from how fast they came', () => {
  test.each([
    ['', 101, descending(101)],
    ['', 100, descending(100).reverse()],
    ['limit=500', 101, descending(101).reverse()],
    ['offset=1', 101, descending(101).reverse().slice(1)],
  ])('%s of %s rows', async (query, count, expected) => {
    const peer = new SlowPeer(count, count);
    expect(await uidsOf(await peer.ask(query))).toEqual(expected);
  });
});

describe('Q-24: a page', () => {
  test.each(['limit=10', 'limit=10&offset=500', 'offset=500'])(
    '%s is waited for, and what remains is counted, whatever it takes',
    async (query) => {
      const peer = new SlowPeer(150, 600);
      const asked = peer.ask(query);
      await peer.pass();
      expect(await isWaiting(asked)).toBe(true);
      peer.goOn();
      const { offset, limit } = parseSearch('STUDY', {}, query);
      const expected = descending(600)
        .reverse()
        .slice(offset, offset + (limit ?? 600));
      const answer = await asked;
      const remain = 600 - offset - expected.length;
      expect(answer.warnings).toEqual(
        remain === 0 ? [] : [`There are ${remain} additional results that can be requested`],
      );
      expect(await uidsOf(answer)).toEqual(expected);
    },
  );
});
