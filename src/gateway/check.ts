import { toGatewayError, type OperationContext } from '../core/index.js';
import type { FixedFacts, Peer, PeerFacts } from '../dimse/index.js';
import { adviceOf } from './check-advice.js';
import { negotiationOf, type CheckNegotiation } from './check-negotiation.js';
import { findSample, retrieveSample, type Sample } from './check-sample.js';
import { tellOf, type CheckListener, type CheckTell } from './check-tell.js';
import { factLines, fixedLines } from './fact-words.js';
import { probeLists, wordsOf, type Learnt } from './learnt.js';
import { learnUpperCase } from './probe-names.js';
import { probeStudy, type StudyFindings } from './probe-study.js';
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
  /** Of this form; it grows by keys, and changes its number where one changes its meaning or goes. */
  readonly version: 1;
  readonly peer: string;
  /** Nothing that was tried shows otherwise. */
  readonly usable: boolean;
  /** Whether an instance was retrieved; without it `usable` says no more of retrieves than that they may work. */
  readonly retrieved: boolean;
  readonly steps: readonly CheckStep[];
  /** Missing where no association came about. */
  readonly negotiated?: CheckNegotiation;
  /** What the PACS must be told; missing where it is not known how the gateway is reached. */
  readonly tell?: CheckTell;
  /** What was learnt of the peer beyond that, in words. */
  readonly learnt: readonly string[];
  /** What searches for the study were to tell, and did not, in words. */
  readonly unknown: readonly string[];
  /** What was learnt before, is written down, and was not found out anew, in words. */
  readonly remembered: readonly string[];
  /** What the configuration says in place of it, in words. */
  readonly configured: readonly string[];
  /** `learnt` as the gateway believes it, until each expires. */
  readonly facts: PeerFacts;
}

/** Why one way of retrieving is not tried. */
export interface Untried {
  readonly reason: string;
  /** Whether it may work all the same; else the configuration rules it out. */
  readonly mayWork: boolean;
}

export interface CheckSubject {
  readonly name: string;
  /** Most associations at once, as configured. */
  readonly associations: number;
  /** Opens the peer as it is configured, or made to retrieve by one way alone. `known` is what was learnt of it before. */
  open(way: 'configured' | 'get' | 'move', known: PeerFacts): Peer;
  /** Ways in which it is not opened. */
  readonly untried: Readonly<Partial<Record<'get' | 'move', Untried>>>;
  /** What the PACS must be told so that C-MOVE works. */
  readonly moveHint: string;
  readonly listener?: CheckListener | undefined;
  /** Why associations to the gateway were refused so far: a C-MOVE may fail for that. */
  refusals?(): readonly string[];
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

  /** Runs `use` with the peer, and keeps what it learnt. @throws Whatever `use` throws */
  async with<T>(way: 'configured' | 'get' | 'move', use: (peer: Peer) => Promise<T>): Promise<T> {
    const peer = this.given.open(way, this.facts);
    try {
      return await use(peer);
    } finally {
      this.facts = { ...this.facts, ...peer.knowledge.facts };
      if (way === 'configured') this.way = peer.stats.retrieve;
      await peer.close(CLOSE_MS);
    }
  }
}

async function attempt(
  step: CheckStep['step'],
  subject: Pick<CheckSubject, 'moveHint'>,
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
    return done('failed', `${error.message} ${adviceOf(step, error, subject.moveHint)}`.trim());
  }
}

/** Tries C-ECHO alone, on an association of a peer that is in use. */
export function checkEcho(peer: Peer, moveHint: string, context: OperationContext): Promise<CheckStep> {
  return attempt('C-ECHO', { moveHint }, () => echo(peer, {}, context));
}

/** C-ECHO; what the peer says of itself. */
async function echo(peer: Peer, found: Found, context: OperationContext): Promise<string> {
  const report = await peer.echo(context, 'operator');
  const { implementationVersionName, maxPduLength, services, isPatientRoot } = report;
  found.negotiated = negotiationOf(report);
  const offered = Object.entries(services).flatMap(([name, yes]) => {
    if (!yes) return [];
    return name === 'commitment' ? ['storage commitment'] : [`C-${name.toUpperCase()}`];
  });
  return `${implementationVersionName ?? 'unnamed'}, PDU length ${maxPduLength}, offers ${offered.join(', ') || 'nothing more'}${isPatientRoot ? ' by the Patient Root model' : ''}`;
}

/**
 * Tries everything that the gateway needs of a peer: C-ECHO, C-FIND down to one instance, and that instance by C-GET
 * and by C-MOVE. The peer is usable when searching works and one way of retrieving does, or may as it was not tried. Beyond that it finds out how many
 * associations the peer takes at once and what it makes of a list of UIDs; with a study to try them with, also what it
 * makes of the keys of searches.
 */
