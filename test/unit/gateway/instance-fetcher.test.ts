import { describe, expect, test } from '@jest/globals';
import { GatewayError, systemClock, type OperationContext, type Priority } from '../../../src/core/index.js';
import type { InstanceReceiver, Peer, RetrieveRequest } from '../../../src/dimse/index.js';
import { InstanceFetcher } from '../../../src/gateway/instance-fetcher.js';
import type { InstanceKey } from '../../../src/cache/index.js';
import type { Instances, PeerBinding } from '../../../src/gateway/ports.js';
import { ReplacedLately } from '../../../src/gateway/replaced-lately.js';
import type { Ticket } from '../../../src/gateway/want.js';

interface Retrieve {
  readonly priority: Priority | undefined;
  readonly uids: readonly string[];
}

/**
 * A fetcher over an empty cache and a peer whose retrieves end when they are cancelled, and wait for an association all
 * the time if it is not there.
 */
function fetcherOf(
  workers: number,
  hasAssociations = false,
): {
  readonly fetcher: InstanceFetcher;
  readonly retrieves: readonly Retrieve[];
  readonly doubted: readonly string[];
  /** Ends the latest retrieve. */
  readonly breakOff: (error: GatewayError) => void;
  /** Sends an instance by it. */
  readonly send: (sopInstanceUid: string) => void;
  /** The same by each retrieve, in the order in which they were asked for. */
  readonly sends: readonly ((sopInstanceUid: string) => void)[];
  /** Ends it as it should end when so many were sent. */
  readonly complete: (received: number) => void;
  /** Resolves, when a head start has begun, to what sends an instance by it. */
  readonly headStart: Promise<(sopInstanceUid: string) => void>;
  /** The cache lets go of what is arriving. */
  readonly lose: (sopInstanceUid: string) => void;
} {
  const retrieves: Retrieve[] = [];
  const doubted: string[] = [];
  const sends: ((sopInstanceUid: string) => void)[] = [];
  let breakOff: (error: GatewayError) => void = () => undefined;
  let send: (sopInstanceUid: string) => void = () => undefined;
  let complete: (received: number) => void = () => undefined;
  let begun: (sendAhead: (sopInstanceUid: string) => void) => void = () => undefined;
  const headStart = new Promise<(sopInstanceUid: string) => void>((resolve) => {
    begun = resolve;
  });
  const peer = {
    name: 'main',
    knowledge: { get: () => undefined, learn: () => undefined },
    retrieve: (
      { identifier, begun: asked }: RetrieveRequest,
      receiver: InstanceReceiver,
      { priority, signal }: OperationContext,
    ) => {
      const uids = identifier.strings(0x00080018);
      retrieves.push({ priority, uids });
      if (hasAssociations) asked?.();
      return new Promise((resolve, reject) => {
        breakOff = reject;
        send = (sopInstanceUid) => {
          receiver({ sopInstanceUid, sopClassUid: '1', transferSyntaxUid: '1.2.840.10008.1.2.1' });
        };
        sends.push(send);
        complete = (received) => {
          const counts = { completed: received, failed: uids.length - received, warning: 0 };
          resolve({ ...counts, status: 0, received, failedSopInstanceUids: [], cancelled: false });
        };
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });
    },
    retrieveNow: (_request: RetrieveRequest, receiver: InstanceReceiver) => {
      begun((sopInstanceUid) => {
        receiver({ sopInstanceUid, sopClassUid: '1', transferSyntaxUid: '1.2.840.10008.1.2.1' });
      });
      return new Promise(() => undefined);
    },
    // What the fetcher uses of a peer, of its settings and of the cache, no more.
  } as unknown as Peer;
  const background = { workers: 1, batchSize: 5, bytesPerSecond: 0, hours: [] };
  const binding = {
    peer,
    retrieve: {
      workers,
      batchSize: 25,
      background,
      refusalMs: 1000,
      cancelDelayMs: 10,
      headStartMs: 1,
      maxInstances: 100,
    },
  } as unknown as PeerBinding;
  const arriving = new Map<string, unknown>();
  const instances = {
    get: () => undefined,
    // As if it were there already: nothing is written.
    begin: (key: InstanceKey) => {
      arriving.set(key.sopInstanceUid, { key, info: {}, complete: new Promise(() => undefined) });
    },
    peek: ({ sopInstanceUid }: InstanceKey) => arriving.get(sopInstanceUid),
    ofStudy: () => [],
  } as unknown as Instances;
  const watch = {
    seen: () => undefined,
    sopClassUids: () => Promise.resolve(['1']),
    fastestMs: 0,
    knows: () => true,
    forget: (study: string) => void doubted.push(study),
    replaced: new ReplacedLately(),
  };
  const deps = { instances, observe: () => undefined, clock: systemClock };
  const fetcher = new InstanceFetcher(binding, deps, watch);
  return {
    fetcher,
    retrieves,
    doubted,
    breakOff: (error) => {
      breakOff(error);
    },
    send: (sopInstanceUid) => {
      send(sopInstanceUid);
    },
    sends,
    complete: (received) => {
      complete(received);
    },
    headStart,
    lose: (sopInstanceUid) => void arriving.delete(sopInstanceUid),
  };
}

