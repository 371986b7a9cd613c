import { randomUUID } from 'node:crypto';
import {
  GatewayError,
  toGatewayError,
  wait,
  type Clock,
  type Observe,
  type OperationContext,
} from '../core/index.js';
import type { CommitmentListener, CommitmentReport, Peer } from '../dimse/index.js';
import type { CommitmentPayload } from '../dicomweb/index.js';
import {
  CommitmentLedger,
  type CommitmentFiles,
  type LedgerEntry,
  type LedgerSettings,
} from './commitment-ledger.js';
import { reasonsOf, type CommitmentBody } from './commitment-record.js';

export interface CommitmentSettings extends LedgerSettings {
  /** How long the answer to a request waits for the result. */
  readonly answerMs: number;
  /** Most instances of one request. */
  readonly maxInstances: number;
}

export interface CommitmentDependencies {
  readonly files: CommitmentFiles;
  readonly observe: Observe;
  readonly clock: Clock;
  /** The wall clock, whose times outlast the process; that of the machine when left out. */
  readonly now?: () => number;
}

/** Where a request stands. */
export type CommitmentStatus =
  | { readonly state: 'pending'; readonly retryAfterSeconds: number }
  | { readonly state: 'done'; readonly payload: CommitmentPayload; readonly reasons: readonly number[] };

/** Statuses of N-EVENT-REPORT. @see PS3.7 10.1.1.1.8 */
const EventStatus = { success: 0x0000, processingFailure: 0x0110, invalidArgument: 0x0115 } as const;

const SWEEP_MS = 600_000;
/** What a client is told to wait is a tenth of what it has waited, within these. */
const RETRY_SECONDS = { least: 1, most: 300 } as const;

/** Requests for storage commitment: asks peers, takes their reports, and tells what is known. Nothing is committed here. */
export class Commitments {
  readonly settings: CommitmentSettings;
  readonly #deps: CommitmentDependencies;
  readonly #ledger: CommitmentLedger;
  readonly #now: () => number;
  /** Who waits for the result of what; bounded by requests over HTTP. */
  readonly #waiting = new Map<LedgerEntry, () => void>();
  /** Reports of one request are taken one after the other. */
  readonly #taking = new Map<LedgerEntry, Promise<number>>();
  #cancelSweep: () => void = () => undefined;

  private constructor(settings: CommitmentSettings, deps: CommitmentDependencies) {
    this.settings = settings;
    this.#deps = deps;
    this.#now = deps.now ?? Date.now;
    this.#ledger = new CommitmentLedger(deps.files, settings, this.#now);
  }