export async function checkPeer(
  given: CheckSubject,
  context: OperationContext,
  onStep: (step: CheckStep) => void = () => undefined,
): Promise<CheckReport> {
  const subject = new Subject(given);
  const steps: CheckStep[] = [];
  const add = (step: CheckStep): void => {
    steps.push(step);
    onStep(step);
  };
  const learnt: Learnt = { configured: given.associations };
  const found: Found = {};
  await subject.with('configured', async (peer) => {
    add(await attempt('C-ECHO', given, () => echo(peer, found, context)));
    if (steps[0]?.result !== 'ok') return;
    learnt.associations = await peer.probeAssociations(context).catch(() => undefined);
    add(await attempt('C-FIND', given, () => search(peer, given.study, found, context)));
    const { study } = given;
    if (study)
      add(
        await attempt('study', given, async () => {
          found.study = await probeStudy(peer, study, context);
          return found.study.text;
        }),
      );
  });
  const { sample } = found;
  const searches = steps.some(({ step, result }) => step === 'C-FIND' && result === 'ok');
  if (searches) for (const step of retrieves) add(await checkRetrieve(step, subject, found, context));
  const worked = steps.some(({ step, result }) => retrieves.includes(step) && result === 'ok');
  if (worked && sample)
    learnt.list = await subject.with('configured', (peer) => probeLists(peer, sample, context));
  const unknown = await studyUnknown(subject, found);
  const { facts, way } = subject;
  // Of an empty PACS no retrieve can be tried: what can be seen of it is in order.
  const mayWork = Object.values(given.untried).some((way) => way.mayWork);
  const usable = searches && (worked || mayWork || sample === undefined);
  const old = Object.entries(given.remembered ?? {}).filter(([name]) => !(name in facts));
  return {
    version: 1,
    peer: given.name,
    ...aboutTheWay(given, found),
    usable,
    retrieved: worked,
    steps,
    learnt: wordsOf({ ...learnt, way }, facts),
    unknown,
    remembered: factLines(Object.fromEntries(old)),
    configured: fixedLines(given.fixed ?? {}),
    facts,
  };
}

/** What was negotiated, and what the PACS must be told. */
function aboutTheWay(
  { listener }: CheckSubject,
  { negotiated }: Found,
): Pick<CheckReport, 'negotiated' | 'tell'> {
  return {
    ...(negotiated && { negotiated }),
    ...(listener && { tell: tellOf(listener, negotiated?.localAddress) }),
  };
}

const retrieves: readonly CheckStep['step'][] = ['C-GET', 'C-MOVE'];

/** What one step finds for the next. */
interface Found {
  sample?: Sample;
  negotiated?: CheckNegotiation;
  study?: StudyFindings;
  /** The patient's name as an instance of the study has it. */
  storedName?: string;
}

async function search(
  peer: Peer,
  study: ProbedStudy | undefined,
  found: Found,
  context: OperationContext,
): Promise<string> {
  const sample = await findSample(peer, study?.studyInstanceUid, context);
  if (!sample) return 'the PACS holds nothing, or shows nothing to the gateway';
  found.sample = sample;
  const isOther = study !== undefined && study.studyInstanceUid !== sample.studyInstanceUid;
  return `found a study, a series and an instance${isOther ? ', not of the study that was given' : ''}`;
}

/** What the study did not tell; nothing where none was given. */
async function studyUnknown(
  subject: Subject,
  { study, sample, storedName }: Found,
): Promise<readonly string[]> {
  const { study: given } = subject.given;
  if (!given) return [];
  if (!study)
    return ['what is made of searches, but for what is named here: they could not be tried to the end'];
  if (study.shownName === undefined) return study.unknown;
  const { shownName: shown, unknown } = study;
  const stored = sample?.studyInstanceUid === given.studyInstanceUid ? storedName : undefined;
  const isTold = await subject.with('configured', (peer) =>
    Promise.resolve(learnUpperCase(peer, { shown, stored }, given.relearnMs)),
  );
  return isTold
    ? unknown
    : [
        ...unknown,
        'whether it turns names into upper case: no instance of the study tells how the name is stored',
      ];
}

async function checkRetrieve(
  step: CheckStep['step'],
  subject: Subject,
  found: Found,
  context: OperationContext,
): Promise<CheckStep> {
  const skipped = (detail: string): CheckStep => ({ step, result: 'skipped', durationMs: 0, detail });
  const { sample } = found;
  const way = step === 'C-GET' ? 'get' : 'move';
  const untried = subject.given.untried[way];
  if (untried) return skipped(untried.reason);
  if (!sample) return skipped('there is no instance to retrieve');
  const before = subject.given.refusals?.().length ?? 0;
  const tried = await subject.with(way, (peer) =>
    attempt(step, subject.given, async () => {
      const { text, name } = await retrieveSample(peer, sample, context);
      if (name !== undefined) found.storedName = name;
      return text;
    }),
  );
  const refusals = subject.given.refusals?.().slice(before) ?? [];
  if (tried.result !== 'failed' || refusals.length === 0) return tried;
  const meanwhile = `Meanwhile the gateway refused: ${[...new Set(refusals)].join('; ')}.`;
  return { ...tried, detail: `${tried.detail} ${meanwhile}` };
}
