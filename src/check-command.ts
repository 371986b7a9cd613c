import { openPeerTls, openServerTls } from './compose-dimse-tls.js';
import { fixedFacts, groupsOf, openPeer, peerFile } from './compose-peer.js';
import { openStorageScp } from './compose-storage-scp.js';
import type { Config, PeerConfig } from './config/index.js';
import { formatAeAddress, GatewayError, systemClock, toGatewayError, type Observe } from './core/index.js';
import { isArchivedUid } from './dicom/index.js';
import type { StorageScp, TlsClient } from './dimse/index.js';
import {
  checkSteps,
  negotiationLines,
  tellLines,
  type CheckReport,
  type CheckStep,
  type CheckSubject,
  type Untried,
} from './gateway/index.js';
import { print } from './print.js';
import { Certificates } from './tls/index.js';

/** How long each peer may take in all to be checked. */
const CHECK_MS = 120_000;
/** Refused associations that are told. */
const MAX_REFUSALS = 100;

/** What happens while a peer is checked is in its report. */
const observe: Observe = () => undefined;

/** What whoever configures the PACS enters there. */
export function moveHintOf({ dimse }: Config, storageScp: StorageScp | undefined): string {
  if (storageScp === undefined)
    return `Tell the PACS the AE title ${dimse.aeTitle}; C-MOVE needs dimse.listen.`;
  const anyAddress = dimse.advertise === undefined && ['0.0.0.0', '::'].includes(storageScp.listening.host);
  const address = anyAddress
    ? `${dimse.aeTitle}, the address of this machine and port ${storageScp.listening.port}`
    : storageScp.advertised;
  return `Tell the PACS where to send to: ${address}.`;
}

/** The ways of retrieving that are not tried, and why. */
function untriedWays(
  { dimse }: Config,
  retrieve: 'auto' | 'get' | 'move',
  storageScp: StorageScp | undefined,
): CheckSubject['untried'] {
  const ruledOut = (reason: string): Untried => ({ reason, mayWork: false });
  if (retrieve === 'get') return { move: ruledOut('retrieve is get') };
  const get = retrieve === 'move' ? { get: ruledOut('retrieve is move') } : {};
  if (storageScp) return get;
  if (dimse.listen === undefined) return { ...get, move: ruledOut('dimse.listen is not set') };
  const reason = 'not tried: the address of dimse.listen cannot be had, perhaps as a gateway runs';
  return { ...get, move: { reason, mayWork: true } };
}

/** What is open while peers are checked. */
export interface Opened {
  readonly storageScp: StorageScp | undefined;
  readonly tls: TlsClient | undefined;
  /** Why the storage SCP has refused associations. */
  readonly refusals: readonly string[];
}

/** How the peer is to know the gateway, whether its listener could be opened now or not. */
function listenerOf(
  { dimse }: Config,
  peer: PeerConfig,
  scp: StorageScp | undefined,
): CheckSubject['listener'] {
  const address = dimse.advertise ?? scp?.listening ?? dimse.listen;
  return {
    aeTitle: peer.callingAeTitle ?? dimse.aeTitle,
    ...(address && { address: { host: address.host, port: address.port } }),
    isTls: dimse.tls !== undefined,
  };
}

/** What is needed to check a peer. @throws GatewayError `internal` when there is none of this name */
export function subjectOf(
  config: Config,
  name: string,
  { storageScp, tls, refusals }: Opened,
  asked: CheckOptions,
): CheckSubject {
  const settings = config.peers[name];
  if (settings === undefined) throw new GatewayError('internal', `There is no peer ${name}.`);
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
    untried: untriedWays(config, configured, storageScp),
    open: (way, known) => {
      const retrieve = way !== 'configured' ? way : storageScp ? configured : 'get';
      // Whoever checks wants to see each failure itself.
      const breaker = { ...settings.breaker, failures: 0 };
      return openPeer(config, name, { ...settings, retrieve, breaker }, { observe, storageScp, known, tls });
    },
    moveHint: moveHintOf(config, storageScp),
    listener: listenerOf(config, settings, storageScp),
    refusals: () => refusals,
  };
}

