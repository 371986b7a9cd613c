import type { OperationContext, PatientIdentity, Priority } from '../core/index.js';
import type { MediaRange, RetrieveTarget, SearchRequest } from '../dicomweb/index.js';
import type { DocumentAnswer, PartsAnswer } from './answer.js';
import type { CommitmentAnswer, CommitmentDocument } from './commitment-answer.js';
import type { StoreAt } from './ports.js';
import type { PreloadJob, PreloadStatus } from './preload-job.js';
import type { PurgeTarget } from './purge.js';
import type { RenderedCallOf } from './rendered-parts.js';
import type { ValueKind } from './retrieve-values.js';
import type { SearchAnswer } from './search.js';
import type { StoreSession } from './store.js';
import type { StudyPull } from './study-pulls.js';

/** What every request carries: which peer or group it is for, what the client takes, and the base of the URLs in the answer. */
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

export interface ValuesCall extends RetrieveCall {
  readonly values: ValueKind;
}

export type RenderedCall = RetrieveCall & RenderedCallOf;

export interface StoreCall extends Common {
  /** Of the URL. */
  readonly study: string | undefined;
  /** Of a group: which members get it. */
  readonly at?: StoreAt;
}

export interface PreloadCall {
  readonly peer: string;
  readonly target: RetrieveTarget;
}

/** A request for storage commitment, by the Transaction UID that its client gave it. */
export interface CommitmentCall extends Common {
  readonly transactionUid: string;
  /** The members of a group that are asked in the place of `peer`. */
  readonly at?: StoreAt;
}

/** For metrics. */
export interface GatewayStats {
  /** Instances that were asked for and not yet of the peer. */
  readonly wanted: Readonly<Record<Priority, number>>;
  /** Of metadata documents that are kept. */
  readonly metadataBytes: number;
}

/** What one peer is asked to deliver now. */
export interface Pulls {
  readonly studies: readonly StudyPull[];
  /** Also those that ended lately. */
  readonly preloads: readonly PreloadStatus[];
}

/** The use cases, one for each DICOMweb transaction. Each throws `GatewayError`. */
export interface Gateway {
  readonly peerNames: readonly string[];
  /** Of groups, which are addressed as peers are. */
  readonly groupNames: readonly string[];
  /** What goes on at one peer's side, in numbers. */
  stats(peer: string): GatewayStats;
  /** Whose a study is, as far as the peer, or each member of the group, has said so lately; without asking. */
  patientsOf(peer: string, studyInstanceUid: string): readonly PatientIdentity[];
  /** What is on its way from one peer. */
  pulls(peer: string): Pulls;
  /** QIDO-RS. */
  search(call: SearchCall, context: OperationContext): Promise<SearchAnswer>;
  /** WADO-RS: instances as Part 10 files. */
  retrieveInstances(call: RetrieveCall, context: OperationContext): Promise<PartsAnswer>;
  /** WADO-RS: attributes as DICOM JSON or as Native DICOM Model. */
  retrieveMetadata(call: RetrieveCall, context: OperationContext): Promise<DocumentAnswer>;
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
  /** WADO-RS: the pixel data, or all bulk data, of a study, a series or an instance. */
  retrieveValues(call: ValuesCall, context: OperationContext): Promise<PartsAnswer>;
  /** WADO-RS and WADO-URI: pictures of a study, a series, an instance or some of its frames. */
  retrieveRendered(call: RenderedCall, context: OperationContext): Promise<PartsAnswer>;
  /** WADO-RS: one small picture that stands for a study, a series, an instance or some of its frames. */
  retrieveThumbnail(call: Omit<RenderedCall, 'single'>, context: OperationContext): Promise<PartsAnswer>;
  /** Drops instances from the cache; says how many. */
  purge(
    call: { readonly peer: string; readonly target: PurgeTarget },
    context: OperationContext,
  ): Promise<number>;
  /** Begins to bring a study or a series into the cache; joins a preload of it that is not over. */
  preload(call: PreloadCall, context: OperationContext): Promise<PreloadJob>;
  /** The latest preload of a study or a series. */
  preloadOf(call: PreloadCall, context: OperationContext): Promise<PreloadJob>;
  /** Whether nothing is stored at the peer or group. */
  isReadOnly(peer: string): boolean;
  /** STOW-RS: takes parts as they come; `finish` tells what became of them. */
  store(call: StoreCall, context: OperationContext): StoreSession;
  /** Storage commitment: asks the peer to keep what the document names. */
  requestCommitment(
    call: CommitmentCall & { readonly document: CommitmentDocument },
    context: OperationContext,
  ): Promise<CommitmentAnswer>;
  /** What became of a request for storage commitment. */
  commitmentOf(call: CommitmentCall, context: OperationContext): Promise<CommitmentAnswer>;
  /** Gives up what nobody reads: prefetches and preloads. */
  close(): void;
}
