#!/usr/bin/env node
import './young-generation.js';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { openStorageScp, startGateway } from './compose.js';
import { fixedFacts, openPeer, peerFile } from './compose-peer.js';
import { ConfigError, dumpConfig, loadConfig, type Config } from './config/index.js';
import { formatAeAddress, GatewayError, toGatewayError, type Observe } from './core/index.js';
import type { DemoPacs } from './demo/index.js';
import { isArchivedUid } from './dicom/index.js';
import type { Peer, StorageScp } from './dimse/index.js';
import { checkPeer, type CheckReport, type CheckSubject } from './gateway/index.js';
import { requestPurge } from './purge-command.js';
import { createTelemetry, type Telemetry } from './telemetry/index.js';

const USAGE = `usage: dicomweb-gateway [command] [options]

  serve --config FILE    run the gateway (the default command)
  demo                   run it in front of an embedded PACS with generated studies
  check --config FILE [--peer NAME] [--study UID [--patient ID]]
                         try everything that is needed of each peer; exit status 0 if all are usable; with a
                         study, which each is to hold, also what the peer makes of searches
  config --config FILE   print the effective configuration
  purge --config FILE (--study UID | --patient ID | --all) [--peer NAME]
                         drop instances from the cache of the running gateway

Without a file, DICOMGW_PEER=AE@host:port is enough. Every key can come from the environment.`;

/** How long each peer may take in all to be checked. */
const CHECK_MS = 120_000;

const require = createRequire(import.meta.url);

function version(): string {
  const { version: text } = require('../package.json') as { version: string };
  return text;
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);

function readConfig(file: string | undefined): Config {
  try {
    return loadConfig({
      ...(file === undefined ? {} : { file: readFileSync(file, 'utf8') }),
      env: process.env,
    });
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    throw new GatewayError('bad-request', `The configuration file ${file ?? ''} cannot be read.`, {
      cause: thrown,
    });
  }
}

function telemetryFor(config: Config): Telemetry {
  return createTelemetry({ level: config.log.level, version: version(), peers: Object.keys(config.peers) });
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

const openAssociations = (peers: Iterable<Peer>): number =>
  [...peers].reduce(
    (sum, { stats }) => sum + Object.values(stats.associations).reduce((all, one) => all + one, 0),
    0,
  );

/** Runs the gateway until it is told to stop. */
async function serve(
  config: Config,
  telemetry: Telemetry,
  onReady: (origin: string) => void = () => undefined,
): Promise<number> {
  const stop = stopSignal();
  const gateway = await startGateway(config, telemetry);
  onReady(gateway.origin);
  telemetry.observe({ kind: 'stopping', reason: await stop });
  await gateway.close();
  telemetry.observe({ kind: 'stopped', openAssociations: openAssociations(gateway.peers.values()) });
  await telemetry.flush();
  return 0;
}

function demoText(origin: string, basePath: string, pacs: DemoPacs): string {
  const service = origin + basePath;
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = pacs.sample;
  const study = `${service}/studies/${studyInstanceUid}`;
  const instance = `${study}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
  return [
    '',
    `DICOMweb:  ${service}`,
    `PACS:      ${formatAeAddress(pacs.address)} (embedded, DIMSE over loopback)`,
    `Health:    ${origin}/readyz   Metrics: ${origin}/metrics`,
    '',
    'QIDO-RS   list the studies:',
    `  curl -s '${service}/studies?includefield=StudyDescription'`,
    'WADO-RS   fetch a study as stored:',
    `  curl -s -H 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*' '${study}' -o study.multipart`,
    'STOW-RS   store a Part 10 file, here one that was just fetched:',
    `  curl -s -H 'Accept: application/dicom' '${instance}' | curl -s -H 'Content-Type: application/dicom' --data-binary @- '${service}/studies'`,
    '',
    'Ctrl-C ends it.',
    '',
  ].join('\n');
}

