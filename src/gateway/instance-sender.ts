import { Semaphore, toGatewayError, type OperationContext } from '../core/index.js';
import type { SpoolStore } from '../cache/index.js';
import { isArchivedUid } from '../dicom/index.js';
import type { StoredInstance } from '../dicomweb/index.js';
import type { OutgoingInstance } from './outgoing-instance.js';
import type { Instances, PeerBinding } from './ports.js';
import { failure, isWarning, Reason, reasonOf, UNAVAILABLE, type PartResult } from './store-result.js';
import type { FramePool } from '../transcode/index.js';
import type { StudyWatch } from './study-watch.js';
import { uncompressed } from './uncompressed.js';

export type { OutgoingInstance } from './outgoing-instance.js';

export interface InstanceSenderOptions {
  readonly binding: PeerBinding;
  readonly instances: Instances;
  readonly watch: StudyWatch;
  /** Study Instance UID of the URL: instances of other studies fail. */
  readonly study: string | undefined;
  readonly context: OperationContext;
  readonly spools: SpoolStore;
  readonly framePool: FramePool;
}

/** Sends the instances of one request to the peer, not more at once than configured, and remembers what became of each. */
export class InstanceSender {
  readonly #options: InstanceSenderOptions;
  readonly #slots: Semaphore;
  readonly #results: Promise<PartResult>[] = [];

  constructor(options: InstanceSenderOptions) {
    this.#options = options;
    this.#slots = new Semaphore(options.binding.store.parallel);
  }

  /** Adds what became of a part that is not sent. */
  add(result: PartResult): void {
    this.#results.push(Promise.resolve(result));
  }

  /** Sends the instance when its turn has come, until which the caller waits. @throws the reason of the context's signal */
  async send(instance: OutgoingInstance): Promise<void> {
    const release = await this.#slots.acquire(this.#options.context.signal).catch((thrown: unknown) => {
      instance.discard();
      const error = toGatewayError(thrown);
      this.add(failure(instance.meta, reasonOf(error), error));
      throw error;
    });
    this.#results.push(this.#storeAndDiscard(instance).finally(release));
  }

  /** Sends the instance when its turn has come, or never will; `began` is told then. The caller goes on. */
  sendSoon(instance: OutgoingInstance, began: () => void): void {
    this.#results.push(this.#whenItsTurn(instance, began));
  }

  /** Waits for the peer's word on everything that was sent. */
  results(): Promise<readonly PartResult[]> {
    return Promise.all(this.#results);
  }

  async #whenItsTurn(instance: OutgoingInstance, began: () => void): Promise<PartResult> {
    try {
      const release = await this.#slots.acquire(this.#options.context.signal);
      began();
      return await this.#storeAndDiscard(instance).finally(release);
    } catch (thrown) {
      began();
      instance.discard();
      const error = toGatewayError(thrown);
      return failure(instance.meta, reasonOf(error), error);
    }
  }

  #storeAndDiscard(instance: OutgoingInstance): Promise<PartResult> {
    return this.#store(instance).finally(() => {
      instance.discard();
    });
  }

  async #store(outgoing: OutgoingInstance): Promise<PartResult> {
    const { meta } = outgoing;
    const refusal = this.#refusal(outgoing);
    if (refusal !== undefined) return failure(meta, refusal);
    const sent = await this.#send(outgoing);
    const isToBeDecoded = this.#options.binding.store.transcode === 'lossless' && sent.takes.length > 0;
    return isToBeDecoded ? this.#sendDecoded(outgoing, sent) : sent.result;
  }

  /** The peer does not take it as it is: in what it takes, if it can be had so. @see rule S-12 */
  async #sendDecoded(outgoing: OutgoingInstance, { takes, status }: Sent): Promise<PartResult> {
    const { spools, framePool: pool, binding, context } = this.#options;
    let decoded: OutgoingInstance;
    try {
      decoded = await uncompressed(outgoing, takes, { spools, pool, limits: binding.store.limits }, context);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      const isForNow = UNAVAILABLE.has(error.code) || error.code === 'cancelled';
      return failure(outgoing.meta, isForNow ? reasonOf(error) : status, error);
    }
    return this.#send(decoded)
      .then((sent) => sent.result)
      .finally(() => {
        decoded.discard();
      });
  }

  async #send(outgoing: OutgoingInstance): Promise<Sent> {
    const { meta } = outgoing;
    const { binding, context } = this.#options;
    const { peer } = binding;
    const sending = { isBegun: false };
    const bytes = {
      [Symbol.asyncIterator]: () => {
        sending.isBegun = true;
        return outgoing.bytes()[Symbol.asyncIterator]();
      },
    };
    try {
      const request = { ...meta, bytes, once: outgoing.flows === true };
      const { status, takes = [] } = await peer.store(request, context);
      if (status !== 0 && !isWarning(status)) return { result: failure(meta, status), status, takes };
      return { result: { kind: 'stored', instance: storedInstance(outgoing, status) }, status, takes };
    } catch (thrown) {
      const error = toGatewayError(thrown);
      const failed = failure(meta, error.dimseStatus ?? reasonOf(error), error);
      return { result: sending.isBegun ? { ...failed, isBrokenOff: true } : failed, status: 0, takes: [] };
    } finally {
      // Also of what broke off: the peer may have it, whatever it could not say any more.
      if (sending.isBegun) this.#changed(outgoing);
    }
  }

  /** The peer may have another instance now, in the place of one of the same UID. */
  #changed({ meta, uids }: OutgoingInstance): void {
    const { binding, instances, watch } = this.#options;
    const { studyInstanceUid = '', seriesInstanceUid = '' } = uids;
    const { sopInstanceUid } = meta;
    instances.delete({ peer: binding.peer.name, studyInstanceUid, seriesInstanceUid, sopInstanceUid });
    watch.forget(studyInstanceUid);
  }

  /** Why the instance is not sent at all. @see rule S-07 */
  #refusal({ meta, uids }: OutgoingInstance): number | undefined {
    const { studyInstanceUid, seriesInstanceUid } = uids;
    const all = [meta.sopClassUid, meta.sopInstanceUid, studyInstanceUid, seriesInstanceUid];
    if (!all.every((uid) => uid !== undefined && isArchivedUid(uid))) return Reason.doesNotMatch;
    if (uids.sopInstanceUid !== meta.sopInstanceUid || uids.sopClassUid !== meta.sopClassUid)
      return Reason.doesNotMatch;
    const { study } = this.#options;
    return study !== undefined && study !== studyInstanceUid ? Reason.doesNotMatch : undefined;
  }
}

/** What came of an instance, and of one that was refused in what else its SOP class is taken. */
interface Sent {
  readonly result: PartResult;
  /** What the peer said; 0 when it said nothing. */
  readonly status: number;
  readonly takes: readonly string[];
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
