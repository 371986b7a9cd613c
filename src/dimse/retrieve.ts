import { GatewayError, type OperationContext } from '../core/index.js';
import { proposesEverySyntax } from './context-sets.js';
import type { InstanceReceiver, RetrieveCompletion, RetrieveRequest } from './contract.js';
import { GetRetriever } from './get-retriever.js';
import { StorageRefused } from './get.js';
import { moveRetrieve } from './move-retrieve.js';
import type { OperationDependencies } from './operation.js';
import { Statuses } from './status.js';
import type { StorageScp } from './storage-scp.js';

/** Retrieves from one peer in the way that is configured, or that works. */
export class Retriever {
  readonly #dependencies: OperationDependencies;
  readonly #storageScp: StorageScp | undefined;
  readonly #get: GetRetriever;
  /** Whether the peer has delivered by C-GET, and broken off none since that C-MOVE then brought. */
  #getWorks = false;

  constructor(dependencies: OperationDependencies, storageScp: StorageScp | undefined) {
    this.#dependencies = dependencies;
    this.#storageScp = storageScp;
    this.#get = new GetRetriever(dependencies);
  }

  /** How the next retrieve begins. */
  get preferred(): 'get' | 'move' {
    const { peer, knowledge } = this.#dependencies;
    if (peer.retrieve !== 'auto') return peer.retrieve;
    return this.#storageScp && knowledge.get('getRefused') ? 'move' : 'get';
  }

  /** See `Peer.retrieve`. */
  async retrieve(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion> {
    const progress = { begun: false };
    const watched: InstanceReceiver = (instance) => {
      progress.begun = true;
      return receiver(instance);
    };
    if (this.preferred === 'move') return this.#moveAsPreferred(request, watched, context, progress);
    let refusal: GatewayError;
    try {
      const completion = await this.#get.retrieve(request, watched, context);
      this.#getWorks ||= completion.received > 0;
      return completion;
    } catch (error) {
      const mayMove = this.#dependencies.peer.retrieve === 'auto' && this.#storageScp !== undefined;
      if (!mayMove || progress.begun || context.signal.aborted || !refusesGet(error)) throw error;
      refusal = error;
    }
    const completion = await this.#move(request, receiver, context);
    // A way that brings nothing is no better.
    if (completion.received > 0) this.#getRefused(refusal);
    return completion;
  }

  /** What has worked is not given up for one line that broke, nor for an SOP class that the peer does not send. */
  #getRefused(refusal: GatewayError): void {
    const { peer, knowledge } = this.#dependencies;
    if (!this.#getWorks) knowledge.learn('getRefused', true, peer.relearnMs);
    else if (refusal.code === 'peer-aborted') this.#getWorks = false;
    else if (!(refusal instanceof StorageRefused)) knowledge.learn('getRefused', true, peer.relearnMs);
  }

  /** Where it is so because C-GET was refused, and the peer can do nothing by C-MOVE either, C-GET is tried again. */
  async #moveAsPreferred(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
    progress: { readonly begun: boolean },
  ): Promise<RetrieveCompletion> {
    const { knowledge } = this.#dependencies;
    try {
      const completion = await this.#move(request, receiver, context);
      const { received, failed, cancelled } = completion;
      if (received === 0 && failed > 0 && !cancelled) knowledge.forget('getRefused');
      return completion;
    } catch (error) {
      const isAnswer = error instanceof GatewayError && error.dimseStatus !== undefined;
      if (isAnswer && !progress.begun) knowledge.forget('getRefused');
      throw error;
    }
  }

  /** See `Peer.retrieveNow`. */
  retrieveNow(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion> | undefined {
    const { peer, pool } = this.#dependencies;
    const isProved = (peer.retrieve === 'get' || this.#getWorks) && this.preferred === 'get';
    // Of what is asked for by lists there is mostly one SOP class, and a context for each of its syntaxes.
    const isFaithful = proposesEverySyntax(request.sopClassUids);
    if (!isProved || !isFaithful || !pool.hasRoomForTransfer) return undefined;
    return this.#get.retrieveOnce(request, receiver, context);
  }

  #move(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion> {
    const { peer, pool, observe, clock, knowledge } = this.#dependencies;
    const storageScp = this.#storageScp;
    if (!storageScp) {
      const message = 'The gateway does not listen for what a C-MOVE brings: set dimse.listen.';
      return Promise.reject(new GatewayError('peer-move-destination', message, { peer: peer.name }));
    }
    return moveRetrieve(request, receiver, context, {
      pool,
      observe,
      clock,
      knowledge,
      options: peer,
      storageScp,
    });
  }
}

/** Orthanc aborts on a C-GET that it does not allow; others refuse the context, or answer with these statuses. */
function refusesGet(error: unknown): error is GatewayError {
  if (!(error instanceof GatewayError)) return false;
  const { code, dimseStatus = 0 } = error;
  if (code === 'peer-unsupported' || code === 'peer-not-authorized' || code === 'peer-aborted') return true;
  return dimseStatus >> 8 === 0xa8 || dimseStatus === Statuses.subOperationsFailed;
}
