import type { Clock, GatewayError, Observation, Observe } from '../core/index.js';

export interface ReportOptions {
  readonly peer: string;
  readonly associationId: string;
  readonly requestId: string | undefined;
  readonly observe: Observe;
  readonly clock: Clock;
}

/** Bytes of a connection so far. */
type Traffic = Readonly<Record<'bytesSent' | 'bytesReceived', number>>;

const INTERVAL_MS = 1000;

/** Tells of one association what telemetry wants to know: its life, and its bytes in sums. */
export class AssociationReport {
  readonly #options: ReportOptions;
  #since: number;
  #sent = 0;
  #received = 0;
  #traffic: Traffic | undefined;
  #stop: () => void = () => undefined;

  constructor(options: ReportOptions) {
    this.#options = options;
    this.#since = options.clock.now();
  }

  /** The association is there; its life begins. */
  opened(): void {
    this.#emit('opened');
    this.#since = this.#options.clock.now();
  }

  /** There will be no association, for it was given up or the peer would or could not. */
  notOpened(error: GatewayError, isGivenUp: boolean): void {
    if (isGivenUp) {
      this.#emit('abandoned', error.message);
      return;
    }
    const isRejection = error.code === 'peer-busy' || error.code === 'peer-rejected';
    this.#emit(isRejection ? 'rejected' : 'failed', error.message);
  }

  /** The association is over; `error` unless it was released. `broke` is whether an operation was under way on it. */
  closed(error: GatewayError | undefined, broke: boolean): void {
    if (!error) this.#emit('released');
    else this.#emit('aborted', error.message, !broke && error.code !== 'peer-protocol');
  }

  /** What carries its bytes. */
  follow(traffic: Traffic): void {
    this.#traffic = traffic;
  }

  /** An operation goes on: its bytes are told meanwhile, for one instance may take minutes. */
  busy(): void {
    this.#stop = this.#options.clock.after(INTERVAL_MS, () => {
      this.#tell();
      this.busy();
    });
  }

  /** No operation goes on. */
  rested(): void {
    this.#stop();
    this.#tell();
  }

  /** Tells what is new. */
  #tell(): void {
    const { bytesSent: sent = 0, bytesReceived: received = 0 } = this.#traffic ?? {};
    const observation = { sent: sent - this.#sent, received: received - this.#received };
    if (observation.sent === 0 && observation.received === 0) return;
    this.#sent = sent;
    this.#received = received;
    this.#options.observe({ kind: 'dimse-bytes', peer: this.#options.peer, ...observation });
  }

  #emit(
    event: Extract<Observation, { kind: 'association' }>['event'],
    detail?: string,
    isIdle = false,
  ): void {
    const { peer, associationId, requestId, observe, clock } = this.#options;
    observe({
      kind: 'association',
      peer,
      event,
      direction: 'out',
      associationId,
      ...(requestId !== undefined && { requestId }),
      durationMs: clock.now() - this.#since,
      ...(detail !== undefined && { detail }),
      ...(isIdle && { idle: true as const }),
    });
  }
}
