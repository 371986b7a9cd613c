import { GatewayError, type OperationContext } from '../core/index.js';
import { negotiate, type MediaRange, type RetrieveTarget, type SearchRequest } from '../dicomweb/index.js';
import type { JsonAnswer, PartsAnswer } from './answer.js';
import { InstanceFetcher } from './instance-fetcher.js';
import type { GatewayDependencies } from './ports.js';
import { retrieveInstances } from './retrieve-instances.js';
import { retrieveMetadata } from './retrieve-metadata.js';
import { retrieveBulkData, retrieveFrames, retrievePixelData } from './retrieve-pixels.js';
import type { RetrieveBinding } from './retrieve.js';
import { search, type SearchAnswer } from './search.js';
import { StoreSession } from './store.js';

/** What every request carries: which peer it is for, what the client takes, and the base of the URLs in the answer. */
export interface Common {
  readonly peer: string;
  readonly accept: readonly MediaRange[];
  readonly serviceUrl: string;
}

export interface RetrieveCall extends Common {
  readonly target: RetrieveTarget;
}

export interface InstanceCall extends Common {
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
  /** STOW-RS: takes parts as they come; `finish` tells what became of them. */
  store(call: Common & { readonly study: string | undefined }, context: OperationContext): StoreSession;
}

/** Puts the use cases together. @throws GatewayError `not-found` from each of them for a peer that is not configured */
export function createGateway(deps: GatewayDependencies): Gateway {
  const sides = new Map<string, RetrieveBinding>();
  for (const [name, binding] of deps.peers) {
    sides.set(name, { binding, deps, fetcher: new InstanceFetcher(binding, deps) });
  }
  const sideOf = (peer: string): RetrieveBinding => {
    const side = sides.get(peer);
    if (side === undefined) throw new GatewayError('not-found', 'No peer of this name is configured.');
    return side;
  };
  return {
    peerNames: [...sides.keys()],
    search: async ({ peer, request, accept, serviceUrl }, context) => {
      const { binding } = sideOf(peer);
      negotiate('search', accept);
      return search(binding, request, serviceUrl, context);
    },
    retrieveInstances: async (call, context) => retrieveInstances(sideOf(call.peer), call, context),
    retrieveMetadata: async (call, context) => retrieveMetadata(sideOf(call.peer), call, context),
    retrieveFrames: async (call, context) => retrieveFrames(sideOf(call.peer), call, context),
    retrieveBulkData: async (call, context) => retrieveBulkData(sideOf(call.peer), call, context),
    retrievePixelData: async (call, context) => retrievePixelData(sideOf(call.peer), call, context),
    store: ({ peer, study, accept, serviceUrl }, context) => {
      const { binding } = sideOf(peer);
      negotiate('store-response', accept);
      return new StoreSession({
        binding,
        instances: deps.instances,
        spools: deps.spools,
        observe: deps.observe,
        study,
        serviceUrl,
        context,
      });
    },
  };
}
