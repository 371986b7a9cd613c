import { GatewayError, type OperationContext } from '../core/index.js';
import type { Peer } from '../dimse/index.js';
import { negotiate, type RetrieveTarget } from '../dicomweb/index.js';
import type { DocumentAnswer, PartsAnswer } from './answer.js';
import { AbsentStudies } from './absent-studies.js';
import { commitmentOf, requestCommitment } from './commitment.js';
import type { CommitmentMembers } from './commitment-members.js';
import type { Member } from './group.js';
import { metadataShare, withGroups } from './group-gateway.js';
import { InstanceFetcher } from './instance-fetcher.js';
import type { GatewayDependencies, PeerBinding } from './ports.js';
import { MetadataMemory } from './metadata-memory.js';
import { Prefetcher } from './prefetcher.js';
import type { PreloadJob } from './preload-job.js';
import { openStore } from './open-store.js';
import { PreloadJobs } from './preload-jobs.js';
import { purge } from './purge.js';
import { restricted } from './restricted-gateway.js';
import { retrieveInstances } from './retrieve-instances.js';
import { retrieveMetadata } from './retrieve-metadata.js';
import { renderFrame } from './render-frame.js';
import { Pictures } from './pictures.js';
import { retrieveRendered } from './retrieve-rendered.js';
import { retrieveThumbnail } from './retrieve-thumbnail.js';
import { retrieveBulkData, retrieveFrames } from './retrieve-pixels.js';
import { retrieveValues } from './retrieve-values.js';
import { SharedFinds } from './shared-finds.js';
import type { RetrieveBinding } from './side.js';
import { search, type SearchAnswer } from './search.js';
import { SharedWork } from './shared-work.js';
import { StudyGuard } from './study-guard.js';
import { StudyWatch } from './study-watch.js';
import type { CommitmentCall, Gateway, GatewayStats, Pulls, RetrieveCall, SearchCall } from './use-cases.js';

/** One peer's side of everything. */
interface Side extends Member {
  readonly prefetcher: Prefetcher;
  readonly preloads: PreloadJobs;
}

function statsOf({ fetcher, metadata }: RetrieveBinding): GatewayStats {
  const wanted = {
    interactive: fetcher.queued('interactive'),
    prefetch: fetcher.queued('prefetch'),
    bulk: fetcher.queued('bulk'),
  };
  return { wanted, metadataBytes: metadata.used };
}

/** Ended preloads that are told beside those that run. */
const MOST_ENDED_TOLD = 20;

const pullsOf = ({ fetcher, preloads }: Side): Pulls => ({
  studies: fetcher.pulls.list(),
  preloads: preloads.list(MOST_ENDED_TOLD),
});

/** Puts the use cases together. @throws GatewayError `not-found` from each of them for a name that is not configured */
export function createGateway(deps: GatewayDependencies): Gateway {
  const sides = new Map<string, Side>();
  const pictures = new Pictures(deps.framePool, deps.hotPictures, renderFrame);
  for (const [name, binding] of deps.peers) sides.set(name, createSide(binding, deps, pictures));
  const guardsOf = (name: string): readonly StudyGuard[] =>
    (deps.groups.get(name)?.members ?? [name]).flatMap((member) => sides.get(member)?.guard ?? []);
  return restricted(withGroups(ofPeers(sides, deps), deps, sides), guardsOf);
}

