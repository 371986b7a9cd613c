import { GatewayError, type OperationContext, type Priority } from '../core/index.js';
import type { Peer } from '../dimse/index.js';
import { negotiate, type MediaRange, type RetrieveTarget, type SearchRequest } from '../dicomweb/index.js';
import type { JsonAnswer, PartsAnswer } from './answer.js';
import { InstanceFetcher } from './instance-fetcher.js';
import type { GatewayDependencies, PeerBinding } from './ports.js';
import { MetadataMemory } from './metadata-memory.js';
import { Prefetcher } from './prefetcher.js';
import type { PreloadJob } from './preload-job.js';
import { PreloadJobs } from './preload-jobs.js';
import { purge, type PurgeTarget } from './purge.js';
import { retrieveInstances } from './retrieve-instances.js';
import { retrieveMetadata } from './retrieve-metadata.js';
import { retrieveBulkData, retrieveFrames, retrievePixelData } from './retrieve-pixels.js';
import { SharedFinds } from './shared-finds.js';
import type { RetrieveBinding } from './side.js';
import { search, type SearchAnswer } from './search.js';
import { SharedWork } from './shared-work.js';
import { StoreSession } from './store.js';
import { StudyWatch } from './study-watch.js';

/** What every request carries: which peer it is for, what the client takes, and the base of the URLs in the answer. */
export interface Common {
  readonly peer: string;
  readonly accept: readonly MediaRange[];
  readonly serviceUrl: string;
}

export interface RetrieveCall extends Common {
  readonly target: RetrieveTarget;
  /** What is cached of it is not good enough: the client said `no-cache`. */
  readonly fresh?: boolean;
}

export interface SearchCall extends Common {
  readonly request: SearchRequest;
  /** An answer that others got is not good enough: the client said `no-cache`. */
  readonly fresh?: boolean;
}

export interface InstanceCall extends RetrieveCall {
  readonly target: Required<RetrieveTarget>;
}

export interface PreloadCall {
  readonly peer: string;
  readonly target: RetrieveTarget;
}

/** One peer's side of everything. */
interface Side extends RetrieveBinding {
  /** C-FINDs of searches. */
  readonly searches: SharedFinds;
  readonly prefetcher: Prefetcher;
  readonly preloads: PreloadJobs;
}

/** For metrics. */
export interface GatewayStats {
  /** Instances that were asked for and not yet of the peer. */
  readonly wanted: Readonly<Record<Priority, number>>;
  /** Of metadata documents that are kept. */
  readonly metadataBytes: number;
}

/** The use cases, one for each DICOMweb transaction. Each throws `GatewayError`. */
export interface Gateway {
  readonly peerNames: readonly string[];
  /** What goes on at one peer's side, in numbers. */
  stats(peer: string): GatewayStats;
  /** QIDO-RS. */
  search(call: SearchCall, context: OperationContext): Promise<SearchAnswer>;
  /** WADO-RS: instances as Part 10 files. */
  retrieveInstances(call: RetrieveCall, context: OperationContext): Promise<PartsAnswer>;
  /** WADO-RS: attributes as DICOM JSON. */
  retrieveMetadata(call: RetrieveCall, context: OperationContext): Promise<JsonAnswer>;
  /** WADO-RS: frames, 1-based and ascending. */
  retrieveFrames(
    call: InstanceCall & { readonly frames: readonly number[] },
    context: OperationContext,
  ): Promise<PartsAnswer>;
  /** WADO-RS: the value behind a BulkDataURI. */
  retrieveBulkData(
    call: InstanceCall & { readonly path: string },
    context: OperationContext,
  ): Promise<PartsAnswer>;
  /** WADO-RS: all pixel data of an instance. */
  retrievePixelData(call: InstanceCall, context: OperationContext): Promise<PartsAnswer>;
  /** Drops instances from the cache; says how many. */
  purge(
    call: { readonly peer: string; readonly target: PurgeTarget },
    context: OperationContext,
  ): Promise<number>;
  /** Begins to bring a study or a series into the cache; joins a preload of it that is not over. */
  preload(call: PreloadCall, context: OperationContext): PreloadJob;
  /** The latest preload of a study or a series. */
  preloadOf(call: PreloadCall): PreloadJob;
  /** STOW-RS: takes parts as they come; `finish` tells what became of them. */
  store(call: Common & { readonly study: string | undefined }, context: OperationContext): StoreSession;
  /** Gives up what nobody reads: prefetches and preloads. */
  close(): void;
}

