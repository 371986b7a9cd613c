import type { Config } from './config/index.js';
import { GatewayError } from './core/index.js';

export interface PurgeOptions {
  readonly study?: string | undefined;
  readonly patient?: string | undefined;
  readonly all?: boolean | undefined;
  readonly peer?: string | undefined;
}

/** A running gateway answers at once, unless it has to ask the PACS for a patient's studies. */
const ANSWER_MS = 60_000;

/** Where the running gateway of this configuration takes a purge. */
function purgeUrl({ http, admin }: Config): string {
  const { host, port } = admin.listen ?? http.listen;
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}/cache/purge`;
}

/**
 * Asks the running gateway of `config` to drop instances from its cache; returns what it says.
 * @throws GatewayError when it does not run, or refuses
 */
export async function requestPurge(config: Config, options: PurgeOptions): Promise<string> {
  const response = await fetch(purgeUrl(config), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(options),
    signal: AbortSignal.timeout(ANSWER_MS),
  }).catch((cause: unknown) => {
    throw new GatewayError('bad-request', 'The gateway of this configuration does not answer. Does it run?', {
      cause,
    });
  });
  const answer = (await response.json().catch(() => ({}))) as {
    readonly dropped?: number;
    readonly detail?: string;
  };
  if (response.ok && answer.dropped !== undefined)
    return `${answer.dropped} instances dropped from the cache`;
  throw new GatewayError('bad-request', answer.detail ?? `The gateway answered ${response.status}.`);
}