async function demo(): Promise<number> {
  // Loaded here alone: serving needs neither the PACS nor the memory of the library it speaks through.
  const { createDemoPacs } = await import('./demo/index.js');
  const pacs = await createDemoPacs({ movePort: 0 });
  try {
    const env = { DICOMGW_PEER: formatAeAddress(pacs.address), DICOMGW_LOG_LEVEL: 'warn', ...process.env };
    const config = loadConfig({ env });
    return await serve(config, telemetryFor(config), (origin) => {
      print(demoText(origin, config.http.basePath, pacs));
    });
  } finally {
    await pacs.close();
  }
}

/** What whoever configures the PACS enters there. */
function moveHintOf({ dimse }: Config, storageScp: StorageScp | undefined): string {
  if (storageScp === undefined)
    return `Tell the PACS the AE title ${dimse.aeTitle}; C-MOVE needs dimse.listen.`;
  const anyAddress = dimse.advertise === undefined && ['0.0.0.0', '::'].includes(storageScp.listening.host);
  const address = anyAddress
    ? `${dimse.aeTitle}, the address of this machine and port ${storageScp.listening.port}`
    : storageScp.advertised;
  return `Tell the PACS where to send to: ${address}.`;
}

/** What is needed to check a peer. */
function subjectOf(
  config: Config,
  name: string,
  deps: { readonly observe: Observe; readonly storageScp: StorageScp | undefined },
  asked: CheckOptions,
): CheckSubject {
  const settings = config.peers[name];
  if (settings === undefined) throw new GatewayError('internal', `There is no peer ${name}.`);
  const { storageScp } = deps;
  const { retrieve: configured, associations, relearnAfter: relearnMs } = settings;
  const { study: studyInstanceUid, patient: patientId } = asked;
  return {
    name: `${name} (${formatAeAddress(settings.address)})`,
    associations,
    study:
      studyInstanceUid === undefined
        ? undefined
        : { studyInstanceUid, patientId, relearnMs, dateTime: settings.dateTime },
    fixed: fixedFacts(settings),
    open: (way, known) => {
      const isRuledOut = way === 'get' ? configured === 'move' : configured === 'get' || !storageScp;
      if (way !== 'configured' && isRuledOut) return undefined;
      const retrieve = way !== 'configured' ? way : storageScp ? configured : 'get';
      // Whoever checks wants to see each failure itself.
      const breaker = { ...settings.breaker, failures: 0 };
      return openPeer(config, name, { ...settings, retrieve, breaker }, { ...deps, known });
    },
    moveHint: moveHintOf(config, storageScp),
  };
}

interface CheckOptions {
  readonly json?: boolean | undefined;
  readonly study?: string | undefined;
  readonly patient?: string | undefined;
  readonly peer?: string | undefined;
}

/** @throws GatewayError for options that make no sense */
function peersToCheck({ peers }: Config, { study, peer }: CheckOptions): readonly string[] {
  if (study !== undefined && !isArchivedUid(study))
    throw new GatewayError('bad-request', '--study takes a Study Instance UID.');
  const names = Object.keys(peers);
  if (peer === undefined) return names;
  if (!names.includes(peer)) throw new GatewayError('bad-request', `There is no peer ${peer}.`);
  return [peer];
}

async function check(config: Config, options: CheckOptions): Promise<number> {
  const names = peersToCheck(config, options);
  // Who reads no further has seen enough.
  process.stdout.on('error', () => process.exit(1));
  const { observe } = createTelemetry({
    level: 'silent',
    version: version(),
    peers: Object.keys(config.peers),
  });
  const storageScp = await storageScpForCheck(config, observe);
  const reports: CheckReport[] = [];
  for (const name of names) {
    const context = { requestId: `check-${name}`, signal: AbortSignal.timeout(CHECK_MS) };
    const subject = subjectOf(config, name, { observe, storageScp }, options);
    const file = peerFile(config, name, { observe: tellWarnings });
    const remembered = (await file?.read()) ?? {};
    const report = await checkPeer({ ...subject, remembered }, context);
    await file?.update({ ...remembered, ...report.facts });
    reports.push(report);
    if (!options.json) print(reportText(report, subject.moveHint));
  }
  await storageScp?.close(1000);
  if (options.json) print(JSON.stringify(reports, null, 2));
  else for (const text of groupTexts(config)) print(text);
  return reports.every((report) => report.usable && !isStudyMissing(report)) ? 0 : 1;
}

