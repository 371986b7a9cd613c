import type { GatewayProcess } from './gateway.js';
import { scrape } from './metrics.js';
import type { Usage } from './process.js';
import { megabytes, summarise, type MemoryRow } from './results.js';

/** What the gateway used in a scenario. */
export type Used = Pick<MemoryRow, 'cpuSeconds' | 'restRssMegabytes' | 'peakRssMegabytes' | 'loopDelayMs'>;

/** The worst of several runs, but the middle of their CPU times. */
export function worstOf(runs: readonly Used[]): Used {
  const most = (key: keyof Used): number => Math.max(...runs.map((one) => one[key] ?? 0));
  return {
    cpuSeconds: summarise(runs.map(({ cpuSeconds }) => cpuSeconds)).median,
    restRssMegabytes: most('restRssMegabytes'),
    peakRssMegabytes: most('peakRssMegabytes'),
    loopDelayMs: most('loopDelayMs'),
  };
}

/** Milliseconds of the 99th percentile of the event loop's delay since this was asked before. */
async function loopDelay(service: string): Promise<number> {
  const found = (await scrape(service)).sum('nodejs_eventloop_lag_p99_seconds');
  if (!(found > 0)) throw new Error('the gateway does not tell the delay of its event loop');
  return found * 1000;
}

/**
 * Starts to count what the gateway uses; what is returned tells it. Reading /metrics is what resets the delay. The
 * memory at rest is that at the start of the process, if `rest` says so.
 */
export async function meter(
  { usage, service }: GatewayProcess,
  rest: Usage = usage(),
): Promise<() => Promise<Used>> {
  await loopDelay(service);
  const before = usage();
  return async () => {
    const loopDelayMs = await loopDelay(service);
    const { peakRssBytes, cpuSeconds } = usage();
    return {
      cpuSeconds: cpuSeconds - before.cpuSeconds,
      restRssMegabytes: megabytes(rest.peakRssBytes),
      peakRssMegabytes: megabytes(peakRssBytes),
      loopDelayMs,
    };
  };
}
