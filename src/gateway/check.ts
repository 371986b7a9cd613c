import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import { Tags } from '../dicom/index.js';
import { listingIdentifier, retrieveIdentifier } from '../query/index.js';
import type { Peer } from '../dimse/index.js';
import { drain } from './arrival-writer.js';

/** One thing that was tried with a peer. */
export interface CheckStep {
  readonly step: 'C-ECHO' | 'C-FIND' | 'C-GET' | 'C-MOVE';
  readonly result: 'ok' | 'failed' | 'skipped';
  readonly durationMs: number;
  /** What was seen, or what is wrong and what to change. */
  readonly detail: string;
}

export interface CheckReport {
  readonly peer: string;
  readonly usable: boolean;
  readonly steps: readonly CheckStep[];
}

export interface CheckSubject {
  readonly name: string;
  /** The peer, retrieving in the configured way. */
  readonly peer: Peer;
  /** The same peer made to retrieve by one way alone; missing where the configuration rules it out. */
  readonly byGet: Peer | undefined;
  readonly byMove: Peer | undefined;
  /** What the PACS must be told so that C-MOVE works. */
  readonly moveHint: string;
}

/** Advice for each kind of failure, in the words of whoever configures the PACS. */
function advice(error: GatewayError, subject: CheckSubject): string {
  switch (error.code) {
    case 'peer-unreachable':
      return 'Check host and port, and that no firewall stands between.';
    case 'peer-rejected':
      return 'Check the AE titles: the PACS must know the calling one, and answer to the called one.';
    case 'peer-unsupported':
      return 'The PACS does not offer this service to the gateway; allow it for its AE title.';
    case 'peer-move-destination':
    case 'peer-not-authorized':
      return subject.moveHint;
    case 'peer-timeout':
      return 'The PACS accepted the connection and did not answer in time.';
    default:
      return '';
  }
}

async function attempt(
  step: CheckStep['step'],
  subject: CheckSubject,
  run: () => Promise<string>,
): Promise<CheckStep> {
  const started = performance.now();
  const done = (result: CheckStep['result'], detail: string): CheckStep => ({
    step,
    result,
    durationMs: Math.round(performance.now() - started),
    detail,
  });
  try {
    return done('ok', await run());
  } catch (thrown) {
    const error = toGatewayError(thrown);
    return done('failed', `${error.message} ${advice(error, subject)}`.trim());
  }
}

/** The UIDs of some instance of the peer, the first it names. */
interface Sample {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly sopClassUid: string | undefined;
}

async function firstRow(
  peer: Peer,
  level: 'STUDY' | 'SERIES' | 'IMAGE',
  target: Parameters<typeof listingIdentifier>[1],
  context: OperationContext,
): Promise<ReturnType<typeof listingIdentifier> | undefined> {
  for await (const row of peer.find(level, listingIdentifier(level, target), context)) return row;
  return undefined;
}

async function findSample(peer: Peer, context: OperationContext): Promise<Sample | undefined> {
  const study = (await firstRow(peer, 'STUDY', {}, context))?.string(Tags.StudyInstanceUID);
  if (study === undefined) return undefined;
  const target = { studyInstanceUid: study };
  const series = (await firstRow(peer, 'SERIES', target, context))?.string(Tags.SeriesInstanceUID);
  if (series === undefined) return undefined;
  const image = await firstRow(peer, 'IMAGE', { ...target, seriesInstanceUid: series }, context);
  const sopInstanceUid = image?.string(Tags.SOPInstanceUID);
  if (sopInstanceUid === undefined) return undefined;
  const sopClassUid = image?.string(Tags.SOPClassUID);
  return { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid, sopClassUid };
}

async function retrieveSample(peer: Peer, sample: Sample, context: OperationContext): Promise<string> {
  let bytes = 0;
  let transferSyntaxUid = '';
  const { level, identifier } = retrieveIdentifier(sample);
  const sopClassUids = sample.sopClassUid === undefined ? [] : [sample.sopClassUid];
  const completion = await peer.retrieve(
    { level, identifier, sopClassUids },
    (incoming) => {
      transferSyntaxUid = incoming.transferSyntaxUid;
      return { ...drain, write: (chunk) => void (bytes += chunk.length) };
    },
    context,
  );
  if (completion.received > 0) return `one instance, ${bytes} bytes in ${transferSyntaxUid}`;
  throw new GatewayError(
    'peer-incomplete',
    'The PACS reported the end of the retrieve and sent no instance.',
  );
}

/**
 * Tries everything that the gateway needs of a peer: C-ECHO, C-FIND down to one instance, and that instance by C-GET
 * and by C-MOVE. The peer is usable when searching and one way of retrieving work.
 */
export async function checkPeer(subject: CheckSubject, context: OperationContext): Promise<CheckReport> {
  const steps: CheckStep[] = [];
  const echo = await attempt('C-ECHO', subject, async () => {
    const { implementationVersionName, maxPduLength, services } = await subject.peer.echo(context);
    const offered = Object.entries(services).flatMap(([name, yes]) =>
      yes ? [`C-${name.toUpperCase()}`] : [],
    );
    return `${implementationVersionName ?? 'unnamed'}, PDU length ${maxPduLength}, offers ${offered.join(', ') || 'nothing more'}`;
  });
  steps.push(echo);
  const report = (usable: boolean): CheckReport => ({ peer: subject.name, usable, steps });
  if (echo.result !== 'ok') return report(false);
  const found: { sample?: Sample } = {};
  const find = await attempt('C-FIND', subject, async () => {
    const sample = await findSample(subject.peer, context);
    if (sample) found.sample = sample;
    return sample
      ? 'found a study, a series and an instance'
      : 'the PACS holds nothing, or shows nothing to the gateway';
  });
  steps.push(find);
  if (find.result !== 'ok') return report(false);
  for (const step of ['C-GET', 'C-MOVE'] as const) {
    steps.push(await checkRetrieve(step, subject, found.sample, context));
  }
  const retrieves = steps.filter(({ step }) => step === 'C-GET' || step === 'C-MOVE');
  // Of an empty PACS no retrieve can be tried: what can be seen of it is in order.
  return report(retrieves.some(({ result }) => result === 'ok') || found.sample === undefined);
}

function checkRetrieve(
  step: 'C-GET' | 'C-MOVE',
  subject: CheckSubject,
  sample: Sample | undefined,
  context: OperationContext,
): Promise<CheckStep> {
  const peer = step === 'C-GET' ? subject.byGet : subject.byMove;
  const skipped = (detail: string): Promise<CheckStep> =>
    Promise.resolve({ step, result: 'skipped', durationMs: 0, detail });
  if (peer === undefined) {
    return skipped(step === 'C-MOVE' ? 'dimse.listen is not set, or retrieve is get' : 'retrieve is move');
  }
  if (sample === undefined) return skipped('there is no instance to retrieve');
  return attempt(step, subject, () => retrieveSample(peer, sample, context));
}
