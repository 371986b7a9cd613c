import { describe, expect, test } from '@jest/globals';
import { baselineQueryOptions, type OperationContext, type QueryOptions } from '../../src/core/index.js';
import { Dataset, Tags } from '../../src/dicom/index.js';
import {
  abort,
  accept,
  drop,
  final,
  makeInstance,
  pending,
  reject,
  returning,
  store,
  Uids,
  until,
  unlessExtended,
  type AssociateStep,
  type RoguePeer,
} from '../helpers/rogue-peer.js';
import { allRows, anyStudy, contextOf, withRoguePeers } from '../unit/dimse/peer-setup.js';

const start = withRoguePeers();
const none = baselineQueryOptions;
const all: QueryOptions = {
  relational: true,
  dateTime: true,
  fuzzy: true,
  timezone: true,
  emptyValue: true,
  multipleValue: true,
};
const EVERY = [1, 1, 1, 1, 0, 1, 1];
const onFind = [pending({ StudyInstanceUID: '1.2.3' }), final()];
const planned = (options: QueryOptions): OperationContext => ({ ...contextOf(), planned: options });
/** A search whose meaning depends on combined matching. */
const pair = (): Dataset =>
  anyStudy().setString(Tags.StudyDate, '20220101-20220103').setString(Tags.StudyTime, '1000-1600');
const named = (): Dataset => anyStudy().setString(Tags.PatientName, 'A*');

/** The bytes that were proposed for a SOP class, association by association; `-` without an item. */
function proposals({ events }: RoguePeer, sopClassUid: string = Uids.studyRootFind): string[] {
  return events.flatMap((event) => {
    if (event.type !== 'associate-rq') return [];
    const found = event.request.extended?.find((one) => one.sopClassUid === sopClassUid);
    return [found === undefined ? '-' : [...found.information].join('')];
  });
}

describe('the options of C-FIND', () => {
  test.each([
    ['all bytes', returning(...EVERY), all],
    ['fewer bytes', returning(1, 1), { ...none, relational: true, dateTime: true }],
    ['no item', () => [], none],
  ])(
    'Q-54: of a peer that returns %s are what it accepted, and cost no association',
    async (_, extended, expected) => {
      const { peer, rogue } = await start({ associate: accept({ extended }), onFind });
      expect(await peer.queryOptions(contextOf())).toEqual(expected);
      expect(await allRows(peer.find('STUDY', anyStudy(), contextOf()))).toMatchObject({ uids: ['1.2.3'] });
      expect(await peer.queryOptions(contextOf())).toEqual(expected);
      expect(proposals(rogue)).toEqual(['1111011']);
    },
  );

  test('are known from a search that came before', async () => {
    const { peer, rogue } = await start({ associate: accept({ extended: returning(...EVERY) }), onFind });
    await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    expect(await peer.queryOptions(contextOf())).toEqual(all);
    expect(proposals(rogue)).toHaveLength(1);
  });

  test('that the configuration tells are not asked for', async () => {
    const fixed = { ...none, dateTime: true };
    const { peer, rogue } = await start({ onFind }, { fixed });
    expect(await peer.queryOptions(contextOf())).toEqual(fixed);
    expect(proposals(rogue)).toEqual([]);
    await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    expect(proposals(rogue)).toEqual(['0100000']);
  });

  test('Q-54: are the baseline where negotiation is off, and nothing is proposed', async () => {
    const associate = accept({ extended: returning(...EVERY) });
    const { peer, rogue } = await start({ associate, onFind }, { extendedNegotiation: 'off' });
    expect(await peer.queryOptions(contextOf())).toEqual(none);
    await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    await peer.echo(contextOf());
    expect(proposals(rogue)).toEqual(['-', '-']);
  });

  test('cannot be told of a peer that is not there: it fails as a search would', async () => {
    const { peer } = await start({ associate: reject('transient') });
    await expect(peer.queryOptions(contextOf())).rejects.toMatchObject({ code: 'peer-busy' });
  });
});

