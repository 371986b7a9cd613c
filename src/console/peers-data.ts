import { askJson } from './api.js';

/** One thing that was tried with a peer. */
export interface CheckStep {
  readonly step: string;
  readonly result: 'ok' | 'failed' | 'skipped';
  readonly durationMs: number;
  readonly detail: string;
}

export interface CheckReport {
  readonly usable: boolean;
  readonly retrieved: boolean;
  readonly learnt: readonly string[];
}

export type CheckLine =
  | { readonly step: CheckStep }
  | { readonly report: CheckReport }
  | { readonly error: { readonly code: string; readonly detail: string } };

export interface PeerInfo {
  readonly name: string;
  readonly state: 'unknown' | 'up' | 'down';
  readonly address: string;
  readonly retrieve: string;
  readonly associations: Readonly<Record<string, number>>;
  readonly limit: number;
  readonly configuredLimit: number;
  readonly waiting: number;
  readonly queue: number;
  readonly breaker: 'closed' | 'open' | 'half-open';
  readonly lastError?: string;
  readonly facts: readonly string[];
  readonly configured: readonly string[];
  readonly isReadOnly: boolean;
}

export interface GroupInfo {
  readonly name: string;
  readonly members: readonly string[];
  readonly isReadOnly: boolean;
}

export interface Overview {
  readonly self: {
    readonly aeTitle: string;
    readonly host?: string;
    readonly port?: number;
  };
  readonly peers: readonly PeerInfo[];
  readonly groups: readonly GroupInfo[];
}

/** Everything that is configured. @throws Refused */
export const askOverview = (signal: AbortSignal): Promise<Overview> =>
  askJson('console/api/peers', { signal });

/** The same for views that are of use without it. @throws Refused */
export const askOverviewAside = (signal: AbortSignal): Promise<Overview> =>
  askJson('console/api/peers', { signal, isAside: true });
