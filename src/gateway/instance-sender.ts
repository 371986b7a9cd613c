import { GatewayError, Semaphore, toGatewayError } from '../core/index.js';
import type { Coercer } from './coercer.js';
import type { OutgoingInstance } from './outgoing-instance.js';
import type { StoreSettings } from './ports.js';
import { storeAt, type StoreAtOptions } from './store-at.js';
import { StoredAboutCollector, type StoredAbout } from './stored-about.js';
import { mismatchIn, refusalOf } from './store-policy.js';
import { failure, Reason, reasonOf, type PartResult } from './store-result.js';
import type { StoreTargets } from './store-targets.js';

export type { OutgoingInstance } from './outgoing-instance.js';

export interface InstanceSenderOptions extends StoreAtOptions {
  readonly settings: StoreSettings;
  readonly targets: StoreTargets;
  /** Where instances are changed on their way. */
  readonly coercer: Coercer | undefined;
  /** Whether who asks may store it. @throws GatewayError when that cannot be found out */
  readonly permits: (instance: OutgoingInstance) => Promise<boolean>;
  /** Study Instance UID of the URL: instances of other studies fail. */
  readonly study: string | undefined;
}

/** Hands the instances of one request to the peer, a few at once, and remembers what became of each. */
export class InstanceSender {
  readonly #options: InstanceSenderOptions;
  readonly #slots: Semaphore;
  readonly #results: Promise<PartResult>[] = [];
  readonly #about = new StoredAboutCollector();

  constructor(options: InstanceSenderOptions) {
    this.#options = options;
    this.#slots = new Semaphore(options.settings.handedOver);
  }

  /** Whose instances have come so far. */
  get about(): StoredAbout {
    return this.#about.about;
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
    const { targets, coercer, context } = this.#options;
    if (targets.areSeveral || coercer || context.restriction) {
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
    this.#about.add(outgoing.uids.studyInstanceUid, outgoing.patient);
    const refusal = this.#refusal(outgoing);
    const { meta } = outgoing;
    if (refusal) return failure(meta, refusal.reason, refusal.error);
    const { targets, coercer } = this.#options;
    const forbidden = await this.#options
      .permits(outgoing)
      .catch((thrown: unknown) => toGatewayError(thrown));
    if (forbidden instanceof GatewayError) return failure(meta, reasonOf(forbidden), forbidden);
    if (!forbidden)
      return failure(meta, Reason.notAuthorized, because('forbidden', 'Who sends it may not store it.'));
    const send = (instance: OutgoingInstance): Promise<PartResult> =>
      targets.store(meta, (target) => storeAt(target, instance, this.#options));
    return coercer ? coercer.store(outgoing, send) : send(outgoing);
  }

  /** Why the instance is not sent at all. @see rules S-07, S-12 */
  #refusal({ meta, uids }: OutgoingInstance): Refusal | undefined {
    const { study, settings } = this.#options;
    const mismatch = mismatchIn({ meta, uids }, study);
    if (mismatch !== undefined)
      return { reason: Reason.doesNotMatch, error: because('bad-request', mismatch) };
    const reason = refusalOf(settings.policy, meta);
    return reason === undefined ? undefined : { reason, error: because('forbidden', NOT_TAKEN) };
  }
}

interface Refusal {
  readonly reason: number;
  readonly error: GatewayError;
}

const NOT_TAKEN = 'Its SOP class is not stored here.';
const because = (code: 'bad-request' | 'forbidden', message: string): GatewayError =>
  new GatewayError(code, message);

/** Of an instance that has to be there as a whole before it is sent. */
const noRoom = (): GatewayError =>
  new GatewayError(
    'payload-too-large',
    'The cache has no room to keep the instance whole, as it must be here.',
  );
