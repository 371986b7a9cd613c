import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import { Tags } from '../dicom/index.js';
import { listingIdentifier, retrieveIdentifier } from '../query/index.js';
import type { FixedFacts, Peer, PeerFacts } from '../dimse/index.js';
import { drain } from './arrival-writer.js';
import { factLines, fixedLines } from './fact-words.js';
import { probeLists, wordsOf, type Learnt } from './learnt.js';
import { probeStudy } from './probe-study.js';
import type { ProbedStudy } from './study-probe.js';

/** One thing that was tried with a peer. */
export interface CheckStep {
  readonly step: 'C-ECHO' | 'C-FIND' | 'study' | 'C-GET' | 'C-MOVE';
  readonly result: 'ok' | 'failed' | 'skipped';
  readonly durationMs: number;
  /** What was seen, or what is wrong and what to change. */
  readonly detail: string;
}

export interface CheckReport {
  readonly peer: string;
  readonly usable: boolean;
  readonly steps: readonly CheckStep[];
  /** What was learnt of the peer beyond that, in words. */
  readonly learnt: readonly string[];
  /** What was learnt before, is written down, and was not found out anew, in words. */
  readonly remembered: readonly string[];
  /** What the configuration says in place of it, in words. */
  readonly configured: readonly string[];
  /** `learnt` as the gateway believes it, until each expires. */
  readonly facts: PeerFacts;
}

export interface CheckSubject {
  readonly name: string;
  /** Most associations at once, as configured. */
  readonly associations: number;
  /**
   * Opens the peer as it is configured, or made to retrieve by one way alone; undefined where the configuration rules
   * that out. `known` is what was learnt of it before.
   */
  open(way: 'configured' | 'get' | 'move', known: PeerFacts): Peer | undefined;
  /** What the PACS must be told so that C-MOVE works. */
  readonly moveHint: string;
  /** What searches are tried with, if they are to be. */
  readonly study?: ProbedStudy | undefined;
  /** What is written down of the peer. */
  readonly remembered?: PeerFacts | undefined;
  readonly fixed?: FixedFacts | undefined;
}

/** How long the release of associations may take. */
const CLOSE_MS = 1000;

/** A peer that is being checked: at any time it is open once, for it may take no more than one association. */
class Subject {
  readonly given: CheckSubject;
  facts: PeerFacts = {};
  /** How the gateway would retrieve now. */
  way: 'get' | 'move' | undefined;

  constructor(given: CheckSubject) {
    this.given = given;
  }

  /** Runs `use` with the peer, and keeps what it learnt. @throws Whatever `use` throws; undefined without a peer */
  async with<T>(way: 'configured' | 'get' | 'move', use: (peer: Peer) => Promise<T>): Promise<T | undefined> {
    const peer = this.given.open(way, this.facts);
    if (!peer) return undefined;
    try {
      return await use(peer);
    } finally {
      this.facts = { ...this.facts, ...peer.knowledge.facts };
      if (way === 'configured') this.way = peer.stats.retrieve;
      await peer.close(CLOSE_MS);
    }
  }
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
  /** Another one of its series, if there is one. */
  readonly second: string | undefined;
}

/** The first rows of an answer; the rest is not asked for. */
async function firstRows(
  peer: Peer,
  level: 'STUDY' | 'SERIES' | 'IMAGE',
  target: Parameters<typeof listingIdentifier>[1],
  context: OperationContext,
): Promise<readonly ReturnType<typeof listingIdentifier>[]> {
  const rows = [];
  for await (const row of peer.find(level, listingIdentifier(level, target), context)) {
    rows.push(row);
    if (rows.length === (level === 'IMAGE' ? 2 : 1)) break;
  }
  return rows;
}

