import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Clock, Observation } from '../../src/core/index.js';
import { createStorageScp, type StorageScp, type StorageScpOptions } from '../../src/dimse/storage-scp.js';
import { PATIENCE_MS } from '../helpers/patience.js';
import {
  associateRequest,
  connectRogue,
  encodeAssociateRq,
  makeInstance,
  openRogueAssociation,
  pdu,
  storeOn,
  Uids,
  type RogueAssociation,
  type RogueRequest,
} from '../helpers/rogue-peer.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startScp(
  options: Partial<StorageScpOptions> = {},
  clock?: Clock,
): Promise<{ scp: StorageScp; refusals: () => readonly string[] }> {
  const observed: Observation[] = [];
  const scp = await createStorageScp(
    { aeTitle: 'GATEWAY', listen: { host: '127.0.0.1', port: 0 }, ...options },
    { observe: (observation) => observed.push(observation), ...(clock && { clock }) },
  );
  closers.push(() => scp.close(0));
  const refusals = (): readonly string[] =>
    observed.flatMap((one) => (one.kind === 'inbound-refused' ? [one.reason] : []));
  return { scp, refusals };
}

async function ask(scp: StorageScp, more: Partial<RogueRequest> = {}): Promise<RogueAssociation> {
  const association = await openRogueAssociation({ ...scp.listening, ...more });
  closers.push(() => {
    association.drop();
  });
  return association;
}

function rejectionOf({ record }: RogueAssociation): readonly number[] | undefined {
  for (const event of record.events) if (event.type === 'associate-rj') return [...event.body];
  return undefined;
}

const UNKNOWN_CALLER = [0, 1, 1, 3];
const LIMIT = [0, 2, 3, 2];

const here = { peer: 'main', aeTitles: ['PACS', 'ARCHIVE2'], networks: ['127.0.0.0/8'], certificates: [] };

describe('R-02: who may open associations to the gateway', () => {
  test.each<[string, Partial<StorageScpOptions>, string, readonly number[] | undefined]>([
    ['an AE title of a peer', { callers: [here], admits: 'known' }, 'ARCHIVE2', undefined],
    ['an AE title of nobody', { callers: [here], admits: 'known' }, 'STRANGER', UNKNOWN_CALLER],
    ['an AE title of nobody, where anybody may', { callers: [here] }, 'STRANGER', undefined],
    ['a peer from elsewhere', { callers: [{ ...here, networks: ['10.0.0.0/8'] }] }, 'PACS', UNKNOWN_CALLER],
    [
      'a peer from one of its addresses',
      { callers: [{ ...here, networks: ['10.0.0.0/8', '127.0.0.1'] }] },
      'PACS',
      undefined,
    ],
    [
      'a peer without its certificate',
      { callers: [{ ...here, certificates: ['AA'] }] },
      'PACS',
      UNKNOWN_CALLER,
    ],
    [
      'an AE title of two peers from the address of one',
      {
        callers: [
          { ...here, networks: ['10.0.0.0/8'] },
          { ...here, peer: 'other' },
        ],
      },
      'PACS',
      undefined,
    ],
  ])('%s', async (_what, options, callingAeTitle, wanted) => {
    const { scp, refusals } = await startScp(options);
    expect(rejectionOf(await ask(scp, { callingAeTitle }))).toEqual(wanted);
    expect(refusals()).toHaveLength(wanted ? 1 : 0);
  });

  test('an address of IPv4 on a socket of IPv6 is found in a network of IPv4', async () => {
    const { scp } = await startScp({ callers: [here], listen: { host: '::', port: 0 } });
    expect(rejectionOf(await ask(scp, { host: '127.0.0.1', callingAeTitle: 'PACS' }))).toBeUndefined();
  });

  test('a peer brings what it was asked for itself, and nothing that another one was', async () => {
    const other = { ...here, peer: 'other', aeTitles: ['OTHER'] };
    const { scp } = await startScp({ callers: [here, other], admits: 'known' });
    const instance = makeInstance();
    const taken: string[] = [];
    scp.expect({
      ...{ peer: 'main', peerAeTitle: 'PACS', originatorAeTitle: 'GATEWAY', messageId: 1 },
      ...{ studyInstanceUids: [], seriesInstanceUids: [], sopInstanceUids: [instance.sopInstanceUid] },
      receiver: ({ sopInstanceUid }) => ({
        write: () => undefined,
        end: () => {
          taken.push(sopInstanceUid);
          return 0;
        },
        fail: () => undefined,
      }),
      onActivity: () => undefined,
      onHold: () => () => undefined,
    });
    const storage = [[instance.sopClassUid, instance.transferSyntaxUid]] as const;
    const wrong = await ask(scp, { callingAeTitle: 'OTHER', contexts: storage });
    expect(await storeOn(wrong, instance)).not.toBe(0);
    expect(taken).toEqual([]);
    const right = await ask(scp, { callingAeTitle: 'ARCHIVE2', contexts: storage });
    expect(await storeOn(right, instance)).toBe(0);
    expect(taken).toEqual([instance.sopInstanceUid]);
  });
});