function ofPeers(sides: ReadonlyMap<string, Side>, deps: GatewayDependencies): Gateway {
  const sideOf = (peer: string): Side => {
    const side = sides.get(peer);
    if (side === undefined) throw new GatewayError('not-found', 'No peer of this name is configured.');
    return side;
  };
  /** The side for a retrieve, without what the client does not want to be served from the cache. */
  const sideFor = ({ peer, target, fresh }: RetrieveCall): Side => {
    const side = sideOf(peer);
    if (fresh) side.watch.purge(target);
    return side;
  };
  const committersOf = ({ peer, at }: CommitmentCall): CommitmentMembers => ({
    peers: (at?.members ?? [peer]).map((name) => sideOf(name).binding.peer),
    requires: at?.requires ?? 'all',
  });
  /** Runs a retrieve; whoever gets an instance may want those beside it. */
  const retrieve = async <C extends RetrieveCall, A extends PartsAnswer | DocumentAnswer>(
    run: (side: RetrieveBinding, call: C, context: OperationContext) => Promise<A>,
    call: C,
    context: OperationContext,
  ): Promise<A> => {
    const side = sideFor(call);
    const answer = await run(side, call, context);
    side.prefetcher.opened(call.target, context.requestId);
    return withPatients(answer, side.watch, call.target);
  };
  return {
    peerNames: [...sides.keys()],
    groupNames: [],
    stats: (peer) => statsOf(sideOf(peer)),
    patientsOf: (peer, study) => sides.get(peer)?.watch.patientsOf(study) ?? [],
    pulls: (peer) => pullsOf(sideOf(peer)),
    purge: async ({ peer, target }, context) => purge(sideOf(peer), target, context),
    search: async (call, context) => searchPeer(sideOf(call.peer), call, context),
    retrieveInstances: (call, context) => retrieve(retrieveInstances, call, context),
    retrieveMetadata: (call, context) => retrieve(retrieveMetadata, call, context),
    retrieveFrames: (call, context) => retrieve(retrieveFrames, call, context),
    retrieveBulkData: async (call, context) => retrieveBulkData(sideFor(call), call, context),
    retrieveValues: (call, context) => retrieve(retrieveValues, call, context),
    retrieveRendered: (call, context) => retrieve(retrieveRendered, call, context),
    // Who looks at thumbnails has not opened anything yet.
    retrieveThumbnail: async (call, context) => retrieveThumbnail(sideFor(call), call, context),
    preload: async ({ peer, target }, context) => sideOf(peer).preloads.start(target, context),
    preloadOf: ({ peer, target }) => soon(() => preloadOf(sideOf(peer), target)),
    requestCommitment: async (call, context) =>
      requestCommitment(deps.commitments, committersOf(call), call, context),
    commitmentOf: async (call) => commitmentOf(deps.commitments, committersOf(call), call),
    close: () => {
      for (const side of sides.values()) closeSide(side);
    },
    isReadOnly: (peer) => sides.get(peer)?.binding.store.policy.enabled === false,
    store: (call, context) => openStore((call.at?.members ?? [call.peer]).map(sideOf), call, deps, context),
  };
}

function createSide(binding: PeerBinding, deps: GatewayDependencies, pictures: Pictures): Side {
  const finds = new SharedFinds(binding.peer, { keepMs: 0 }, deps.clock);
  const searches = new SharedFinds(binding.peer, { keepMs: binding.search.keepMs }, deps.clock);
  const absent = new AbsentStudies(deps.clock, binding.retrieve.revalidateMs);
  const guard = new StudyGuard(binding, finds, deps.clock);
  const watch = new StudyWatch(binding, deps, () => {
    finds.clear();
    searches.clear();
    absent.clear();
    guard.clear();
  });
  const metadata = new MetadataMemory(metadataShare(deps));
  const fetcher = new InstanceFetcher(binding, deps, watch);
  const relisting = new SharedWork<void>();
  const { hotFrames, framePool, rendered } = deps;
  const made = { hotFrames, framePool, pictures, rendered };
  const side = { binding, deps, fetcher, watch, metadata, finds, relisting, ...made };
  const cacheBytes = (): number => {
    const { memoryLimit, diskLimit } = deps.spools.stats;
    return Math.max(memoryLimit, diskLimit);
  };
  const prefetcher = new Prefetcher(side, { mode: binding.retrieve.prefetch, cacheBytes });
  return { ...side, searches, absent, guard, prefetcher, preloads: new PreloadJobs(side, binding.preload) };
}

function closeSide({ prefetcher, preloads }: Side): void {
  prefetcher.close();
  preloads.close();
}

/** What it throws rejects. */
const soon = <T>(run: () => T): Promise<T> => Promise.resolve().then(run);

function preloadOf({ preloads }: Side, target: RetrieveTarget): PreloadJob {
  const job = preloads.get(target);
  if (job) return job;
  throw new GatewayError('not-found', 'Nothing of this was preloaded lately.');
}

function searchPeer(
  { binding, searches, finds, framePool, guard, deps, watch }: Side,
  call: SearchCall,
  context: OperationContext,
): Promise<SearchAnswer> {
  const { request, accept, serviceUrl, fresh } = call;
  const representations = negotiate('search', accept);
  // Only a page is read at once: a client that takes all rows at its own pace would hold up the others.
  const isAlone = fresh === true || request.limit === undefined;
  const find: Peer['find'] = (level, identifier, of) =>
    (isAlone ? binding.peer : searches).find(level, identifier, of);
  const findAtOnce: Peer['find'] = (level, identifier, of) =>
    (fresh === true ? binding.peer : finds).find(level, identifier, of);
  const source = { binding, find, findAtOnce, guard, frames: framePool, watch, clock: deps.clock };
  return search(source, request, { serviceUrl, representations }, context);
}

/** The answer, with a Warning where a study or series is one that the peer holds under several patients. */
function withPatients<A extends PartsAnswer | DocumentAnswer>(
  answer: A,
  watch: StudyWatch,
  { studyInstanceUid, sopInstanceUid }: RetrieveTarget,
): A {
  const patients = watch.patientsOf(studyInstanceUid).length;
  if (sopInstanceUid !== undefined || patients < 2) return answer;
  const warning = `The PACS holds study ${studyInstanceUid} under ${patients} patients; this is of all of them.`;
  return { ...answer, warnings: [...(answer.warnings ?? []), warning] };
}
