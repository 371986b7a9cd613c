#!/usr/bin/env node
import './young-generation.js';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { hashPassword } from './access/index.js';
import { check } from './check-command.js';
import { rolesOf } from './compose-access.js';
import { coercionRules } from './compose-coercions.js';
import { startGateway, type RunningGateway } from './compose.js';
import { ConfigError, dumpConfig, loadConfig, type Config } from './config/index.js';
import { formatAeAddress, GatewayError, toGatewayError } from './core/index.js';
import type { DemoPacs } from './demo/index.js';
import type { Peer } from './dimse/index.js';
import { print } from './print.js';
import { readPassword } from './read-password.js';
import { requestPurge } from './purge-command.js';
import { createTelemetry, type Telemetry } from './telemetry/index.js';
import { programVersion } from './version.js';

const USAGE = `usage: dicomweb-gateway [command] [options]

  serve --config FILE    run the gateway (the default command)
  demo                   run it in front of an embedded PACS with generated studies
  check --config FILE [--peer NAME] [--study UID [--patient ID]] [--json]
                         try everything that is needed of each peer; exit status 0 if all are usable; with a
                         study, which each is to hold, also what the peer makes of searches
  config --config FILE   print the effective configuration
  purge --config FILE (--study UID | --patient ID | --all) [--peer NAME]
                         drop instances from the cache of the running gateway; with access control as one of
                         access.tokens that may do so, or with [--token-file FILE], or
                         by a client certificate with [--cert FILE --key FILE]
  hash-password          read a password from standard input, print its hash for access.users and
                         dimse.userIdentity.users

Without a file, DICOMGW_PEER=AE@host:port is enough. Every key can come from the environment.`;

const COMMANDS: ReadonlySet<string> = new Set(['serve', 'demo', 'check', 'config', 'purge', 'hash-password']);

function readConfig(file: string | undefined): Config {
  try {
    const config = loadConfig({
      ...(file === undefined ? {} : { file: readFileSync(file, 'utf8') }),
      env: process.env,
    });
    // What it says of attributes only the dictionary can tell to be right.
    coercionRules(config);
    rolesOf(config);
    return config;
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    throw new GatewayError('bad-request', `The configuration file ${file ?? ''} cannot be read.`, {
      cause: thrown,
    });
  }
}

function telemetryFor(config: Config): Telemetry {
  return createTelemetry({
    level: config.log.level,
    version: programVersion(),
    peers: Object.keys(config.peers),
  });
}

/** Resolves with the name of the signal that asks the process to stop; a second one ends it at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(signal);
      });
    }
  });
}

/**
 * Reads renewed certificates at SIGHUP, and nothing else: all other changes of the configuration take a restart. One that
 * comes while the gateway starts is heeded once it has: it would end the process.
 */
function reloadOnHangUp(): (gateway: RunningGateway) => void {
  let running: RunningGateway | undefined;
  let isAsked = false;
  process.on('SIGHUP', () => {
    isAsked = true;
    void running?.reloadCertificates();
  });
  return (gateway) => {
    running = gateway;
    if (isAsked) void gateway.reloadCertificates();
  };
}

const openAssociations = (peers: Iterable<Peer>): number =>
  [...peers].reduce(
    (sum, { stats }) => sum + Object.values(stats.associations).reduce((all, one) => all + one, 0),
    0,
  );

/** Runs the gateway until it is told to stop; a failure is told. Returns the exit status. */
async function serve(
  config: Config,
  telemetry: Telemetry,
  onReady: (origin: string) => void = () => undefined,
): Promise<number> {
  try {
    const stop = stopSignal();
    const started = reloadOnHangUp();
    const gateway = await startGateway(config, telemetry);
    started(gateway);
    onReady(gateway.origin);
    telemetry.observe({ kind: 'stopping', reason: await stop });
    await gateway.close();
    telemetry.observe({ kind: 'stopped', openAssociations: openAssociations(gateway.peers.values()) });
    return 0;
  } catch (thrown) {
    return failed(thrown);
  }
}

