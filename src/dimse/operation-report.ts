import {
  GatewayError,
  type Clock,
  type Observation,
  type Observe,
  type OperationContext,
} from '../core/index.js';
import { statusCategory } from './status.js';

type DimseObservation = Extract<Observation, { kind: 'dimse' }>;

export interface OperationReportOptions {
  readonly peer: string;
  readonly operation: DimseObservation['operation'];
  readonly associationId: string;
  readonly context: OperationContext;
  readonly observe: Observe;
  readonly clock: Clock;
}

/** Tells of one DIMSE operation when it is over. */
export class OperationReport {
  readonly #options: OperationReportOptions;
  readonly #startedAt: number;
  #hasResponded = false;

  constructor(options: OperationReportOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  /** Something came; only the first time is told. */
  responded(): void {
    if (this.#hasResponded) return;
    this.#hasResponded = true;
    const { peer, context, observe, clock } = this.#options;
    const { requestId } = context;
    const durationMs = clock.now() - this.#startedAt;
    observe({ kind: 'stage', stage: 'first-response', requestId, peer, durationMs });
  }

  /** The last response came. */
  ended(status: number, results?: number): void {
    const category = statusCategory(status);
    const outcome = category === 'cancel' ? 'cancelled' : category === 'pending' ? 'failure' : category;
    this.#emit(outcome, status, results);
  }

  /** There will be no last response. */
  broke(error: unknown, results?: number): void {
    const known = error instanceof GatewayError ? error : undefined;
    if (known?.dimseStatus !== undefined) this.ended(known.dimseStatus, results);
    else this.#emit(known?.code === 'cancelled' ? 'cancelled' : 'aborted', undefined, results);
  }

  #emit(outcome: DimseObservation['outcome'], status?: number, results?: number): void {
    const { peer, operation, associationId, context, observe, clock } = this.#options;
    observe({
      kind: 'dimse',
      peer,
      operation,
      associationId,
      requestId: context.requestId,
      outcome,
      durationMs: clock.now() - this.#startedAt,
      ...(status !== undefined && { status }),
      ...(results !== undefined && { results }),
    });
  }
}
