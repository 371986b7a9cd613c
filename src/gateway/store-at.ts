import type { SpoolStore } from '../cache/index.js';
import { toGatewayError, type OperationContext } from '../core/index.js';
import type { StoredInstance } from '../dicomweb/index.js';
import type { FramePool } from '../transcode/index.js';
import type { OutgoingInstance } from './outgoing-instance.js';
import type { Instances } from './ports.js';
import { failure, isWarning, reasonOf, type PartResult } from './store-result.js';
import type { StoreTarget } from './store-targets.js';
import { uncompressed } from './uncompressed.js';

export interface StoreAtOptions {
  readonly instances: Instances;
  readonly spools: SpoolStore;
  readonly framePool: FramePool;
  readonly context: OperationContext;
}

/** The instance is one that there is no lossless way for; anything else is the gateway's own failure. */
const CANNOT_BE_HAD: ReadonlySet<string> = new Set<string>(['not-acceptable', 'malformed-dataset']);

/** What came of an instance, and of one that was refused in what else its SOP class is taken. */
interface Sent {
  readonly result: PartResult;
  /** What the peer said; 0 when it said nothing. */
  readonly status: number;
  readonly takes: readonly string[];
}

/**
 * Stores an instance at one peer, decoded where the peer does not take it as it is and `store.transcode` allows it, or in
 * the other VR encoding where the gateway wrote it itself; never throws.
 */
export async function storeAt(
  target: StoreTarget,
  outgoing: OutgoingInstance,
  options: StoreAtOptions,
): Promise<PartResult> {
  const sent = await send(target, outgoing, options);
  const mayBeOther = target.binding.store.transcode === 'lossless' || outgoing.isWritten === true;
  return mayBeOther && sent.takes.length > 0 ? sendDecoded(target, outgoing, sent, options) : sent.result;
}

/** The peer does not take it as it is: in what it takes, if it can be had so. @see rule S-12 */
async function sendDecoded(
  target: StoreTarget,
  outgoing: OutgoingInstance,
  { takes, status }: Sent,
  options: StoreAtOptions,
): Promise<PartResult> {
  const { spools, framePool: pool, context } = options;
  const { limits } = target.binding.store;
  let decoded: OutgoingInstance;
  try {
    decoded = await uncompressed(outgoing, takes, { spools, pool, limits }, context);
  } catch (thrown) {
    const error = toGatewayError(thrown);
    return failure(outgoing.meta, CANNOT_BE_HAD.has(error.code) ? status : reasonOf(error), error);
  }
  return send(target, decoded, options)
    .then(({ result }) => result)
    .finally(() => {
      decoded.discard();
    });
}

async function send(
  target: StoreTarget,
  outgoing: OutgoingInstance,
  { instances, context }: StoreAtOptions,
): Promise<Sent> {
  const { meta } = outgoing;
  const sending = { isBegun: false };
  const bytes = {
    [Symbol.asyncIterator]: () => {
      sending.isBegun = true;
      return outgoing.bytes()[Symbol.asyncIterator]();
    },
  };
  try {
    const request = { ...meta, bytes, once: outgoing.flows === true };
    const { status, takes = [] } = await target.binding.peer.store(request, context);
    if (status !== 0 && !isWarning(status)) return { result: failure(meta, status), status, takes };
    return { result: { kind: 'stored', instance: storedInstance(outgoing, status) }, status, takes };
  } catch (thrown) {
    const error = toGatewayError(thrown);
    const failed = failure(meta, error.dimseStatus ?? reasonOf(error), error);
    return { result: sending.isBegun ? { ...failed, isBrokenOff: true } : failed, status: 0, takes: [] };
  } finally {
    // Also of what broke off: the peer may have it, whatever it could not say any more.
    if (sending.isBegun) changed(target, outgoing, instances);
  }
}

/** The peer may have another instance now, in the place of one of the same UID. */
function changed(
  { binding, watch }: StoreTarget,
  { meta, uids }: OutgoingInstance,
  instances: Instances,
): void {
  const { studyInstanceUid = '', seriesInstanceUid = '' } = uids;
  const { sopInstanceUid } = meta;
  const key = { peer: binding.peer.name, studyInstanceUid, seriesInstanceUid, sopInstanceUid };
  instances.delete(key);
  watch.stored(key);
}

function storedInstance({ meta, uids }: OutgoingInstance, status: number): StoredInstance {
  return {
    sopClassUid: meta.sopClassUid,
    sopInstanceUid: meta.sopInstanceUid,
    studyInstanceUid: uids.studyInstanceUid ?? '',
    seriesInstanceUid: uids.seriesInstanceUid ?? '',
    ...(status === 0 ? {} : { warningReason: status }),
  };
}
