import {
  systemClock,
  type Clock,
  type Observe,
  type OperationContext,
  type QueryOptions,
} from '../core/index.js';
import type { Dataset } from '../dicom/index.js';
import type {
  CommitmentEvents,
  CommitmentRequest,
  EchoReport,
  FindCompletion,
  InstanceReceiver,
  Peer,
  PeerOptions,
  PeerStats,
  QueryRetrieveLevel,
  RetrieveCompletion,
  RetrieveRequest,
  StoreCompletion,
  StoreRequest,
} from './contract.js';
import { CircuitBreaker } from './breaker.js';
import { requestCommitment } from './commitment.js';
import { echoPeer, probeAssociations } from './echo.js';
import { findRows } from './find.js';
import type { OperationDependencies } from './operation.js';
import type { PeerFacts } from './peer-facts.js';
import { PeerKnowledge } from './peer-knowledge.js';
import { AssociationPool } from './pool.js';
import { askQueryOptions } from './query-options.js';
import { Retriever } from './retrieve.js';
import type { StorageScp } from './storage-scp.js';
import { StoreQueue } from './store-queue.js';

/** What a peer needs from the rest of the process. */
export interface PeerDependencies {
  readonly observe: Observe;
  readonly clock?: Clock;
  /** Without it a peer retrieves by C-GET only. */
  readonly storageScp?: StorageScp;
  /** Takes the peer's reports of storage commitment. */
  readonly events?: CommitmentEvents | undefined;
  /** What was learnt of the peer before. */
  readonly known?: PeerFacts;
}

/** The operations on one remote application entity; nothing is opened before the first one. */
export function createPeer(options: PeerOptions, dependencies: PeerDependencies): Peer {
  return new DimsePeer(options, dependencies);
}

class DimsePeer implements Peer {
  readonly name: string;
  readonly knowledge: PeerKnowledge;
  readonly #retriever: Retriever;
  readonly #operation: OperationDependencies;
  readonly #stores: StoreQueue;
  readonly #breaker: CircuitBreaker;
  #bytesSent = 0;
  #bytesReceived = 0;

  constructor(options: PeerOptions, dependencies: PeerDependencies) {
    const { observe, clock = systemClock, storageScp, known, events } = dependencies;
    this.name = options.name;
    const observeAndCount: Observe = (observation) => {
      if (observation.kind === 'dimse-bytes') {
        this.#bytesSent += observation.sent;
        this.#bytesReceived += observation.received;
      }
      observe(observation);
    };
    this.knowledge = new PeerKnowledge({
      peer: options.name,
      observe,
      clock,
      known,
      fixed: options.fixed,
      mostMs: options.relearnMs,
    });
    const shared = { peer: options, observe: observeAndCount, clock, knowledge: this.knowledge };
    const { failures = 0, openForMs = 0 } = options.breaker ?? {};
    this.#breaker = new CircuitBreaker({
      peer: options.name,
      failures,
      openForMs,
      observe: observeAndCount,
      clock,
      probe: () => echoPeer(this.#operation, probeContext(options.name), 'breaker'),
      opened: (refusal) => {
        this.#operation.pool.refuseWaiters(refusal);
      },
    });
    this.#operation = { ...shared, pool: new AssociationPool({ ...shared, events, breaker: this.#breaker }) };
    this.#retriever = new Retriever(this.#operation, storageScp);
    this.#stores = new StoreQueue(this.#operation);
  }

  get stats(): PeerStats {
    const { state, lastError, refusal } = this.#breaker;
    return {
      ...this.#operation.pool.stats,
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      retrieve: this.#retriever.preferred,
      breaker: {
        state,
        ...(lastError !== undefined && { lastError }),
        ...(refusal && { refusal }),
      },
    };
  }

  echo(context: OperationContext, askedFor: 'request' | 'operator' = 'request'): Promise<EchoReport> {
    return echoPeer(this.#operation, context, askedFor);
  }

  probeAssociations(context: OperationContext): Promise<number> {
    return probeAssociations(this.#operation, context);
  }

  queryOptions(context: OperationContext): Promise<QueryOptions> {
    return askQueryOptions(this.#operation, context);
  }

  find(
    level: QueryRetrieveLevel,
    identifier: Dataset,
    context: OperationContext,
  ): AsyncGenerator<Dataset, FindCompletion, undefined> {
    return findRows(this.#operation, { level, identifier }, context);
  }

  retrieve(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion> {
    return this.#retriever.retrieve(request, receiver, context);
  }

  retrieveNow(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion> | undefined {
    return this.#retriever.retrieveNow(request, receiver, context);
  }

  store(request: StoreRequest, context: OperationContext): Promise<StoreCompletion> {
    return this.#stores.store(request, context);
  }

  requestCommitment(request: CommitmentRequest, context: OperationContext): Promise<void> {
    return requestCommitment(this.#operation, request, context);
  }

  close(graceMs: number): Promise<void> {
    return this.#operation.pool.close(graceMs);
  }
}

/** Nobody's request: the time-outs of the peer end it. */
function probeContext(peer: string): OperationContext {
  return { requestId: `breaker-${peer}`, signal: new AbortController().signal };
}
