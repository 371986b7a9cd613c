import { GatewayError, type OperationContext } from '../core/index.js';
import { negotiate, type MediaRange, type RetrieveTarget, type SearchRequest } from '../dicomweb/index.js';
import type { JsonAnswer, PartsAnswer } from './answer.js';
import { InstanceFetcher } from './instance-fetcher.js';
import type { GatewayDependencies } from './ports.js';
import { MetadataMemory } from './metadata-memory.js';
import { purge, type PurgeTarget } from './purge.js';
import { retrieveInstances } from './retrieve-instances.js';
import { retrieveMetadata } from './retrieve-metadata.js';
import { retrieveBulkData, retrieveFrames, retrievePixelData } from './retrieve-pixels.js';
import type { RetrieveBinding } from './retrieve.js';
import { search, type SearchAnswer } from './search.js';
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

export interface InstanceCall extends RetrieveCall {
  readonly target: Required<RetrieveTarget>;
}

/** The use cases, one for each DICOMweb transaction. Each throws `GatewayError`. */
export interface Gateway {
  readonly peerNames: readonly string[];
  /** QIDO-RS. */
  search(
    call: Common & { readonly request: SearchRequest },
    context: OperationContext,
  ): Promise<SearchAnswer>;
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
  /** STOW-RS: takes parts as they come; `finish` tells what became of them. */
  store(call: Common & { readonly study: string | undefined }, context: OperationContext): StoreSession;
}

/** Puts the use cases together. @throws GatewayError `not-found` from each of them for a peer that is not configured */
export function createGateway(deps: GatewayDependencies): Gateway {
  const sides = new Map<string, RetrieveBinding>();
  const metadataBytes = deps.metadataBytes / Math.max(1, deps.peers.size);
  for (const [name, binding] of deps.peers) {
    const watch = new StudyWatch(binding, deps);
    const metadata = new MetadataMemory(metadataBytes);
    const fetcher = new InstanceFetcher(binding, deps, watch);
    sides.set(name, { binding, deps, fetcher, watch, metadata });
  }
  const sideOf = (peer: string): RetrieveBinding => {
    const side = sides.get(peer);
    if (side === undefined) throw new GatewayError('not-found', 'No peer of this name is configured.');
    return side;
  };
  /** The side for a retrieve, without what the client does not want to be served from the cache. */
  const sideFor = ({ peer, target, fresh }: RetrieveCall): RetrieveBinding => {
    const side = sideOf(peer);
    if (fresh) side.watch.purge(target);
    return side;
  };
  return {
    peerNames: [...sides.keys()],
    purge: async ({ peer, target }, context) => purge(sideOf(peer), target, context),
    search: async ({ peer, request, accept, serviceUrl }, context) => {
      const { binding } = sideOf(peer);
      negotiate('search', accept);
      return search(binding, request, serviceUrl, context);
    },
    retrieveInstances: async (call, context) => retrieveInstances(sideFor(call), call, context),
    retrieveMetadata: async (call, context) => retrieveMetadata(sideFor(call), call, context),
    retrieveFrames: async (call, context) => retrieveFrames(sideFor(call), call, context),
    retrieveBulkData: async (call, context) => retrieveBulkData(sideFor(call), call, context),
    retrievePixelData: async (call, context) => retrievePixelData(sideFor(call), call, context),
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