describe('a peer that on the item', () => {
  const stepOf =
    (step: ReturnType<typeof abort>): AssociateStep =>
    (association) =>
      // Neither step looks at more of the operation than its association.
      void step({ association } as Parameters<typeof step>[0]);

  test.each([
    ['rejects without a reason', reject('permanent', 1, 1), 1],
    ['rejects for a reason that there is not', reject('permanent', 2, 9), 1],
    // That may have been for another reason: it is tried twice.
    ['aborts', stepOf(abort()), 2],
    ['closes the connection', stepOf(drop()), 2],
  ])('Q-54: %s: is asked once more without, and from then on without', async (_, step, times) => {
    const { peer, rogue, observations } = await start({ associate: unlessExtended(step), onFind });
    expect(await peer.queryOptions(contextOf())).toEqual(none);
    expect(await allRows(peer.find('STUDY', anyStudy(), contextOf()))).toMatchObject({ uids: ['1.2.3'] });
    await peer.echo(contextOf());
    expect(proposals(rogue)).toEqual([...Array<string>(times).fill('1111011'), '-', '-']);
    expect(observations).toContainEqual({
      kind: 'learnt',
      peer: 'main',
      fact: 'extendedNegotiation',
      value: 'false',
      forMs: 600_000,
    });
  });

  test('Q-54: aborts once, as a PACS that is started again, is believed nothing', async () => {
    const ok = accept({ extended: returning(...EVERY) });
    const { peer, rogue } = await start({ associate: [stepOf(abort()), ok], onFind });
    expect(await peer.queryOptions(contextOf())).toEqual(all);
    expect(peer.knowledge.get('extendedNegotiation')).toBe(true);
    expect(proposals(rogue)).toEqual(['1111011', '1111011']);
  });

  test.each([
    ['accepted it before', {}, none],
    ['accepted it before, and is configured', { dateTime: true }, { ...none, dateTime: true }],
  ])('Q-54: aborts, although it %s: searches are planned without', async (_, fixed, expected) => {
    const ok = accept({ extended: returning(...EVERY) });
    const associate = [ok, ...Array<AssociateStep>(2).fill(stepOf(abort())), ok];
    const { peer, rogue } = await start({ associate, onFind }, { idleMs: 0, fixed });
    expect(await peer.queryOptions(contextOf())).toEqual(all);
    while (rogue.open.length > 0) await new Promise((resolve) => setImmediate(resolve));
    await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    expect(peer.knowledge.get('extendedNegotiation')).toBe(false);
    const options = await peer.queryOptions(contextOf());
    expect(options).toEqual(expected);
    expect(await allRows(peer.find('STUDY', pair(), planned(options)))).toMatchObject({ uids: ['1.2.3'] });
  });

  test('aborts, in a retrieve: that is done without, too', async () => {
    const instance = makeInstance();
    const { peer, rogue } = await start({
      associate: unlessExtended(stepOf(abort())),
      onGet: [store(instance), final()],
    });
    const request = {
      level: 'STUDY',
      identifier: new Dataset().setString(Tags.StudyInstanceUID, instance.studyInstanceUid),
      sopClassUids: [instance.sopClassUid],
    } as const;
    const drain = () => ({ write: () => undefined, end: () => 0, fail: () => undefined });
    expect(await peer.retrieve(request, drain, contextOf())).toMatchObject({ received: 1, failed: 0 });
    expect(proposals(rogue, Uids.studyRootGet)).toEqual(['10', '10', '-']);
  });

  test('does nothing wrong, and rejects the AE title: is not asked twice, and nothing is learnt', async () => {
    const { peer, rogue } = await start({ associate: reject('permanent', 1, 3) });
    await expect(peer.queryOptions(contextOf())).rejects.toMatchObject({ code: 'peer-rejected' });
    expect(proposals(rogue)).toEqual(['1111011']);
    expect(peer.knowledge.facts).toEqual({});
  });

  test('rejects, and without it too: the failure is the peer’s own, and nothing is learnt', async () => {
    const { peer, rogue } = await start({ associate: reject('permanent', 1, 1) });
    await expect(peer.queryOptions(contextOf())).rejects.toMatchObject({ code: 'peer-rejected' });
    expect(proposals(rogue)).toEqual(['1111011', '-']);
    expect(peer.knowledge.facts).toEqual({});
  });

  test('takes one association and hangs up on the next: that one waits, and the item is not blamed', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { peer, rogue } = await start(
      {
        associate: (association, request, self) => {
          const held = self.open.filter(({ accepted }) => accepted.size > 0).length;
          if (held === 0) return accept()(association, request, self);
          association.drop();
          open();
        },
        onFind: [pending({ StudyInstanceUID: '1.2.3' }), until(gate), final()],
      },
      { relearnMs: 1 },
    );
    const first = allRows(peer.find('STUDY', anyStudy(), contextOf()));
    await rogue.waitFor('C-FIND-RQ');
    const second = allRows(peer.find('STUDY', anyStudy(), contextOf()));
    expect((await Promise.all([first, second])).map(({ uids }) => uids)).toEqual([['1.2.3'], ['1.2.3']]);
    expect(proposals(rogue)).toEqual(['1111011', '1111011']);
  });

  test('is asked with it again when what was learnt has expired', async () => {
    const settings = { relearnMs: 1, idleMs: 0 };
    const { peer, rogue } = await start(
      { associate: unlessExtended(reject('permanent', 1, 1)), onFind },
      settings,
    );
    await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    while (peer.knowledge.get('extendedNegotiation') !== undefined)
      await new Promise((resolve) => setImmediate(resolve));
    await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    expect(proposals(rogue)).toEqual(['1111011', '-', '1111011', '-']);
  });
});

