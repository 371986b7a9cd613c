import { afterEach, expect } from '@jest/globals';
import { Dataset, Tags } from '../../../src/dicom/index.js';
import type { Observation, OperationContext } from '../../../src/core/index.js';
import { startRoguePeer, type RoguePeer, type RoguePeerOptions } from '../../helpers/rogue-peer.js';
import { createPeer, type Peer, type PeerOptions } from '../../../src/dimse/index.js';

/** A peer with short time-outs, and everything that it told. */
export function peerOf(
  address: PeerOptions['address'],
  options: Omit<Partial<PeerOptions>, 'timeouts'> & { timeouts?: Partial<PeerOptions['timeouts']> } = {},
): { readonly peer: Peer; readonly observations: Observation[] } {
  const observations: Observation[] = [];
  const { timeouts, ...others } = options;
  const peer = createPeer(
    {
      name: 'main',
      address,
      callingAeTitle: 'GATEWAY',
      retrieve: 'get',
      associations: 4,
      queue: 10,
      maxPduLength: 65_536,
      idleMs: 60_000,
      characterSetReturnKey: false,
      relearnMs: 600_000,
      ...others,
      timeouts: {
        connectMs: 2000,
        associationMs: 2000,
        firstResponseMs: 2000,
        betweenResponsesMs: 2000,
        totalMs: 0,
        queueMs: 2000,
        ...timeouts,
      },
    },
    { observe: (observation) => observations.push(observation) },
  );
  return { peer, observations };
}

export function contextOf(signal = new AbortController().signal): OperationContext {
  return { requestId: 'request-1', signal };
}

/** What a C-FIND for all studies asks. */
export function anyStudy(): Dataset {
  return new Dataset().setEmpty(Tags.StudyInstanceUID);
}

/** The UIDs of the rows, and how the search ended. */
export async function allRows(
  search: ReturnType<Peer['find']>,
): Promise<{ readonly uids: (string | undefined)[]; readonly status: number; readonly truncated: boolean }> {
  const uids: (string | undefined)[] = [];
  for (;;) {
    const result = await search.next();
    if (result.done) return { uids, ...result.value };
    uids.push(result.value.string(Tags.StudyInstanceUID));
  }
}

interface Started {
  readonly peer: Peer;
  readonly rogue: RoguePeer;
  readonly observations: Observation[];
}

/**
 * A rogue peer and a `Peer` for it, as often as a test wants. After each test they are closed, and nothing may be left
 * open, whatever happened.
 */
export function withRoguePeers(): (
  options?: RoguePeerOptions,
  settings?: Parameters<typeof peerOf>[1],
) => Promise<Started> {
  const started: Started[] = [];
  afterEach(async () => {
    for (const { peer, rogue } of started.splice(0)) {
      await peer.close(1000);
      await rogue.allClosed();
      await rogue.close();
      const errors = rogue.stepErrors.map(String);
      expect(errors.filter((text) => !text.includes('closed before the response'))).toEqual([]);
      expect(peer.stats.associations).toEqual({ opening: 0, busy: 0, idle: 0, closing: 0 });
    }
  });
  return async (options = {}, settings = {}) => {
    const rogue = await startRoguePeer(options);
    const result = { ...peerOf(rogue.address, settings), rogue };
    started.push(result);
    return result;
  };
}
