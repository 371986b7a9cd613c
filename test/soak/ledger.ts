import type { Answer } from './ask.js';
import type { FaultLog } from './faults.js';
import type { PeerName } from './world.js';

/**
 * What an answer was worth. `right`: whole, and what was put in; `partial`: it says itself that something is missing, and the
 * rest is right; `failed`: visibly, by its status or by a body that breaks off; `left`: the client did not wait for its
 * end; `wrong`: none of these.
 */
export type Verdict = 'right' | 'partial' | 'failed' | 'left' | 'wrong';

/** A request as it stands in the books. */
export interface Entry {
  readonly at: string;
  readonly operation: string;
  readonly peer: PeerName;
  readonly request: string;
  readonly verdict: Verdict;
  readonly status: number;
  readonly seconds: number;
  readonly bytes: number;
  /** What is wrong with it, or how it failed. */
  readonly why?: string;
  readonly code?: string;
  readonly requestId?: string;
  /** Faults that it may have failed by. */
  readonly faults: readonly string[];
}

/** Reasons for which the gateway turns requests away when it is asked for too much. */
const SHED = new Set(['overloaded', 'reader-stalled', 'rate-limited']);
/** Enough of each kind to find its cause. */
const MOST_KEPT = 500;

/** The books of a soak: how each operation came out, and every answer that should not have been so. */
export class Ledger {
  readonly counts: Record<string, Record<Verdict, number>> = {};
  readonly wrong: Entry[] = [];
  /** Failed, or was not whole, though nothing was wrong with its PACS. */
  readonly unexplained: Entry[] = [];
  /** The same where the gateway says that it has too much to do. */
  readonly shed: Entry[] = [];
  readonly failureCodes: Record<string, number> = {};
  bytes = 0;
  readonly #faults: FaultLog;

  constructor(faults: FaultLog) {
    this.#faults = faults;
  }

  total(verdict: Verdict): number {
    return Object.values(this.counts).reduce((sum, counts) => sum + counts[verdict], 0);
  }

  /** Enters an answer as it was judged. */
  enter(about: Pick<Entry, 'operation' | 'peer' | 'request'>, answer: Answer, judged: Judged): void {
    const { verdict, why } = judged;
    const problem = verdict === 'failed' ? problemOf(answer) : {};
    const entry: Entry = {
      at: new Date(answer.from).toISOString(),
      ...about,
      verdict,
      status: answer.status,
      seconds: (answer.to - answer.from) / 1000,
      bytes: answer.body.length,
      ...(why === undefined ? {} : { why }),
      ...problem,
      faults: this.#faults.explain(about.peer, answer.from, answer.to),
    };
    this.bytes += answer.body.length;
    const counts = (this.counts[about.operation] ??= { right: 0, partial: 0, failed: 0, left: 0, wrong: 0 });
    counts[verdict] += 1;
    this.#keep(entry);
  }

  #keep(entry: Entry): void {
    const { verdict, code, status, faults } = entry;
    if (verdict === 'wrong') keep(this.wrong, entry);
    if (verdict !== 'failed' && verdict !== 'partial') return;
    const name = code ?? (verdict === 'partial' ? 'partial' : status === 0 ? 'no answer' : 'broken off');
    this.failureCodes[name] = (this.failureCodes[name] ?? 0) + 1;
    if (code !== undefined && SHED.has(code)) keep(this.shed, entry);
    else if (faults.length === 0) keep(this.unexplained, entry);
  }
}

/** Counts beyond what is kept are in `counts`. */
function keep(entries: Entry[], entry: Entry): void {
  if (entries.length < MOST_KEPT) entries.push(entry);
}

/** A verdict, and why it is none of the good ones. */
export interface Judged {
  readonly verdict: Verdict;
  readonly why?: string;
}

/** What the problem details of a failure say. */
export function problemOf({ headers, body }: Answer): { code?: string; requestId?: string; why?: string } {
  if (!headers['content-type']?.startsWith('application/problem+json')) return {};
  try {
    const { code, requestId, detail } = JSON.parse(body.toString()) as Record<string, string | undefined>;
    return {
      ...(code === undefined ? {} : { code }),
      ...(requestId === undefined ? {} : { requestId }),
      ...(detail === undefined ? {} : { why: detail }),
    };
  } catch {
    return {};
  }
}
