import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { freePort } from '../helpers/free-port.js';
import { end } from '../bench/process.js';
import { ask } from './ask.js';

/** Where the gateway finds what is around it. */
export interface Surroundings {
  readonly main: readonly string[];
  /** Its cache and configuration go here. */
  readonly home: string;
  readonly log: string;
  readonly orthancPort: number;
  readonly dcmqrscpPort: number;
  /** Where it takes what C-MOVE brings. */
  readonly storagePort: number;
}

/** Small enough that things leave the cache all the time, as the data are several times as large. */
export const DISK_BYTES = 32 * 2 ** 20;
export const MEMORY_BYTES = 8 * 2 ** 20;
const START_MS = 60_000;

/** Time-outs are short, so that a fault of ten seconds reaches all of them. */
function configuration(port: number, { home, orthancPort, dcmqrscpPort, storagePort }: Surroundings): string {
  const peer = [
    'idleTimeout: 3s',
    'breaker: { openFor: 3s }',
    'timeouts: { connect: 2s, association: 3s, firstResponse: 5s, firstSubOperation: 8s, betweenResponses: 4s, queue: 20s, firstInstance: 20s }',
  ].join(', ');
  return [
    `http: { listen: 127.0.0.1:${port}, drainTimeout: 5s, keepAliveTimeout: 20s }`,
    'log: { level: warn }',
    `dimse: { aeTitle: GATEWAY, listen: 127.0.0.1:${storagePort}, storageScp: { idleTimeout: 10s } }`,
    'peers:',
    `  orthanc: { address: ORTHANC@127.0.0.1:${orthancPort}, retrieve: get, ${peer} }`,
    `  dcmqrscp: { address: DCMQRSCP@127.0.0.1:${dcmqrscpPort}, retrieve: move, ${peer} }`,
    'defaultPeer: orthanc',
    'cache:',
    `  memory: ${MEMORY_BYTES}`,
    '  metadata: 1 MiB',
    '  frames: 1 MiB',
    '  rendered: 1 MiB',
    '  stallTimeout: 5s',
    `  disk: { directory: ${join(home, 'cache')}, size: ${DISK_BYTES}, keepFree: 0 }`,
    'transcode: { workers: 1 }',
    `audit: { lines: ${join(home, 'audit.log')}, spool: { directory: ${join(home, 'audit')} } }`,
    '',
  ].join('\n');
}

/** The gateway as it is run, in a process of its own. */
export class SoakGateway {
  readonly cacheDirectory: string;
  readonly origin: string;
  readonly #surroundings: Surroundings;
  readonly #config: string;
  #child: ChildProcess | undefined;

  private constructor(port: number, surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.origin = `http://127.0.0.1:${port}`;
    this.cacheDirectory = join(surroundings.home, 'cache');
    this.#config = join(surroundings.home, 'config.yaml');
    mkdirSync(surroundings.home, { recursive: true });
    writeFileSync(this.#config, configuration(port, surroundings));
  }

  static async start(surroundings: Surroundings): Promise<SoakGateway> {
    const gateway = new SoakGateway(await freePort(), surroundings);
    await gateway.start();
    return gateway;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** @throws Error when it does not answer within a minute, or ends before */
  async start(): Promise<void> {
    const { main, log } = this.#surroundings;
    const output = openSync(log, 'a');
    const child = spawn(process.execPath, [...main, 'serve', '--config', this.#config], {
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    const endWithSoak = (): void => void child.kill('SIGKILL');
    process.once('exit', endWithSoak);
    child.once('exit', () => process.off('exit', endWithSoak));
    this.#child = child;
    const deadline = Date.now() + START_MS;
    while (!(await this.#answers())) {
      if (child.exitCode !== null) throw new Error(`the gateway ended at its start (see ${log})`);
      if (Date.now() > deadline) throw new Error(`the gateway does not answer (see ${log})`);
      await after(50);
    }
  }

  hangUp(): void {
    this.#child?.kill('SIGHUP');
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  /** Ends it in order; resolves with its exit status. */
  async stop(): Promise<number | null> {
    if (this.#child) await end(this.#child);
    return this.#child?.exitCode ?? null;
  }

  /** Drops everything that is cached. @throws Error when that is not answered 200 */
  async purge(): Promise<void> {
    const headers = { 'content-type': 'application/json' };
    const question = { method: 'POST', headers, body: Buffer.from('{"all":true}') };
    const { status } = await ask(`${this.origin}/cache/purge`, question, false);
    if (status !== 200) throw new Error(`the purge was answered ${status}`);
  }

  /** @throws Error when they are not answered */
  async metrics(): Promise<string> {
    const { status, body } = await ask(`${this.origin}/metrics`, {}, false);
    if (status !== 200) throw new Error(`the metrics were answered ${status}`);
    return body.toString();
  }

  async #answers(): Promise<boolean> {
    return (await ask(`${this.origin}/healthz`, {}, false)).status === 200;
  }
}
