import { GatewayError, Semaphore, toGatewayError, type OperationContext } from '../core/index.js';
import { isArchivedUid, type DatasetUids, type Part10Meta } from '../dicom/index.js';
import type { StoredInstance } from '../dicomweb/index.js';
import type { Instances, StoreSettings } from './ports.js';
import { refusalOf } from './store-policy.js';
import { failure, isWarning, Reason, reasonOf, type PartResult } from './store-result.js';
import type { StoreTarget, StoreTargets } from './store-targets.js';

/** An instance that is to be stored. */
export interface OutgoingInstance {
  readonly meta: Part10Meta;
  readonly uids: DatasetUids;
  /** The dataset in the transfer syntax of `meta`. */
  bytes(): AsyncIterable<Buffer>;
  /** Its bytes are still coming, and are gone once they have been read: they can be sent once. */
  readonly flows?: boolean;
  /** Lets go of what it was made of. */
  discard(): void;
}

export interface InstanceSenderOptions {
  readonly settings: StoreSettings;
  readonly targets: StoreTargets;
  readonly instances: Instances;
  /** Study Instance UID of the URL: instances of other studies fail. */
  readonly study: string | undefined;
  readonly context: OperationContext;
}

/** Sends the instances of one request to the peer, not more at once than configured, and remembers what became of each. */
export class InstanceSender {
  readonly #options: InstanceSenderOptions;
  readonly #slots: Semaphore;
  readonly #results: Promise<PartResult>[] = [];

  constructor(options: InstanceSenderOptions) {
    this.#options = options;
    this.#slots = new Semaphore(options.settings.parallel);
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
    if (this.#options.targets.areSeveral) {
      this.add(failure(instance.meta, Reason.outOfResources, noRoom()));
      began();
      instance.discard();
      return;
    }
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
    return this.#options.targets.store(meta, (target) => this.#storeAt(target, outgoing));
  }

  async #storeAt(target: StoreTarget, outgoing: OutgoingInstance): Promise<PartResult> {
    const { meta } = outgoing;
    const { peer } = target.binding;
    const sending = { isBegun: false };
    const bytes = {
      [Symbol.asyncIterator]: () => {
        sending.isBegun = true;
        return outgoing.bytes()[Symbol.asyncIterator]();
      },
    };
    try {
      const { status } = await peer.store(
        { ...meta, bytes, once: outgoing.flows === true },
        this.#options.context,
      );
      if (status !== 0 && !isWarning(status)) return failure(meta, status);
      return { kind: 'stored', instance: storedInstance(outgoing, status) };
    } catch (thrown) {
      const error = toGatewayError(thrown);
      const failed = failure(meta, error.dimseStatus ?? reasonOf(error), error);
      return sending.isBegun ? { ...failed, isBrokenOff: true } : failed;
    } finally {
      // Also of what broke off: the peer may have it, whatever it could not say any more.
      if (sending.isBegun) this.#changed(target, outgoing);
    }
  }

  /** The peer may have another instance now, in the place of one of the same UID. */
  #changed({ binding, watch }: StoreTarget, { meta, uids }: OutgoingInstance): void {
    const { studyInstanceUid = '', seriesInstanceUid = '' } = uids;
    const { sopInstanceUid } = meta;
    const peer = binding.peer.name;
    this.#options.instances.delete({ peer, studyInstanceUid, seriesInstanceUid, sopInstanceUid });
    watch.forget(studyInstanceUid);
  }

  /** Why the instance is not sent at all. @see rules S-07, S-12 */
  #refusal({ meta, uids }: OutgoingInstance): number | undefined {
    const { studyInstanceUid, seriesInstanceUid } = uids;
    const all = [meta.sopClassUid, meta.sopInstanceUid, studyInstanceUid, seriesInstanceUid];
    if (!all.every((uid) => uid !== undefined && isArchivedUid(uid))) return Reason.doesNotMatch;
    if (uids.sopInstanceUid !== meta.sopInstanceUid || uids.sopClassUid !== meta.sopClassUid)
      return Reason.doesNotMatch;
    const { study } = this.#options;
    if (study !== undefined && study !== studyInstanceUid) return Reason.doesNotMatch;
    return refusalOf(this.#options.settings.policy, meta);
  }
}

/** Of an instance that has to be there as a whole before it is sent. */
const noRoom = (): GatewayError =>
  new GatewayError(
    'payload-too-large',
    'The cache has no room to keep the instance whole, as it must be here.',
  );

function storedInstance({ meta, uids }: OutgoingInstance, status: number): StoredInstance {
  return {
    sopClassUid: meta.sopClassUid,
    sopInstanceUid: meta.sopInstanceUid,
    studyInstanceUid: uids.studyInstanceUid ?? '',
    seriesInstanceUid: uids.seriesInstanceUid ?? '',
    ...(status === 0 ? {} : { warningReason: status }),
  };
}
