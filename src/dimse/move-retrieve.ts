import {
  GatewayError,
  toGatewayError,
  type Clock,
  type Observe,
  type OperationContext,
} from '../core/index.js';
import { Tags } from '../dicom/index.js';
import type { Association } from './association.js';
import { moveContexts } from './context-sets.js';
import type { InstanceReceiver, PeerOptions, RetrieveCompletion, RetrieveRequest } from './contract.js';
import type { Exchange } from './exchange.js';
import { OperationReport } from './operation-report.js';
import type { PeerKnowledge } from './peer-knowledge.js';
import type { AssociationPool } from './pool.js';
import { requireContext } from './root-learning.js';
import { exchangeRetrieve } from './retrieve-exchange.js';
import { statusError, Statuses } from './status.js';
import type { ExpectedMove, MoveExpectation } from './storage-scp-expectations.js';
import type { StorageScp } from './storage-scp.js';

/** What a C-MOVE needs beside what is asked for. */
export interface MoveDependencies {
  readonly pool: AssociationPool;
  readonly observe: Observe;
  readonly clock: Clock;
  readonly knowledge: PeerKnowledge;
  readonly options: PeerOptions;
  /** Where the instances are sent to. */
  readonly storageScp: StorageScp;
}

/**
 * After the last response what was sent may still be on its way, on another association. When nothing of it comes for
 * this long it will not come.
 */
const SETTLE_MS = 10_000;

/**
 * Retrieves by C-MOVE to the gateway's own storage SCP. Completes when the peer has said so and what it says to have
 * sent is here, or cannot come any more (W-44): compare `received` with the counters.
 * @throws GatewayError `peer-move-destination` when the peer does not know us, and as `exchangeRetrieve`
 * @see PS3.4 C.4.2
 */
export async function moveRetrieve(
  request: RetrieveRequest,
  receiver: InstanceReceiver,
  context: OperationContext,
  dependencies: MoveDependencies,
): Promise<RetrieveCompletion> {
  let begun = false;
  const watched: InstanceReceiver = (instance) => {
    begun = true;
    return receiver(instance);
  };
  return await dependencies.pool.run(
    { contextSet: moveContexts(dependencies.knowledge), use: 'transfer', context },
    (association) => new MoveOperation(association, watched, dependencies).run(request, context),
    () => !begun,
  );
}

/** One C-MOVE and what it brings to the storage SCP. */
class MoveOperation {
  readonly #association: Association;
  readonly #receiver: InstanceReceiver;
  readonly #dependencies: MoveDependencies;
  #move: ExpectedMove | undefined;
  #holds = 0;
  #lastHeard = Number.NEGATIVE_INFINITY;

  constructor(association: Association, receiver: InstanceReceiver, dependencies: MoveDependencies) {
    this.#association = association;
    this.#receiver = receiver;
    this.#dependencies = dependencies;
  }

  async run(request: RetrieveRequest, context: OperationContext): Promise<RetrieveCompletion> {
    const { options, observe, clock, storageScp } = this.#dependencies;
    const peer = options.name;
    const associationId = this.#association.id;
    const report = new OperationReport({ peer, operation: 'C-MOVE', associationId, context, observe, clock });
    try {
      const completion = await this.#exchange(request, context);
      const settled = await this.#settle(completion, context);
      report.ended(settled.status, settled.received);
      return settled;
    } catch (error) {
      const failure = explain(toGatewayError(error), storageScp);
      this.#move?.end(failure);
      report.broke(failure, this.#move?.received ?? 0);
      throw failure;
    } finally {
      this.#move?.end(new GatewayError('peer-incomplete', 'The peer ended the retrieve.', { peer }));
    }
  }

  async #exchange(request: RetrieveRequest, context: OperationContext): Promise<RetrieveCompletion> {
    const { options, clock, storageScp, knowledge } = this.#dependencies;
    const association = this.#association;
    const presentation = requireContext(association, 'move', context.root, { knowledge, peer: options });
    if (!presentation) throw statusError('C-MOVE', Statuses.sopClassNotSupported, options.name);
    return exchangeRetrieve({
      association,
      presentation,
      operation: 'C-MOVE',
      moveDestination: storageScp.aeTitle,
      request,
      context,
      peer: options.name,
      clock,
      received: () => this.#move?.received ?? 0,
      begun: (exchange) => {
        this.#move = storageScp.expect(this.#expectation(request, exchange));
      },
      cancelled: (reason) => {
        this.#move?.end(reason);
      },
    });
  }