export interface CheckOptions {
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

/** Checks the peers that are asked for, and prints what it finds; returns the exit status. @throws GatewayError */
export async function check(config: Config, options: CheckOptions): Promise<number> {
  const names = peersToCheck(config, options);
  const certificates = new Certificates({ observe, clock: systemClock, intervalMs: 0 });
  const refusals: string[] = [];
  const storageScp = await storageScpForCheck(config, certificates, refusals);
  const reports: CheckReport[] = [];
  try {
    for (const name of names) {
      const tls = await openPeerTls(name, config.peers[name], certificates);
      reports.push(await checkOne(config, name, { storageScp, tls, refusals }, options));
    }
  } finally {
    await storageScp?.close(1000);
  }
  if (options.json) print(JSON.stringify(reports, null, 2));
  else for (const text of groupTexts(config)) print(text);
  return reports.every((report) => report.usable && !isStudyMissing(report)) ? 0 : 1;
}

/** Checks a peer, prints each step as it ends, and writes down what was learnt. */
async function checkOne(
  config: Config,
  name: string,
  opened: Opened,
  options: CheckOptions,
): Promise<CheckReport> {
  const say = options.json ? (): void => undefined : print;
  const context = { requestId: `check-${name}`, signal: AbortSignal.timeout(CHECK_MS) };
  const subject = subjectOf(config, name, opened, options);
  const file = peerFile(config, name, { observe: tellWarnings });
  const remembered = (await file?.read()) ?? {};
  say(subject.name);
  const steps = checkSteps({ ...subject, remembered }, context);
  let next = await steps.next();
  for (; !next.done; next = await steps.next()) say(stepText(next.value));
  const report = next.value;
  await file?.update({ ...remembered, ...report.facts });
  say(reportText(report, subject.moveHint));
  return report;
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
async function storageScpForCheck(
  config: Config,
  certificates: Certificates,
  refusals: string[],
): Promise<StorageScp | undefined> {
  const tls = await openServerTls(config, certificates);
  const keepRefusals: Observe = (observation) => {
    if (observation.kind !== 'inbound-refused' || refusals.length >= MAX_REFUSALS) return;
    refusals.push(`${observation.reason} (from ${observation.remote})`);
  };
  try {
    return await openStorageScp(config, keepRefusals, { tls });
  } catch (thrown) {
    process.stderr.write(
      `${toGatewayError(thrown).message} C-MOVE is not tried: does a gateway run already?\n`,
    );
    return undefined;
  }
}

/** A line for each group: what it stands for follows from what its members can do. */
function* groupTexts(config: Config): Generator<string> {
  for (const [name, { members, onMemberFailure, store: at }] of groupsOf(config)) {
    const store = at?.members.join(at.requires === 'all' ? ' and ' : ' or ') ?? 'none';
    const failure =
      onMemberFailure === 'fail' ? 'fails with any member' : 'answers without a member that fails';
    yield `group ${name}: ${members.join(', ')}; ${failure}; stores to ${store}`;
  }
}

function stepText({ step, result, durationMs, detail }: CheckStep): string {
  const mark = { ok: 'ok     ', failed: 'FAILED ', skipped: 'skipped' } as const;
  const time = result === 'skipped' ? '' : ` (${durationMs} ms)`;
  return `  ${step.padEnd(7)} ${mark[result]} ${detail}${time}`;
}

/** What is told of a peer after its steps. */
function reportText(report: CheckReport, moveHint: string): string {
  const { negotiated, tell, learnt, unknown, remembered, configured } = report;
  const more = Object.entries({
    ...(negotiated && { negotiated: negotiationLines(negotiated) }),
    ...{ learnt, 'not found out': unknown, remembered, configured },
    ...(tell && { 'tell the PACS': tellLines(tell) }),
  }).flatMap(([title, of]) => of.map((line) => `  ${title.padEnd(15)} ${line}`));
  return [...more, `  ${verdictOf(report)}. ${moveHint}`, ''].join('\n');
}

function verdictOf({ usable, retrieved }: CheckReport): string {
  if (!usable) return 'NOT usable';
  return retrieved ? 'usable' : 'usable as far as it could be tried: nothing was retrieved';
}