  /** With what an earlier process left. @throws GatewayError `internal` when the directory cannot be used */
  static async open(settings: CommitmentSettings, deps: CommitmentDependencies): Promise<Commitments> {
    const commitments = new Commitments(settings, deps);
    try {
      await commitments.#ledger.load((error) => {
        const message = 'A request for storage commitment cannot be read; it is passed over.';
        deps.observe({ kind: 'log', level: 'warn', message, error });
      });
    } catch (cause) {
      throw new GatewayError('internal', 'The directory of storage commitments cannot be used.', { cause });
    }
    commitments.#sweepLater();
    return commitments;
  }

  /** How many requests there are in each state, for metrics. */
  get counts(): CommitmentLedger['counts'] {
    return this.#ledger.counts;
  }

  /** Takes what a peer reports. */
  get listener(): CommitmentListener {
    return (report, peers) => this.#report(report, peers);
  }

  /**
   * Asks `peer`, and waits a little for the result. Of a request that the peer does not take nothing stays.
   * @throws GatewayError `conflict` for a Transaction UID that is in use, `overloaded`, or what `Peer.requestCommitment` throws
   */
  async request(
    peer: Peer,
    transactionUid: string,
    payload: CommitmentPayload,
    context: OperationContext,
  ): Promise<CommitmentStatus> {
    const upstreamUid = `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`).toString()}`;
    const entry = await kept(this.#ledger.add({ peer: peer.name, transactionUid, upstreamUid }, payload));
    const instances = payload.references.length;
    const tell = (outcome: 'requested' | 'refused'): void => {
      const { requestId } = context;
      this.#deps.observe({ kind: 'commitment', peer: peer.name, outcome, instances, requestId });
    };
    try {
      await peer.requestCommitment({ transactionUid: upstreamUid, references: distinct(payload) }, context);
      tell('requested');
    } catch (error) {
      await this.#taking.get(entry);
      // A peer that has reported has taken the request, whatever became of its answer.
      if (entry.head.state !== 'done') {
        tell('refused');
        await kept(this.#ledger.remove(entry));
        throw error;
      }
    }
    await this.#result(entry, context.signal);
    return this.#statusOf(entry);
  }

  /**
   * Where the request of this Transaction UID stands.
   * @throws GatewayError `not-found`, `gone` when it is too old, `peer-timeout` when the peer has not reported in time
   */
  async status(peer: string, transactionUid: string): Promise<CommitmentStatus> {
    await this.#sweep();
    const entry = this.#ledger.find(peer, transactionUid);
    if (!entry)
      throw new GatewayError('not-found', 'No storage commitment of this Transaction UID was asked for.');
    return this.#statusOf(entry);
  }

  /** As if it had not been asked for; whatever the peer reports of it, nobody waits for. @throws GatewayError */
  async withdraw(peer: string, transactionUid: string): Promise<void> {
    const entry = this.#ledger.find(peer, transactionUid);
    if (entry) await kept(this.#ledger.remove(entry));
  }

  close(): void {
    this.#cancelSweep();
    for (const wake of [...this.#waiting.values()]) wake();
  }

  async #statusOf(entry: LedgerEntry): Promise<CommitmentStatus> {
    const { state, peer, requestedAt } = entry.head;
    if (state === 'gone')
      throw new GatewayError('gone', 'The result of this storage commitment is not kept any more.');
    if (state === 'done') {
      const { reasons = [], ...payload } = await kept(this.#ledger.body(entry));
      return { state, payload, reasons };
    }
    if (this.#ledger.isOverdue(entry)) {
      const message =
        'The peer has not reported the result in time: nothing of this request counts as committed. Ask again with another Transaction UID.';
      throw new GatewayError('peer-timeout', message, { peer });
    }
    const seconds = Math.ceil((this.#now() - requestedAt) / 10_000);
    const { least, most } = RETRY_SECONDS;
    return { state, retryAfterSeconds: Math.min(most, Math.max(least, seconds)) };
  }

  /** Resolves when the result is there, or the time is over. */
  async #result(entry: LedgerEntry, signal: AbortSignal): Promise<void> {
    const { answerMs } = this.settings;
    if (entry.head.state !== 'pending' || answerMs === 0) return;
    const controller = new AbortController();
    this.#waiting.set(entry, () => {
      controller.abort();
    });
    await wait(this.#deps.clock, answerMs, AbortSignal.any([signal, controller.signal]));
    this.#waiting.delete(entry);
  }

  async #report(report: CommitmentReport, peers: readonly string[]): Promise<number> {
    const entry = this.#ledger.findUpstream(report.transactionUid);
    // Who is not the one that was asked learns no more than who guesses.
    if (!entry || !peers.includes(entry.head.peer) || entry.head.state === 'gone') {
      return this.#stray(peers[0] ?? '', instancesOf(report));
    }
    const before = this.#taking.get(entry) ?? Promise.resolve(EventStatus.success);
    const taking = before.then(() => this.#take(entry, report));
    this.#taking.set(entry, taking);
    const status = await taking;
    if (this.#taking.get(entry) === taking) this.#taking.delete(entry);
    return status;
  }

  /** Of a transaction that nobody waits for. */
  #stray(peer: string, instances: number): number {
    this.#deps.observe({ kind: 'commitment', peer, outcome: 'stray', instances });
    return EventStatus.invalidArgument;
  }

  /** Never rejects: what cannot be written is not acknowledged. */
  async #take(entry: LedgerEntry, report: CommitmentReport): Promise<number> {
    const { observe } = this.#deps;
    const { peer, state } = entry.head;
    // A peer that has not heard the answer repeats itself: what it said first counts.
    if (state === 'done') return EventStatus.success;
    try {
      const body = await this.#ledger.body(entry);
      const reasons = reasonsOf(body.references, report);
      const isKept = await this.#ledger.done(entry, { ...body, reasons });
      if (!isKept) return this.#stray(peer, reasons.length);
      const failed = reasons.filter((reason) => reason !== 0).length;
      const outcome = failed === 0 ? 'committed' : 'failed';
      observe({ kind: 'commitment', peer, outcome, instances: reasons.length, failed });
      this.#waiting.get(entry)?.();
      return EventStatus.success;
    } catch (error) {
      if (!this.#ledger.has(entry)) return this.#stray(peer, instancesOf(report));
      const message = 'What the peer reported of a storage commitment cannot be written down.';
      observe({ kind: 'log', level: 'error', message, peer, error });
      return EventStatus.processingFailure;
    }
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#deps.clock.after(SWEEP_MS, () => {
      void this.#sweep();
      this.#sweepLater();
    });
  }

  /** Lets go of what is too old, and tells what is overdue. Never rejects. */
  async #sweep(): Promise<void> {
    const { observe } = this.#deps;
    try {
      for (const entry of this.#ledger.entries) {
        if (entry.isOverdueTold || !this.#ledger.isOverdue(entry)) continue;
        entry.isOverdueTold = true;
        const { references } = await this.#ledger.body(entry);
        observe({
          kind: 'commitment',
          peer: entry.head.peer,
          outcome: 'overdue',
          instances: references.length,
        });
      }
      await this.#ledger.tidy();
    } catch (error) {
      const message = 'Requests for storage commitment cannot be tidied up.';
      observe({ kind: 'log', level: 'warn', message, error });
    }
  }
}

const instancesOf = ({ committed, failed }: CommitmentReport): number => committed.length + failed.length;

/** Each instance once. */
function distinct({ references }: CommitmentPayload): CommitmentBody['references'] {
  return [...new Map(references.map((one) => [one.sopInstanceUid, one])).values()];
}

/** What the disk refuses is the gateway's own failure. */
async function kept<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    const error = toGatewayError(thrown);
    if (error.code !== 'internal') throw error;
    const message = 'The directory of storage commitments failed.';
    throw new GatewayError('internal', message, { cause: error.cause });
  }
}