/** Ends the process, whatever may still be open, once the log has left or its output has not taken it for too long. */
async function leave(telemetry: Telemetry, status: number): Promise<never> {
  const log = await telemetry.flush();
  if (log !== 'whole')
    process.stderr.write('The output of the log takes nothing: its last lines are lost.\n');
  // `process.exit` would wait for the thread that writes.
  if (log === 'stuck') process.kill(process.pid, 'SIGKILL');
  process.exit(status);
}

function demoText(origin: string, basePath: string, pacs: DemoPacs): string {
  const service = origin + basePath;
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = pacs.sample;
  const study = `${service}/studies/${studyInstanceUid}`;
  const instance = `${study}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
  return [
    '',
    `Console:   ${origin}/`,
    `DICOMweb:  ${service}`,
    `PACS:      ${formatAeAddress(pacs.address)} (embedded, DIMSE over loopback)`,
    `Health:    ${origin}/readyz   Metrics: ${origin}/metrics`,
    '',
    'QIDO-RS   list the studies:',
    `  curl -s '${service}/studies?includefield=StudyDescription'`,
    'WADO-RS   fetch a study as stored:',
    `  curl -s -H 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*' '${study}' -o study.multipart`,
    'WADO-RS   see a small picture of it:',
    `  curl -s '${study}/thumbnail' -o picture.jpg`,
    'STOW-RS   store a Part 10 file, here one that was just fetched:',
    `  curl -s -H 'Accept: application/dicom' '${instance}' | curl -s -H 'Content-Type: application/dicom' --data-binary @- '${service}/studies'`,
    '',
    'Ctrl-C ends it.',
    '',
  ].join('\n');
}

async function demo(): Promise<never> {
  // Loaded here alone: serving needs neither the PACS nor the memory of the library it speaks through.
  const { createDemoPacs } = await import('./demo/index.js');
  const pacs = await createDemoPacs({ movePort: 0 });
  try {
    const env = { DICOMGW_PEER: formatAeAddress(pacs.address), DICOMGW_LOG_LEVEL: 'warn', ...process.env };
    const config = loadConfig({ env });
    const telemetry = telemetryFor(config);
    const status = await serve(config, telemetry, (origin) => {
      print(demoText(origin, config.http.basePath, pacs));
    });
    return await leave(telemetry, status);
  } finally {
    await pacs.close();
  }
}

async function run(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean' },
      study: { type: 'string' },
      patient: { type: 'string' },
      all: { type: 'boolean' },
      peer: { type: 'string' },
      'token-file': { type: 'string' },
      cert: { type: 'string' },
      key: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  });
  const [command = 'serve', ...rest] = positionals;
  if (values.help) return (print(USAGE), 0);
  if (values.version) return (print(programVersion()), 0);
  if (rest.length > 0 || !COMMANDS.has(command)) throw new GatewayError('bad-request', USAGE);
  if (command === 'demo') return demo();
  if (command === 'hash-password') return (print(await hashPassword(await readPassword(process.stdin))), 0);
  const config = readConfig(values.config);
  if (command === 'config') return (print(dumpConfig(config).trimEnd()), 0);
  if (command === 'purge') {
    const { study, patient, all, peer, 'token-file': tokenFile, cert: certFile, key: keyFile } = values;
    const options = { study, patient, all, peer, tokenFile, certFile, keyFile };
    return (print(await requestPurge(config, options)), 0);
  }
  if (command === 'check') return check(config, values);
  const telemetry = telemetryFor(config);
  return leave(telemetry, await serve(config, telemetry));
}

/** Says what went wrong; returns the exit status. */
function failed(thrown: unknown): number {
  const known = thrown instanceof GatewayError || (thrown instanceof TypeError && 'code' in thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  process.stderr.write(
    `${known || thrown instanceof ConfigError ? message : toGatewayError(thrown).message + ' ' + message}\n`,
  );
  return 1;
}

// A report of what fails must not be another failure.
process.stderr.on('error', () => undefined);
const status = await run().catch(failed);
// What could not be printed has set it before, or will.
process.exitCode ??= 0;
if (status !== 0) process.exitCode = status;