/** What `check` cannot read or write down is said beside its report. */
const tellWarnings: Observe = (observation) => {
  if (observation.kind !== 'log' || observation.level === 'info') return;
  const { message, peer = '', error } = observation;
  process.stderr.write(`${peer}: ${message} ${error instanceof Error ? error.message : ''}\n`);
};

/** Whether a study was given, and searches could not be tried with it to the end. */
function isStudyMissing({ steps }: CheckReport): boolean {
  return steps.some(({ step, result }) => step === 'study' && result !== 'ok');
}

/** A gateway that runs with this configuration has the port: then all but C-MOVE is tried. */
async function storageScpForCheck(config: Config, observe: Observe): Promise<StorageScp | undefined> {
  try {
    return await openStorageScp(config, observe);
  } catch (thrown) {
    process.stderr.write(
      `${toGatewayError(thrown).message} C-MOVE is not tried: does a gateway run already?\n`,
    );
    return undefined;
  }
}

/** A line for each group: what it stands for follows from what its members can do. */
function* groupTexts({ groups }: Config): Generator<string> {
  for (const [name, { members, onMemberFailure, store }] of Object.entries(groups)) {
    const failure =
      onMemberFailure === 'fail' ? 'fails with any member' : 'answers without a member that fails';
    yield `group ${name}: ${members.join(', ')}; ${failure}; stores to ${store ?? 'none'}`;
  }
}

function reportText(report: CheckReport, moveHint: string): string {
  const { peer, usable, steps, learnt, unknown, remembered, configured } = report;
  const mark = { ok: 'ok     ', failed: 'FAILED ', skipped: 'skipped' } as const;
  const lines = steps.map(({ step, result, durationMs, detail }) => {
    const time = result === 'skipped' ? '' : ` (${durationMs} ms)`;
    return `  ${step.padEnd(7)} ${mark[result]} ${detail}${time}`;
  });
  const more = Object.entries({ learnt, 'not found out': unknown, remembered, configured }).flatMap(
    ([title, of]) => of.map((line) => `  ${title.padEnd(15)} ${line}`),
  );
  return [peer, ...lines, ...more, `  ${usable ? 'usable' : 'NOT usable'}. ${moveHint}`, ''].join('\n');
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
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  });
  const [command = 'serve', ...rest] = positionals;
  if (values.help) return (print(USAGE), 0);
  if (values.version) return (print(version()), 0);
  if (rest.length > 0 || !['serve', 'demo', 'check', 'config', 'purge'].includes(command)) {
    throw new GatewayError('bad-request', USAGE);
  }
  if (command === 'demo') return demo();
  const config = readConfig(values.config);
  if (command === 'config') return (print(dumpConfig(config).trimEnd()), 0);
  if (command === 'purge') {
    const { study, patient, all, peer } = values;
    return (print(await requestPurge(config, { study, patient, all, peer })), 0);
  }
  return command === 'check' ? check(config, values) : serve(config, telemetryFor(config));
}

try {
  process.exitCode = await run();
} catch (thrown) {
  const known = thrown instanceof GatewayError || (thrown instanceof TypeError && 'code' in thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  process.stderr.write(
    `${known || thrown instanceof ConfigError ? message : toGatewayError(thrown).message + ' ' + message}\n`,
  );
  process.exitCode = 1;
}