describe('a search never runs with another meaning than it was planned for', () => {
  test('DT-22: planned without combined matching, on an association of its own without it', async () => {
    const { peer, rogue } = await start({ associate: accept({ extended: returning(...EVERY) }), onFind });
    await peer.queryOptions(contextOf());
    await allRows(peer.find('STUDY', pair(), contextOf()));
    await allRows(peer.find('STUDY', pair(), contextOf()));
    expect(proposals(rogue)).toEqual(['1111011', '1001011']);
  });

  test('planned with combined matching, where that was accepted', async () => {
    const { peer, rogue } = await start({ associate: accept({ extended: returning(...EVERY) }), onFind });
    const options = await peer.queryOptions(contextOf());
    await allRows(peer.find('STUDY', pair(), planned({ ...options, fuzzy: false })));
    expect(proposals(rogue)).toEqual(['1111011']);
  });

  test('combined matching that was accepted and seen not to be done is not offered, nor used', async () => {
    const { peer, rogue } = await start({ associate: accept({ extended: returning(...EVERY) }), onFind });
    peer.knowledge.learn('dateTimeProved', false, 600_000);
    const options = await peer.queryOptions(contextOf());
    expect(options).toEqual({ ...all, dateTime: false });
    await allRows(peer.find('STUDY', pair(), planned({ ...options, fuzzy: false })));
    expect(proposals(rogue)).toEqual(['1111011', '1001011']);
  });

  test('names match by similarity where that was asked for, and nowhere else', async () => {
    const { peer, rogue } = await start({ associate: accept({ extended: returning(...EVERY) }), onFind });
    const options = await peer.queryOptions(contextOf());
    await allRows(peer.find('STUDY', named(), planned({ ...options, fuzzy: true })));
    expect(proposals(rogue)).toEqual(['1111011']);
    await allRows(peer.find('STUDY', named(), planned({ ...options, fuzzy: false })));
    expect(proposals(rogue)).toEqual(['1111011', '1101011']);
  });

  test('what depends on no option runs on any association', async () => {
    const { peer, rogue } = await start({ associate: accept({ extended: returning(...EVERY) }), onFind });
    await allRows(peer.find('STUDY', pair(), contextOf()));
    await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    expect(proposals(rogue)).toEqual(['1011011']);
  });

  test('a peer that accepts no more what was planned for: the search fails before it is sent', async () => {
    const { peer, rogue } = await start(
      { associate: [accept({ extended: returning(...EVERY) }), accept()], onFind },
      { idleMs: 0 },
    );
    const options = await peer.queryOptions(contextOf());
    const search = peer.find('STUDY', pair(), planned(options));
    await expect(search.next()).rejects.toMatchObject({ code: 'peer-changed', retryAfterSeconds: 1 });
    expect(rogue.messages('C-FIND-RQ')).toEqual([]);
    expect(await peer.queryOptions(contextOf())).toEqual(none);
  });
});

describe('relational retrieves', () => {
  test('are proposed with C-GET and C-MOVE, and what was accepted is known', async () => {
    const { peer, rogue } = await start({ associate: accept({ extended: returning(1, 0) }) });
    await peer.echo(contextOf());
    expect(proposals(rogue, Uids.studyRootGet)).toEqual(['10']);
    expect(proposals(rogue, Uids.studyRootMove)).toEqual(['10']);
    expect(peer.knowledge.get('relationalRetrieve')).toBe(true);
  });
});

describe('an answer that the peer cuts', () => {
  test.each([
    ['FE00 of its own', 0xfe00],
    ['A700', 0xa700],
  ])('with %s tells at how many rows', async (_, status) => {
    const rows = Array.from({ length: 3 }, (_row, index) => pending({ StudyInstanceUID: `1.2.${index}` }));
    const { peer } = await start({ onFind: [...rows, final(status)] });
    await allRows(peer.find('STUDY', anyStudy(), contextOf())).catch(() => undefined);
    expect(peer.knowledge.get('findCap')).toBe(3);
  });

  test('because it was told to, tells nothing', async () => {
    const rows = Array.from({ length: 3 }, (_row, index) => pending({ StudyInstanceUID: `1.2.${index}` }));
    const { peer, rogue } = await start({ onFind: [...rows, ({ cancelled }) => cancelled, final(0xfe00)] });
    for await (const row of peer.find('STUDY', anyStudy(), contextOf())) if (row.size > 0) break;
    await rogue.waitFor('C-CANCEL-RQ');
    await peer.echo(contextOf());
    expect(peer.knowledge.get('findCap')).toBeUndefined();
  });
});
