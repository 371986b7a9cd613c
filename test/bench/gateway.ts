import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Pacs } from './pacs.js';
import { end, start, usageOf, type Usage } from './process.js';

const MAIN = join(import.meta.dirname, '../../dist/main.js');

/** The built gateway as a process of its own in front of one PACS, with an empty cache. */
export interface GatewayProcess {
  /** Base URL of its DICOMweb. */
  readonly service: string;
  readonly usage: () => Usage;
  /** Ends it and deletes its cache. */
  stop(): Promise<void>;
}

/** The URL in the log line that says that it listens. */
async function readyUrl(stdout: Readable): Promise<string> {
  for await (const line of createInterface({ input: stdout })) {
    const { msg, urls = [] } = JSON.parse(line) as { msg?: string; urls?: readonly string[] };
    const [service] = urls;
    if (msg === 'ready' && service !== undefined) return service;
  }
  throw new Error('the gateway ended before it was ready');
}

/** What differs from the defaults of the configuration. */
export interface Tuning {
  /** `peers.*.associations` */
  readonly associations?: number;
  /** `peers.*.storeParallel` */
  readonly storeParallel?: number;
  /** Whether rendered pictures are kept; they are when left out. */
  readonly keepsPictures?: boolean;
}

/** Starts the gateway with the defaults of its configuration but for C-GET, a disk cache below `directory` and `tuning`. */
async function startGateway(
  pacs: Pick<Pacs, 'aeTitle' | 'port'>,
  directory: string,
  { associations, storeParallel, keepsPictures = true }: Tuning,
): Promise<GatewayProcess> {
  const home = mkdtempSync(join(directory, 'gateway-'));
  const config = join(home, 'config.yaml');
  const peer = Object.entries({ associations, storeParallel })
    .map(([key, value]) => (value === undefined ? '' : `, ${key}: ${value}`))
    .join('');
  const lines = [
    'http: { listen: 127.0.0.1:0 }',
    'peers:',
    `  main: { address: ${pacs.aeTitle}@127.0.0.1:${pacs.port}, retrieve: get${peer} }`,
    `cache: { disk: { directory: ${join(home, 'cache')}, size: 10 GiB }${keepsPictures ? '' : ', rendered: 0'} }`,
    '',
  ];
  writeFileSync(config, lines.join('\n'));
  const child = start(process.execPath, [MAIN, 'serve', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { stdout, pid } = child;
  if (!stdout || pid === undefined) throw new Error('the gateway did not start');
  const service = await readyUrl(stdout);
  stdout.resume();
  return {
    service,
    usage: () => usageOf(pid),
    stop: async () => {
      await end(child);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Runs `use` with a gateway of its own. */
export async function withGateway<T>(
  pacs: Pick<Pacs, 'aeTitle' | 'port'>,
  directory: string,
  use: (gateway: GatewayProcess) => Promise<T>,
  tuning: Tuning = {},
): Promise<T> {
  const gateway = await startGateway(pacs, directory, tuning);
  try {
    return await use(gateway);
  } finally {
    await gateway.stop();
  }
}