async function findSample(
  peer: Peer,
  given: ProbedStudy | undefined,
  context: OperationContext,
): Promise<Sample | undefined> {
  const [study] = given ? [] : await firstRows(peer, 'STUDY', {}, context);
  const studyInstanceUid = given?.studyInstanceUid ?? study?.string(Tags.StudyInstanceUID);
  if (studyInstanceUid === undefined) return undefined;
  const [series] = await firstRows(peer, 'SERIES', { studyInstanceUid }, context);
  const seriesInstanceUid = series?.string(Tags.SeriesInstanceUID);
  if (seriesInstanceUid === undefined) return undefined;
  const [image, other] = await firstRows(peer, 'IMAGE', { studyInstanceUid, seriesInstanceUid }, context);
  const sopInstanceUid = image?.string(Tags.SOPInstanceUID);
  if (sopInstanceUid === undefined) return undefined;
  const sopClassUid = image?.string(Tags.SOPClassUID);
  const second = other?.string(Tags.SOPInstanceUID);
  return { studyInstanceUid, seriesInstanceUid, sopInstanceUid, sopClassUid, second };
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

/** C-ECHO; what the peer says of itself. */
async function echo(peer: Peer, context: OperationContext): Promise<string> {
  const { implementationVersionName, maxPduLength, services } = await peer.echo(context);
  const offered = Object.entries(services).flatMap(([name, yes]) => (yes ? [`C-${name.toUpperCase()}`] : []));
  return `${implementationVersionName ?? 'unnamed'}, PDU length ${maxPduLength}, offers ${offered.join(', ') || 'nothing more'}`;
}

/**
 * Tries everything that the gateway needs of a peer: C-ECHO, C-FIND down to one instance, and that instance by C-GET
 * and by C-MOVE. The peer is usable when searching and one way of retrieving work. Beyond that it finds out how many
 * associations the peer takes at once and what it makes of a list of UIDs; with a study to try them with, also what it
 * makes of the keys of searches.
 */
export async function checkPeer(given: CheckSubject, context: OperationContext): Promise<CheckReport> {
  const subject = new Subject(given);
  const steps: CheckStep[] = [];
  const learnt: Learnt = { configured: given.associations };
  const found: { sample?: Sample } = {};
  await subject.with('configured', async (peer) => {
    steps.push(await attempt('C-ECHO', given, () => echo(peer, context)));
    if (steps[0]?.result !== 'ok') return;
    learnt.associations = await peer.probeAssociations(context).catch(() => undefined);
    const find = async (): Promise<string> => {
      const sample = await findSample(peer, given.study, context);
      if (sample) found.sample = sample;
      return sample
        ? 'found a study, a series and an instance'
        : 'the PACS holds nothing, or shows nothing to the gateway';
    };
    steps.push(await attempt('C-FIND', given, find));
    const { study } = given;
    if (study) steps.push(await attempt('study', given, () => probeStudy(peer, study, context)));
  });
  const { sample } = found;
  const searches = steps.some(({ step, result }) => step === 'C-FIND' && result === 'ok');
  if (searches) for (const step of retrieves) steps.push(await checkRetrieve(step, subject, sample, context));
  const worked = steps.some(({ step, result }) => retrieves.includes(step) && result === 'ok');
  if (worked && sample)
    learnt.list = await subject.with('configured', (peer) => probeLists(peer, sample, context));
  const { facts, way } = subject;
  // Of an empty PACS no retrieve can be tried: what can be seen of it is in order.
  const usable = searches && (worked || sample === undefined);
  const old = Object.entries(given.remembered ?? {}).filter(([name]) => !(name in facts));
  return {
    peer: given.name,
    usable,
    steps,
    learnt: wordsOf({ ...learnt, way }, facts),
    remembered: factLines(Object.fromEntries(old)),
    configured: fixedLines(given.fixed ?? {}),
    facts,
  };
}

const retrieves: readonly CheckStep['step'][] = ['C-GET', 'C-MOVE'];

async function checkRetrieve(
  step: CheckStep['step'],
  subject: Subject,
  sample: Sample | undefined,
  context: OperationContext,
): Promise<CheckStep> {
  const skipped = (detail: string): CheckStep => ({ step, result: 'skipped', durationMs: 0, detail });
  const tried = await subject.with(step === 'C-GET' ? 'get' : 'move', async (peer) =>
    sample
      ? attempt(step, subject.given, () => retrieveSample(peer, sample, context))
      : skipped('there is no instance to retrieve'),
  );
  return (
    tried ?? skipped(step === 'C-MOVE' ? 'dimse.listen is not set, or retrieve is get' : 'retrieve is move')
  );
}
