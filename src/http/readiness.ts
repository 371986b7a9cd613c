/** Whether this process should get requests, and why not. */
export interface ReadyReport {
  readonly ready: boolean;
  readonly checks: Readonly<Record<'listening' | 'cache' | 'accepting', boolean>>;
}

/** A peer as the operator sees it; counts of associations and of waiting requests. */
export interface PeerState {
  readonly name: string;
  readonly retrieve: string;
  readonly associations: Readonly<Record<string, number>>;
  readonly waiting: number;
}
