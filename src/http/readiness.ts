/** Whether this process should get requests, and why not. */
export interface ReadyReport {
  readonly ready: boolean;
  readonly checks: Readonly<Record<'listening' | 'cache' | 'accepting', boolean>>;
  /** What waits to be sent of the audit trail, where there is one; it does not change the status. */
  readonly audit?: AuditReport;
}

interface AuditReport {
  readonly spooledBytes: number;
  readonly limitBytes: number;
  /** Events that were lost since the start. */
  readonly lost: number;
  readonly sinks: readonly {
    readonly name: string;
    /** Events that it has not got yet. */
    readonly behind: number;
    readonly lastError?: string;
  }[];
}

/** A peer as the operator sees it; counts of associations and of waiting requests. */
export interface PeerState {
  readonly name: string;
  /** What was heard of it last: an association that could be opened or not, or an answer. */
  readonly state: 'unknown' | 'up' | 'down';
  readonly retrieve: string;
  readonly associations: Readonly<Record<string, number>>;
  readonly waiting: number;
  /** `open`: the peer kept failing and is not asked for now; `half-open`: the next request tries it. */
  readonly breaker: 'closed' | 'open' | 'half-open';
  /** What was learnt of it, each with the time until which it is believed. */
  readonly learnt: Readonly<Record<string, { readonly value: unknown; readonly expires: string }>>;
  /** How the latest attempt failed, in words, if none has succeeded since. */
  readonly lastError?: string;
}
