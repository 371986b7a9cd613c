import type { PeerName } from './world.js';

/** A time in which something was wrong, or put under strain. */
export interface FaultWindow {
  /** The gateway's own restart hits every peer. */
  readonly peer: PeerName | 'gateway';
  readonly kind: string;
  /** Nothing may fail because of it: a slow line, a reload. */
  readonly harmless: boolean;
  readonly from: number;
  to: number | undefined;
}

/**
 * How long after the end of a fault requests may still fail by it: what was asked for during it has its time-outs, the
 * breaker opens again after three seconds, and what waited comes all at once.
 */
const SETTLE_MS = 10_000;

/** When what was wrong, so that a failure can be told from one that has no reason. */
export class FaultLog {
  readonly windows: FaultWindow[] = [];

  /** Something begins; the function returned says that it has ended. */
  begin(peer: FaultWindow['peer'], kind: string, harmless = false): () => void {
    const window: FaultWindow = { peer, kind, harmless, from: Date.now(), to: undefined };
    this.windows.push(window);
    return () => {
      window.to = Date.now();
    };
  }

  /** The faults that a request to `peer` between these times may have failed by. */
  explain(peer: PeerName, from: number, to: number): readonly string[] {
    return this.windows
      .filter((one) => !one.harmless && (one.peer === peer || one.peer === 'gateway'))
      .filter((one) => one.from <= to && (one.to ?? Infinity) + SETTLE_MS >= from)
      .map(({ peer: where, kind }) => `${where}: ${kind}`);
  }

  /** How often each kind happened. */
  counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { kind } of this.windows) counts[kind] = (counts[kind] ?? 0) + 1;
    return counts;
  }

  /** Seconds between `from` and `to` in which nothing at this peer could explain a failure. */
  calmSeconds(peer: PeerName, from: number, to: number): number {
    let calm = 0;
    for (let at = from; at < to; at += 1000) if (this.explain(peer, at, at).length === 0) calm += 1;
    return calm;
  }
}