function statsOf({ fetcher, metadata }: RetrieveBinding): GatewayStats {
  const wanted = {
    interactive: fetcher.queued('interactive'),
    prefetch: fetcher.queued('prefetch'),
    bulk: fetcher.queued('bulk'),
  };
  return { wanted, metadataBytes: metadata.used };
}

/** Puts the use cases together. @throws GatewayError `not-found` from each of them for a peer that is not configured */
export function createGateway(deps: GatewayDependencies): Gateway {
  const sides = new Map<string, Side>();
  for (const [name, binding] of deps.peers) sides.set(name, createSide(binding, deps));
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
  /** Runs a retrieve; whoever gets an instance may want those beside it. */
  const retrieve = async <C extends RetrieveCall, A>(
    run: (side: RetrieveBinding, call: C, context: OperationContext) => Promise<A>,
    call: C,
    context: OperationContext,
  ): Promise<A> => {
    const side = sideFor(call);
    const answer = await run(side, call, context);
    side.prefetcher.opened(call.target, context.requestId);
    return answer;
  };
  return {
    peerNames: [...sides.keys()],
    stats: (peer) => statsOf(sideOf(peer)),
    purge: async ({ peer, target }, context) => purge(sideOf(peer), target, context),
    search: async (call, context) => searchPeer(sideOf(call.peer), call, context),
    retrieveInstances: (call, context) => retrieve(retrieveInstances, call, context),
    retrieveMetadata: (call, context) => retrieve(retrieveMetadata, call, context),
    retrieveFrames: (call, context) => retrieve(retrieveFrames, call, context),
    retrieveBulkData: async (call, context) => retrieveBulkData(sideFor(call), call, context),
    retrievePixelData: (call, context) => retrieve(retrievePixelData, call, context),
    preload: ({ peer, target }, { requestId }) => sideOf(peer).preloads.start(target, requestId),
    preloadOf: ({ peer, target }) => preloadOf(sideOf(peer), target),
    close: () => {
      for (const side of sides.values()) closeSide(side);
    },
    store: ({ peer, study, accept, serviceUrl }, context) => {
      const { binding, watch } = sideOf(peer);
      negotiate('store-response', accept);
      return new StoreSession({
        binding,
        instances: deps.instances,
        watch,
        spools: deps.spools,
        observe: deps.observe,
        study,
        serviceUrl,
        context,
      });
    },
  };
}

function createSide(binding: PeerBinding, deps: GatewayDependencies): Side {
  const finds = new SharedFinds(binding.peer, { keepMs: 0 }, deps.clock);
  const searches = new SharedFinds(binding.peer, { keepMs: binding.search.keepMs }, deps.clock);
  const watch = new StudyWatch(binding, deps, () => {
    finds.clear();
    searches.clear();
  });
  const metadata = new MetadataMemory(deps.metadataBytes / Math.max(1, deps.peers.size));
  const fetcher = new InstanceFetcher(binding, deps, watch);
  const relisting = new SharedWork<void>();
  const { hotFrames } = deps;
  const side = { binding, deps, fetcher, watch, metadata, hotFrames, finds, relisting };
  const cacheBytes = (): number => {
    const { memoryLimit, diskLimit } = deps.spools.stats;
    return Math.max(memoryLimit, diskLimit);
  };
  const prefetcher = new Prefetcher(side, { mode: binding.retrieve.prefetch, cacheBytes });
  return { ...side, searches, prefetcher, preloads: new PreloadJobs(side, binding.preload) };
}

function closeSide({ prefetcher, preloads }: Side): void {
  prefetcher.close();
  preloads.close();
}

function preloadOf({ preloads }: Side, target: RetrieveTarget): PreloadJob {
  const job = preloads.get(target);
  if (job) return job;
  throw new GatewayError('not-found', 'Nothing of this was preloaded lately.');
}

function searchPeer(
  { binding, searches, finds, deps }: Side,
  call: SearchCall,
  context: OperationContext,
): Promise<SearchAnswer> {
  const { request, accept, serviceUrl, fresh } = call;
  negotiate('search', accept);
  // Only a page is read at once: a client that takes all rows at its own pace would hold up the others.
  const isAlone = fresh === true || request.limit === undefined;
  const find: Peer['find'] = (level, identifier, of) =>
    (isAlone ? binding.peer : searches).find(level, identifier, of);
  const findAtOnce: Peer['find'] = (level, identifier, of) =>
    (fresh === true ? binding.peer : finds).find(level, identifier, of);
  return search({ binding, find, findAtOnce, clock: deps.clock }, request, serviceUrl, context);
}