function ask(fetcher: InstanceFetcher, numbers: readonly number[], priority: Priority): readonly Ticket[] {
  const asker = { arrived: () => undefined, failed: () => undefined };
  return numbers.map((n) => {
    const listed = {
      studyInstanceUid: '1',
      seriesInstanceUid: '1.1',
      sopInstanceUid: `1.1.${n}`,
      sopClassUid: undefined,
    };
    return fetcher.fetch(listed, asker, { urgent: false, requestId: 'test', priority });
  });
}

const keyOf = (n: number): InstanceKey => ({
  peer: 'main',
  studyInstanceUid: '1',
  seriesInstanceUid: '1.1',
  sopInstanceUid: `1.1.${n}`,
});

/** Until the workers that were started have taken their batches. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('InstanceFetcher', () => {
  test.each([1, 3])(
    'of %i workers background work takes one, in small batches, and a person finds another',
    async (workers) => {
      const { fetcher, retrieves } = fetcherOf(workers);
      ask(fetcher, [1, 2, 3, 4, 5, 6, 7, 8], 'bulk');
      await settled();
      expect(retrieves).toEqual([{ priority: 'bulk', uids: ['1.1.1', '1.1.2', '1.1.3', '1.1.4', '1.1.5'] }]);
      ask(fetcher, [20], 'interactive');
      await settled();
      expect(retrieves.slice(1)).toEqual([{ priority: 'interactive', uids: ['1.1.20'] }]);
    },
  );

  test('a person who asks for what waits in the background takes it over, and it goes alone', async () => {
    const { fetcher, retrieves } = fetcherOf(2);
    ask(fetcher, [1, 2, 3, 4, 5, 6, 7], 'bulk');
    await settled();
    ask(fetcher, [7], 'interactive');
    await settled();
    expect(retrieves[1]).toEqual({ priority: 'interactive', uids: ['1.1.7'] });
    expect([fetcher.queued('bulk'), fetcher.queued('interactive')]).toEqual([1, 0]);
  });

  test('a person who asks for what was asked for in the background, and still waits for an association, has it asked for anew', async () => {
    const { fetcher, retrieves } = fetcherOf(3);
    ask(fetcher, [1, 2, 3], 'bulk');
    await settled();
    ask(fetcher, [2], 'interactive');
    await settled();
    await settled();
    expect(retrieves.map(({ priority, uids }) => [priority, ...uids])).toEqual([
      ['bulk', '1.1.1', '1.1.2', '1.1.3'],
      ['interactive', '1.1.2'],
      ['bulk', '1.1.1', '1.1.3'],
    ]);
  });

  test('what a background retrieve left out and a person waits for is asked for again', async () => {
    const { fetcher, retrieves, send, complete } = fetcherOf(3);
    ask(fetcher, [1, 2, 3], 'bulk');
    await settled();
    // Something has come of it, so it is not given up for a person.
    send('1.1.1');
    ask(fetcher, [2], 'interactive');
    await settled();
    expect(retrieves).toHaveLength(1);
    complete(1);
    await settled();
    await settled();
    expect(retrieves.slice(1).map(({ priority, uids }) => [priority, ...uids])).toContainEqual([
      'interactive',
      '1.1.2',
    ]);
    expect(fetcher.queued('interactive')).toBe(0);
  });

  test('what was said of a study is doubted when its retrieve breaks off, also when all who waited have left', async () => {
    const { fetcher, doubted, breakOff } = fetcherOf(1);
    const tickets = ask(fetcher, [1, 2], 'interactive');
    await settled();
    for (const ticket of tickets) ticket.release();
    breakOff(new GatewayError('peer-aborted', 'The peer has gone.'));
    await settled();
    expect(doubted).toEqual(['1']);
  });

  test('background work stands back while all workers serve people', async () => {
    const { fetcher, retrieves } = fetcherOf(1);
    ask(fetcher, [1], 'interactive');
    await settled();
    ask(fetcher, [2], 'prefetch');
    await settled();
    expect(retrieves.map(({ priority }) => priority)).toEqual(['interactive']);
  });

  test('what a head start brings while a list that brought nothing is tried one by one is told once', async () => {
    const { fetcher, retrieves, send, complete, headStart } = fetcherOf(1);
    const { signal } = new AbortController();
    const series = { studyInstanceUid: '1', seriesInstanceUid: '1.1' };
    fetcher.headStarts.join(series, () => undefined, { requestId: 'test', signal });
    const sendAhead = await headStart;
    const told: string[] = [];
    for (const n of [1, 2, 3]) {
      const asker = { arrived: () => void told.push(`1.1.${n}`), failed: () => undefined };
      const listed = { ...series, sopInstanceUid: `1.1.${n}`, sopClassUid: undefined };
      fetcher.fetch(listed, asker, { urgent: true, requestId: 'test' });
    }
    await settled();
    complete(0);
    await settled();
    sendAhead('1.1.2');
    send('1.1.1');
    complete(1);
    await settled();
    send('1.1.3');
    complete(1);
    await settled();
    expect(retrieves.map(({ uids }) => uids)).toEqual([['1.1.1', '1.1.2', '1.1.3'], ['1.1.1'], ['1.1.3']]);
    expect(told).toEqual(['1.1.2', '1.1.1', '1.1.3']);
  });

  test('what a list refused is not refused itself when all leave before the first of it was tried alone', async () => {
    const { fetcher, retrieves, breakOff } = fetcherOf(1);
    const tickets = ask(fetcher, [1, 2, 3], 'interactive');
    await settled();
    breakOff(new GatewayError('peer-failed', 'No lists.'));
    await settled();
    expect(retrieves.map(({ uids }) => uids)).toEqual([['1.1.1', '1.1.2', '1.1.3'], ['1.1.1']]);
    for (const ticket of tickets) ticket.release();
    while (fetcher.knows(keyOf(1))) await settled();
    expect([1, 2, 3].map((n) => fetcher.refusals.get(keyOf(n)))).toEqual([undefined, undefined, undefined]);
  });

  test('what a list refused is tried alone when who waited for the first of it leaves', async () => {
    const { fetcher, retrieves, breakOff } = fetcherOf(1);
    const [first] = ask(fetcher, [1, 2], 'interactive');
    await settled();
    breakOff(new GatewayError('peer-failed', 'No lists.'));
    await settled();
    first?.release();
    while (retrieves.length < 3 && fetcher.refusals.get(keyOf(2)) === undefined) await settled();
    expect(retrieves.map(({ uids }) => uids)).toEqual([['1.1.1', '1.1.2'], ['1.1.1'], ['1.1.2']]);
  });

  test('what the cache has let go of comes again for a person, and not for who wants it there alone', async () => {
    const { fetcher, retrieves, send, lose } = fetcherOf(2);
    ask(fetcher, [1], 'interactive');
    await settled();
    send('1.1.1');
    lose('1.1.1');
    ask(fetcher, [1], 'prefetch');
    await settled();
    expect(retrieves).toHaveLength(1);
    ask(fetcher, [1], 'interactive');
    await settled();
    expect(retrieves.map(({ uids }) => uids)).toEqual([['1.1.1'], ['1.1.1']]);
  });

  test('nothing more is asked for while the peer has passed over what was asked for sooner', async () => {
    const { fetcher, retrieves, sends, complete } = fetcherOf(2, true);
    const numbers = Array.from({ length: 60 }, (_, index) => index);
    ask(fetcher, numbers, 'interactive');
    await settled();
    const [passed, later] = retrieves;
    for (const uid of later?.uids ?? []) sends[1]?.(uid);
    complete(later?.uids.length ?? 0);
    await settled();
    await settled();
    expect(retrieves).toHaveLength(2);
    sends[0]?.(passed?.uids[0] ?? '');
    await settled();
    expect(retrieves).toHaveLength(3);
  });

  test('what is urgent is asked for at once though the peer has passed over something', async () => {
    const { fetcher, retrieves, sends, complete } = fetcherOf(2, true);
    ask(
      fetcher,
      Array.from({ length: 60 }, (_, index) => index),
      'interactive',
    );
    await settled();
    const [, later] = retrieves;
    for (const uid of later?.uids ?? []) sends[1]?.(uid);
    complete(later?.uids.length ?? 0);
    await settled();
    const listed = { ...keyOf(59), sopClassUid: undefined };
    fetcher.fetch(
      listed,
      { arrived: () => undefined, failed: () => undefined },
      {
        urgent: true,
        requestId: 'test',
      },
    );
    await settled();
    expect(retrieves.slice(2).map(({ uids }) => uids)).toEqual([['1.1.59']]);
  });
});
