import { describe, expect, test } from '@jest/globals';
import { GatewayError, systemClock } from '../../../src/core/index.js';
import { Collector } from '../../../src/gateway/collector.js';
import type { ListedInstance } from '../../../src/gateway/listing.js';
import type { RetrieveBinding } from '../../../src/gateway/side.js';
import type { Asker, Ticket } from '../../../src/gateway/want.js';

const SERIES = { studyInstanceUid: '1', seriesInstanceUid: '1.1' };

const listed = (n: number): ListedInstance => ({
  ...SERIES,
  sopInstanceUid: `1.1.${n}`,
  sopClassUid: undefined,
});

/** A side whose series was listed before; what is asked for comes when the test says so. */
function setUp(list: readonly ListedInstance[]): {
  readonly side: RetrieveBinding;
  readonly askers: Asker[];
  /** Places in the queue that were given and not given back. */
  readonly open: () => number;
} {
  const askers: Asker[] = [];
  const tickets = new Set<Ticket>();
  const fetch = (_listed: ListedInstance, asker: Asker): Ticket => {
    askers.push(asker);
    const ticket = { release: () => void tickets.delete(ticket) };
    tickets.add(ticket);
    return ticket;
  };
  const side = {
    binding: { peer: { name: 'main' }, retrieve: {} },
    deps: {
      clock: systemClock,
      instances: { reading: () => ({ close: () => undefined }), ofStudy: () => [] },
    },
    fetcher: { fetch, knows: () => false, refusals: { get: () => undefined } },
    watch: {
      holds: () => true,
      checkCached: () => Promise.resolve(),
      isOutdated: () => false,
      listing: () => list,
      listingStart: () => ({ changes: 0, at: 0 }),
    },
    // What a collector uses of a side, no more.
  } as unknown as RetrieveBinding;
  return { side, askers, open: () => tickets.size };
}

describe('Collector', () => {
  test('one that is closed while a list is gone through asks for nothing more, and keeps no place', async () => {
    const { side, askers, open } = setUp(Array.from({ length: 20 }, (_, n) => listed(n)));
    const { signal } = new AbortController();
    const collector = new Collector(side, SERIES, { requestId: 'test', signal });
    const started = collector.start();
    // A turn of promises for each row or two; a list that is never asked for must not be waited for in vain.
    for (let turn = 0; turn < 1000 && askers.length < 5; turn += 1) await Promise.resolve();
    collector.close();
    await started;
    expect([askers.length, open()]).toEqual([5, 0]);
  });

  test('a client that has gone before it began is asked nothing for', async () => {
    const { side, askers, open } = setUp([listed(1), listed(2)]);
    const controller = new AbortController();
    controller.abort(new GatewayError('cancelled', 'The client has gone.'));
    const collector = new Collector(side, SERIES, { requestId: 'test', signal: controller.signal });
    await collector.start();
    expect([askers.length, open()]).toEqual([0, 0]);
    await expect(collector.events[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});
