/** The gateway's own side of tests at DIMSE level: peers that answer to a test, and receivers that remember. */
import {
  createPeer,
  type InstanceReceiver,
  type Peer,
  type PeerOptions,
  type StorageScp,
} from '../../src/dimse/index.js';
import {
  systemClock,
  type AeAddress,
  type Clock,
  type GatewayError,
  type Observation,
  type OperationContext,
} from '../../src/core/index.js';
import { Dataset, Tags } from '../../src/dicom/index.js';

const timeouts = {
  connectMs: 20_000,
  associationMs: 20_000,
  firstResponseMs: 20_000,
  betweenResponsesMs: 20_000,
  totalMs: 0,
  queueMs: 20_000,
};

/** Keeps what comes, by SOP Instance UID. */
export class Taker {
  readonly taken = new Map<string, Buffer>();
  readonly transferSyntaxUids: string[] = [];
  readonly failures: GatewayError[] = [];
  /** SOP Instance UIDs in the order in which they came whole, every copy. */
  readonly copies: string[] = [];
  /** How many were begun. */
  begun = 0;
  readonly receiver: InstanceReceiver = ({ sopInstanceUid, transferSyntaxUid }) => {
    const chunks: Buffer[] = [];
    this.begun += 1;
    return {
      write: (chunk) => {
        chunks.push(Buffer.from(chunk));
      },
      end: () => {
        this.taken.set(sopInstanceUid, Buffer.concat(chunks));
        this.transferSyntaxUids.push(transferSyntaxUid);
        this.copies.push(sopInstanceUid);
        return 0;
      },
      fail: (error) => {
        this.failures.push(error);
      },
    };
  };
}

/** Time that runs `factor` times as fast. */
export function fastClock(factor: number): Clock {
  return {
    now: () => systemClock.now() * factor,
    after: (ms, callback) => systemClock.after(ms / factor, callback),
  };
}

/** A peer of the gateway, and what was observed of it. */
export function connectPeer(
  address: AeAddress,
  changes: Partial<Omit<PeerOptions, 'timeouts'>> & {
    readonly timeouts?: Partial<PeerOptions['timeouts']>;
  } = {},
  storageScp?: StorageScp,
  clock?: Clock,
): { readonly peer: Peer; readonly observed: Observation[] } {
  const observed: Observation[] = [];
  const peer = createPeer(
    {
      name: 'main',
      address,
      callingAeTitle: 'GATEWAY',
      retrieve: 'get',
      associations: 4,
      queue: 16,
      maxPduLength: 131_072,
      idleMs: 0,
      characterSetReturnKey: false,
      relearnMs: 600_000,
      ...changes,
      timeouts: { ...timeouts, ...changes.timeouts },
    },
    {
      observe: (observation) => observed.push(observation),
      ...(storageScp && { storageScp }),
      ...(clock && { clock }),
    },
  );
  return { peer, observed };
}

/** The context of a request that ends with `signal`, or never. */
export function operation(signal: AbortSignal = new AbortController().signal): OperationContext {
  return { requestId: 'test', signal };
}

/** An identifier of unique keys; lists are UID lists. */
export function identifier(keys: {
  readonly study?: string;
  readonly series?: string;
  readonly instances?: readonly string[];
}): Dataset {
  const dataset = new Dataset();
  if (keys.study !== undefined) dataset.setString(Tags.StudyInstanceUID, keys.study);
  if (keys.series !== undefined) dataset.setString(Tags.SeriesInstanceUID, keys.series);
  if (keys.instances) dataset.setString(Tags.SOPInstanceUID, keys.instances);
  return dataset;
}