  /** Waits for what the counters say is sent and has not come. */
  async #settle(completion: RetrieveCompletion, context: OperationContext): Promise<RetrieveCompletion> {
    const move = this.#move;
    if (!move) return completion;
    const { clock } = this.#dependencies;
    const onAbort = (): void => {
      move.end(new GatewayError('cancelled', 'The request was cancelled.'));
    };
    context.signal.addEventListener('abort', onAbort, { once: true });
    try {
      this.#lastHeard = clock.now();
      const announced = completion.completed + completion.warning;
      while (!move.isOver && !move.isSettled(announced) && this.#silenceLeft() > 0) {
        await this.#changeOrTimer(move, this.#silenceLeft());
      }
    } finally {
      context.signal.removeEventListener('abort', onAbort);
    }
    const { received, isOver } = move;
    // Without counters of the peer, "completed" is what had come by the last response.
    const completed = Math.max(completion.completed, received - completion.warning);
    return { ...completion, received, completed, cancelled: completion.cancelled || isOver };
  }

  #silenceLeft(): number {
    return this.#holds > 0 ? SETTLE_MS : this.#lastHeard + SETTLE_MS - this.#dependencies.clock.now();
  }

  async #changeOrTimer(move: ExpectedMove, ms: number): Promise<void> {
    let cancelTimer: () => void = () => undefined;
    const timer = new Promise<void>((resolve) => {
      cancelTimer = this.#dependencies.clock.after(ms, resolve);
    });
    await Promise.race([move.changed(), timer]);
    cancelTimer();
  }

  #expectation({ identifier, level }: RetrieveRequest, exchange: Exchange): MoveExpectation {
    const { options, clock } = this.#dependencies;
    return {
      peer: options.name,
      peerAeTitle: options.address.aeTitle,
      originatorAeTitle: options.callingAeTitle,
      messageId: exchange.messageId,
      studyInstanceUids: identifier.strings(Tags.StudyInstanceUID),
      seriesInstanceUids: level === 'STUDY' ? [] : identifier.strings(Tags.SeriesInstanceUID),
      sopInstanceUids: level === 'IMAGE' ? identifier.strings(Tags.SOPInstanceUID) : [],
      receiver: this.#receiver,
      onActivity: () => {
        this.#lastHeard = clock.now();
        exchange.touch();
      },
      onHold: () => {
        const release = exchange.hold();
        this.#holds += 1;
        return () => {
          this.#holds -= 1;
          this.#lastHeard = clock.now();
          release();
        };
      },
    };
  }
}

/** Says what to enter where: a C-MOVE fails for want of configuration at the peer more often than for anything else. */
function explain(error: GatewayError, { aeTitle, advertised }: StorageScp): GatewayError {
  const details = {
    cause: error.cause,
    ...(error.peer !== undefined && { peer: error.peer }),
    ...(error.dimseStatus !== undefined && { dimseStatus: error.dimseStatus }),
    ...(error.retryAfterSeconds !== undefined && { retryAfterSeconds: error.retryAfterSeconds }),
  };
  if (error.code === 'peer-move-destination') {
    const message =
      `The peer does not know the AE title ${aeTitle} as a move destination (status A801). ` +
      `Enter ${advertised} at the peer as an application entity that it may send to.`;
    return new GatewayError(error.code, message, details);
  }
  // Orthanc says C000, others A702, for a destination that they do not know or cannot reach.
  const { dimseStatus = 0 } = error;
  if (dimseStatus !== Statuses.subOperationsFailed && dimseStatus >> 12 !== 0xc) return error;
  const message = `${error.message} Check that it knows the gateway as ${advertised} and reaches it there.`;
  return new GatewayError(error.code, message, details);
}
