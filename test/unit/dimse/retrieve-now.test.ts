import { describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import { Dataset, Tags } from '../../../src/dicom/index.js';
import type {
  InstanceReceiver,
  Peer,
  RetrieveCompletion,
  RetrieveRequest,
} from '../../../src/dimse/index.js';
import {
  final,
  makeInstance,
  store,
  until,
  untilCancelled,
  Uids,
  type RogueInstance,
} from '../../helpers/rogue-peer.js';
import { contextOf, withRoguePeers } from './peer-setup.js';

const started = withRoguePeers();

const MR = '1.2.840.10008.5.1.4.1.1.4';
const PET = '1.2.840.10008.5.1.4.1.1.128';

interface Retrieve {
  readonly ended: Promise<RetrieveCompletion> | undefined;
  readonly begun: string[];
  readonly taken: string[];
  readonly stop: AbortController;
}

/** Asks for a series at once; `onBegin` is told of each instance that begins. */
function retrieveNow(
  peer: Peer,
  request: Partial<RetrieveRequest> = {},
  onBegin: (count: number, stop: AbortController) => void = () => undefined,
): Retrieve {
  const begun: string[] = [];
  const taken: string[] = [];
  const stop = new AbortController();
  const identifier = new Dataset()
    .setString(Tags.StudyInstanceUID, '2.25.77.1')
    .setString(Tags.SeriesInstanceUID, '2.25.77.2');
  const receiver: InstanceReceiver = ({ sopInstanceUid }) => {
    begun.push(sopInstanceUid);
    onBegin(begun.length, stop);
    return {
      write: () => undefined,
      end: () => {
        taken.push(sopInstanceUid);
        return 0;
      },
      fail: () => undefined,
    };
  };
  const asked = { level: 'SERIES', identifier, sopClassUids: [Uids.ctImageStorage], ...request } as const;
  const ended = peer.retrieveNow({ ...asked, stop: stop.signal }, receiver, contextOf());
  return { ended, begun, taken, stop };
}

const stopped = new GatewayError('cancelled', 'The listing is there.');

const uids = (instances: readonly RogueInstance[]): readonly string[] =>
  instances.map(({ sopInstanceUid }) => sopInstanceUid);

describe('Peer.retrieveNow', () => {
  test('asks once, whatever fails', async () => {
    const { peer, rogue } = await started({ onGet: [final(0xb000, { failed: 2 })] });
    expect(await retrieveNow(peer).ended).toMatchObject({ failed: 2, received: 0 });
    expect(rogue.messages('C-GET-RQ')).toHaveLength(1);
  });

  test('retrieve: auto waits until C-GET has delivered', async () => {
    const instance = makeInstance();
    const { peer } = await started({ onGet: [store(instance), final()] }, { retrieve: 'auto' });
    expect(retrieveNow(peer).ended).toBeUndefined();
    const identifier = new Dataset().setString(Tags.StudyInstanceUID, '2.25.77.1');
    const take = { write: () => undefined, end: () => 0, fail: () => undefined };
    await peer.retrieve(
      { level: 'STUDY', identifier, sopClassUids: [Uids.ctImageStorage] },
      () => take,
      contextOf(),
    );
    const again = retrieveNow(peer);
    await again.ended;
    expect(again.taken).toEqual(uids([instance]));
  });

  test('a peer by C-MOVE, and one with a single association, is not asked', async () => {
    const move = await started({}, { retrieve: 'move' });
    expect(retrieveNow(move.peer).ended).toBeUndefined();
    const single = await started({}, { associations: 1 });
    expect(retrieveNow(single.peer).ended).toBeUndefined();
  });

  test('nor is one whose associations are in use', async () => {
    const { peer, rogue } = await started({ onGet: [untilCancelled(), final(0xfe00)] }, { associations: 2 });
    const first = retrieveNow(peer);
    await rogue.waitFor('C-GET-RQ');
    expect(retrieveNow(peer).ended).toBeUndefined();
    first.stop.abort(stopped);
    await first.ended;
  });

  test('nor for SOP classes of whose transfer syntaxes some would have no context', async () => {
    const { peer } = await started();
    const sopClassUids = [Uids.ctImageStorage, MR, PET];
    expect(retrieveNow(peer, { sopClassUids }).ended).toBeUndefined();
    expect(retrieveNow(peer, { sopClassUids: [Uids.ctImageStorage, MR] }).ended).toBeDefined();
    expect(retrieveNow(peer, { sopClassUids: [] }).ended).toBeDefined();
  });
});

describe('a retrieve that is stopped', () => {
  test('takes what is arriving to its end, and its association is not used again', async () => {
    const instances = [makeInstance(), makeInstance({ pixelBytes: 500_000 })];
    const [first, second] = instances as [RogueInstance, RogueInstance];
    const { peer, rogue } = await started({
      onGet: [store(first), store(second), untilCancelled(), final(0xfe00)],
    });
    const { ended, taken } = retrieveNow(peer, {}, (count, stop) => {
      if (count === 2) stop.abort(stopped);
    });
    expect(await ended).toMatchObject({ received: 2, cancelled: true });
    expect(taken).toEqual(uids(instances));
    expect(rogue.messages('C-STORE-RSP').map(({ command }) => command.status)).toEqual([0, 0]);
    await rogue.waitFor('release-rq');
  });

  test('takes one more that the peer had begun, and cuts it off with the next', async () => {
    const instances = [makeInstance(), makeInstance(), makeInstance(), makeInstance()];
    const [first, ...others] = instances as [RogueInstance, ...RogueInstance[]];
    const { peer, rogue } = await started({
      onGet: [store(first), untilCancelled(), ...others.map((one) => store(one)), final()],
    });
    const retrieve = retrieveNow(peer);
    await rogue.waitFor('C-STORE-RSP');
    retrieve.stop.abort(stopped);
    await expect(retrieve.ended).rejects.toBe(stopped);
    expect(retrieve.taken).toEqual(uids(instances.slice(0, 2)));
    await rogue.waitFor('abort');
  });

  test('before its association is there asks for nothing', async () => {
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { peer, rogue } = await started({ onFind: [until(opened), final()] });
    const retrieve = retrieveNow(peer);
    retrieve.stop.abort(stopped);
    await expect(retrieve.ended).rejects.toBe(stopped);
    open();
    expect(rogue.messages('C-GET-RQ')).toHaveLength(0);
    expect(peer.stats.associations).toMatchObject({ idle: 1 });
  });
});
