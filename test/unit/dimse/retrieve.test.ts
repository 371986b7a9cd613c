import { afterEach, describe, expect, test } from '@jest/globals';
import { Dataset, Tags } from '../../../src/dicom/index.js';
import { createPeer, createStorageScp, type Peer, type StorageScp } from '../../../src/dimse/index.js';
import {
  abort,
  accept,
  drop,
  final,
  makeInstance,
  progress,
  startRoguePeer,
  store,
  Uids,
  type RoguePeer,
  type RoguePeerOptions,
} from '../../helpers/rogue-peer.js';
import { contextOf } from './peer-setup.js';

let scp: StorageScp | undefined;
let rogue: RoguePeer;
let peer: Peer;

async function start(options: RoguePeerOptions, retrieve: 'auto' | 'get' | 'move' = 'auto', listens = true) {
  const observe = () => undefined;
  scp = listens
    ? await createStorageScp({ aeTitle: 'GATEWAY', listen: { host: '127.0.0.1', port: 0 } }, { observe })
    : undefined;
  rogue = await startRoguePeer({ ...options, ...(scp && { moveDestinations: { GATEWAY: scp.listening } }) });
  const timeout = 2000;
  peer = createPeer(
    {
      name: 'main',
      address: rogue.address,
      callingAeTitle: 'GATEWAY',
      retrieve,
      associations: 2,
      queue: 10,
      maxPduLength: 65_536,
      idleMs: 60_000,
      timeouts: {
        connectMs: timeout,
        associationMs: timeout,
        firstResponseMs: timeout,
        betweenResponsesMs: timeout,
        totalMs: 0,
        queueMs: timeout,
      },
      characterSetReturnKey: false,
      relearnMs: 600_000,
    },
    { observe, ...(scp && { storageScp: scp }) },
  );
}

afterEach(async () => {
  await peer.close(1000);
  await scp?.close(1000);
  await rogue.close();
});

async function retrieve(
  sopClassUid: string = Uids.ctImageStorage,
): Promise<{ readonly received: number; readonly uids: string[] }> {
  const uids: string[] = [];
  const { received } = await peer.retrieve(
    {
      level: 'STUDY',
      identifier: new Dataset().setString(Tags.StudyInstanceUID, '2.25.77.1'),
      sopClassUids: [sopClassUid],
    },
    ({ sopInstanceUid }) => ({
      write: () => undefined,
      end: () => {
        uids.push(sopInstanceUid);
        return 0;
      },
      fail: () => undefined,
    }),
    contextOf(),
  );
  return { received, uids };
}

const instance = makeInstance();
const onMove = [store(instance), progress(), final()];
/** As of a peer that does not reach the gateway. */
const failedMove = [final(0xa702, { completed: 0, failed: 1, warning: 0 })];

describe('W-40: retrieve: auto', () => {
  test('takes C-GET where it works', async () => {
    await start({ onGet: [store(instance), final()], onMove });
    expect(await retrieve()).toEqual({ received: 1, uids: [instance.sopInstanceUid] });
    expect(rogue.messages('C-MOVE-RQ')).toHaveLength(0);
  });

  test.each<[string, RoguePeerOptions]>([
    ['refuses its context', { associate: accept({ sopClasses: [Uids.studyRootMove] }) }],
    [
      'accepts no storage for it',
      { associate: accept({ sopClasses: [Uids.studyRootGet, Uids.studyRootMove] }) },
    ],
    ['aborts, as Orthanc does where it is not allowed', { onGet: [abort()] }],
    ['answers 0122', { onGet: [final(0x0122)] }],
    ['answers 0124', { onGet: [final(0x0124)] }],
    ['answers A801', { onGet: [final(0xa801)] }],
  ])('takes C-MOVE, now and the next time, where the peer %s', async (_, options) => {
    await start({ onMove, ...options });
    expect(peer.stats.retrieve).toBe('get');
    expect(await retrieve()).toEqual({ received: 1, uids: [instance.sopInstanceUid] });
    expect(peer.stats.retrieve).toBe('move');
    expect(await retrieve()).toMatchObject({ received: 1 });
    expect(rogue.messages('C-GET-RQ').length).toBeLessThanOrEqual(1);
    expect(rogue.messages('C-MOVE-RQ')).toHaveLength(2);
  });

  test('keeps to C-GET where a series of an SOP class that is not accepted comes by C-MOVE neither', async () => {
    const raw = '1.2.840.10008.5.1.4.1.1.66';
    const associate = accept({ refused: [raw] });
    await start({ onGet: [store(instance), final()], onMove: failedMove, associate });
    expect(await retrieve()).toMatchObject({ received: 1 });
    expect(await retrieve(raw)).toMatchObject({ received: 0 });
    expect(peer.stats.retrieve).toBe('get');
    expect(await retrieve()).toMatchObject({ received: 1 });
    expect(rogue.messages('C-GET-RQ')).toHaveLength(2);
  });

  test('and also where that series comes by C-MOVE', async () => {
    const raw = '1.2.840.10008.5.1.4.1.1.66';
    await start({ onGet: [store(instance), final()], onMove, associate: accept({ refused: [raw] }) });
    for (const sopClassUid of [Uids.ctImageStorage, raw, raw]) await retrieve(sopClassUid);
    expect(rogue.messages('C-MOVE-RQ')).toHaveLength(2);
    expect(peer.stats.retrieve).toBe('get');
  });

  test('gives C-GET that has worked up when it breaks off twice, and C-MOVE brings what was asked for', async () => {
    const answers = [[store(instance), final()]];
    await start({ onGet: () => answers.shift() ?? [abort()], onMove });
    await retrieve();
    expect(await retrieve()).toMatchObject({ received: 1 });
    expect(peer.stats.retrieve).toBe('get');
    expect(await retrieve()).toMatchObject({ received: 1 });
    expect(peer.stats.retrieve).toBe('move');
  });

  test.each([
    ['all of it fails', failedMove],
    ['it is refused', [final(0xc000)]],
  ])('takes C-GET again where a C-MOVE that is preferred brings nothing: %s', async (_, nothing) => {
    const answers = [[final(0x0122)], [store(instance), final()]];
    const moves = [onMove, nothing];
    await start({ onGet: () => answers.shift() ?? [], onMove: () => moves.shift() ?? [] });
    await retrieve();
    expect(peer.stats.retrieve).toBe('move');
    await retrieve().catch(() => undefined);
    expect(peer.stats.retrieve).toBe('get');
    expect(await retrieve()).toMatchObject({ received: 1 });
  });

  test('does not begin anew where instances have come', async () => {
    await start({ onGet: [store(instance), drop()], onMove });
    await expect(retrieve()).rejects.toMatchObject({ code: 'peer-aborted' });
    expect(rogue.messages('C-MOVE-RQ')).toHaveLength(0);
  });

  test('says why C-GET was refused where the gateway does not listen for C-MOVE', async () => {
    await start({ onGet: [final(0x0124)], onMove }, 'auto', false);
    await expect(retrieve()).rejects.toMatchObject({ code: 'peer-not-authorized' });
  });
});

test('retrieve: get never takes C-MOVE', async () => {
  await start({ onGet: [final(0x0122)], onMove }, 'get');
  await expect(retrieve()).rejects.toMatchObject({ code: 'peer-unsupported' });
  expect(rogue.messages('C-MOVE-RQ')).toHaveLength(0);
});

test('retrieve: move needs somewhere to move to', async () => {
  await start({ onMove }, 'move', false);
  await expect(retrieve()).rejects.toMatchObject({ code: 'peer-move-destination' });
});