describe('R-03: limits of the DIMSE port', () => {
  test('more associations from one address than allowed are rejected as a transient matter', async () => {
    const { scp, refusals } = await startScp({ maxPerAddress: 2 });
    const first = await ask(scp);
    await ask(scp);
    expect(rejectionOf(await ask(scp))).toEqual(LIMIT);
    expect(refusals()).toEqual(['too many inbound associations from one address']);
    await first.release();
    expect(rejectionOf(await ask(scp))).toBeUndefined();
  });

  test.each<[string, Partial<StorageScpOptions>]>([
    ['all together', { maxAssociations: 2 }],
    ['those of one address', { maxPerAddress: 2 }],
  ])('strangers that hold on to all there are give way to a configured peer: %s', async (_which, limits) => {
    const { scp, refusals } = await startScp({ callers: [here], ...limits });
    const strangers = [await ask(scp), await ask(scp)];
    // A dataset that never comes, and that nobody waits for, is no reason to stay.
    await strangers[0]?.send(1, {
      commandField: 1,
      messageId: 1,
      affectedSopClassUid: Uids.ctImageStorage,
      affectedSopInstanceUid: '2.25.1',
      dataSetType: 1,
    });
    expect(rejectionOf(await ask(scp))).toEqual(LIMIT);
    expect(rejectionOf(await ask(scp, { callingAeTitle: 'PACS' }))).toBeUndefined();
    await strangers[0]?.record.waitFor('abort');
    expect(refusals()).toContain('gave way to a configured peer');
    expect(rejectionOf(await ask(scp, { callingAeTitle: 'PACS' }))).toBeUndefined();
    await strangers[1]?.record.waitFor('abort');
    // Peers do not give way to each other.
    expect(rejectionOf(await ask(scp, { callingAeTitle: 'PACS' }))).toEqual(LIMIT);
  });

  test('an association ends when its whole time is over, however busy it is', async () => {
    let now = 0;
    const timers = new Set<{ at: number; callback: () => void }>();
    const clock: Clock = {
      now: () => now,
      after(ms, callback) {
        const timer = { at: now + ms, callback };
        timers.add(timer);
        return () => timers.delete(timer);
      },
    };
    const { scp } = await startScp({ totalMs: 1000, idleMs: 600 }, clock);
    const association = await ask(scp);
    for (now = 0; now < 900; now += 300) {
      expect(
        (await association.request(1, { commandField: 0x0030, affectedSopClassUid: Uids.verification }))
          .command.status,
      ).toBe(0);
    }
    now = 1000;
    for (const timer of [...timers]) if (timers.delete(timer)) timer.callback();
    await association.record.waitFor('closed');
  });

  const FLOOD = 400;

  test.each<[string, (association: RogueAssociation) => unknown]>([
    ['say nothing', () => undefined],
    [
      'send half an association request',
      (a) => a.write(encodeAssociateRq(associateRequest({})).subarray(0, 60)),
    ],
    ['declare 64 KiB and send a part', (a) => a.write(pdu(1, Buffer.alloc(30_000), 65_536))],
    ['declare a PDU of 2 GiB', (a) => a.write(Buffer.from('010080000000', 'hex'))],
    [
      'ask under an unknown AE title',
      (a) => a.write(encodeAssociateRq(associateRequest({ callingAeTitle: 'NOBODY' }))),
    ],
    [
      'ask for another AE title',
      (a) => a.write(encodeAssociateRq(associateRequest({ calledAeTitle: 'NOBODY' }))),
    ],
  ])(`${FLOOD} connections that %s do not keep out who comes next`, async (_what, act) => {
    const caller = { peer: 'main', aeTitles: ['ROGUE'], networks: [], certificates: [] };
    const { scp } = await startScp({
      callers: [caller],
      admits: 'known',
      maxUndecided: 20,
      maxPerAddress: 20,
    });
    const before = process.memoryUsage().rss;
    const flood: RogueAssociation[] = [];
    for (let count = 0; count < FLOOD; count += 1) {
      // One that has been shown the door before it spoke is closed already.
      const one = await connectRogue(scp.listening).catch(() => undefined);
      if (!one) continue;
      closers.push(() => {
        one.drop();
      });
      flood.push(one);
      void Promise.resolve(act(one)).catch(() => undefined);
    }
    const honest = await ask(scp);
    expect(rejectionOf(honest)).toBeUndefined();
    const { command } = await honest.request(1, {
      commandField: 0x0030,
      affectedSopClassUid: Uids.verification,
    });
    expect(command.status).toBe(0);
    await open(flood, 20);
    expect(scp.stats.associations).toBe(1);
    // Both ends of all of it are in this process.
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 2 ** 20);
    await honest.release();
  });

  /** Resolves when no more than so many are left. */
  async function open(flood: readonly RogueAssociation[], most: number): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    while (flood.filter(({ closed }) => !closed).length > most) {
      if (performance.now() > until) throw new Error('too many connections stay open');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  test.each([
    ['another called AE title', { calledAeTitle: 'NOBODY' }, [0, 1, 1, 7], 'called AE title'],
    ['an unknown calling AE title', { callingAeTitle: 'NOBODY' }, UNKNOWN_CALLER, 'calling AE title'],
  ])('%s is rejected with its own reason in the midst of a flood', async (_what, names, wanted, text) => {
    const caller = { peer: 'main', aeTitles: ['ROGUE'], networks: [], certificates: [] };
    const { scp, refusals } = await startScp({ callers: [caller], admits: 'known', maxUndecided: 10 });
    for (let count = 0; count < 50; count += 1) {
      const silent = net.connect(scp.listening);
      silent.on('error', () => undefined);
      closers.push(() => silent.destroy());
      await once(silent, 'connect');
    }
    expect(rejectionOf(await ask(scp, names))).toEqual(wanted);
    expect(refusals().some((reason) => reason.startsWith(text))).toBe(true);
  });
});
