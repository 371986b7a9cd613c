import { existsSync, readdirSync } from 'node:fs';
import type { TestGateway } from './test-gateway.js';
import { PATIENCE_MS } from './patience.js';

/** What a process holds that it may forget to give back. */
interface Holdings {
  readonly descriptors: number;
  readonly sockets: number;
  readonly servers: number;
  readonly timers: number;
}

function holdings(): Holdings {
  const active = process.getActiveResourcesInfo();
  const count = (...kinds: string[]): number => active.filter((kind) => kinds.includes(kind)).length;
  return {
    descriptors: existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0,
    sockets: count('TCPSocketWrap', 'TCPWRAP'),
    servers: count('TCPServerWrap'),
    timers: count('Timeout'),
  };
}

/** Resolves when no more is held than when this was called first; rejects after `timeoutMs` with what is. */
export function leakCheck(timeoutMs = PATIENCE_MS): () => Promise<void> {
  const before = holdings();
  return async () => {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const now = holdings();
      const more = Object.entries(now).filter(([name, count]) => count > before[name as keyof Holdings]);
      if (more.length === 0) return;
      if (performance.now() > deadline)
        throw new Error(`held: ${JSON.stringify(now)}, before: ${JSON.stringify(before)}`);
      await new Promise(setImmediate);
    }
  };
}

/** Resolves when a gateway neither uses an association, outbound or inbound, nor waits for one. */
export async function atRest({ running }: TestGateway, timeoutMs = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const busy = [...running.peers.values()].reduce((sum, { stats: { associations, waiting } }) => {
      return sum + associations.busy + associations.opening + associations.closing + waiting;
    }, running.storageScp?.stats.associations ?? 0);
    if (busy === 0) return;
    if (performance.now() > deadline) throw new Error(`${busy} associations are in use or waited for`);
    await new Promise(setImmediate);
  }
}
