import type { Clock, GatewayError, Observe } from '../core/index.js';
import type { DatasetIndex, NumericStrings, ReaderLimits } from '../dicom/index.js';
import type { HotBytes, InstanceCache, SpoolStore } from '../cache/index.js';
import type { Peer } from '../dimse/index.js';
import type { PeerQueryProfile } from '../query/index.js';
import type { FramePool } from '../transcode/index.js';
import type { BackgroundLimits } from './background-pace.js';
import type { Commitments } from './commitments.js';
import type { PreloadSettings } from './preload-settings.js';
import type { StorePolicy } from './store-policy.js';
import type { Fingerprint, StudyState } from './study-state.js';

/** What the gateway knows of an instance once its last byte has come. */
export interface InstanceRecord {
  /** Where elements and frames lie; missing when the dataset could not be parsed. */
  readonly index: DatasetIndex | undefined;
  /** Why the dataset could not be parsed. Its bytes are still what the peer holds. */
  readonly problem: GatewayError | undefined;
  /** Length and CRC-32 of the bytes, as text: other bytes under the same UIDs have another one. */
  readonly digest: string;
  /** What the peer had said of the study before the first byte came; without it the instance is not kept for long. */
  readonly seenAs: StudyState | undefined;
  /** The same of the series. */
  readonly seriesAs: Fingerprint | undefined;
}

export type Instances = InstanceCache<InstanceRecord>;

/** How retrieves are run against one peer. */
export interface RetrieveSettings {
  /** Most associations with the peer, of all kinds. */
  readonly associations: number;
  /** Retrieves that run at once. */
  readonly workers: number;
  /** Most SOP Instance UIDs in one C-GET or C-MOVE. */
  readonly batchSize: number;
  /** Work that nobody waits for: its share of `workers`, and the most instances in one of its retrieves. */
  readonly background: { readonly workers: number; readonly batchSize: number } & BackgroundLimits;
  /** Most instances of one request; beyond it the answer is `payload-too-large`. */
  readonly maxInstances: number;
  /** A whole series or study is asked for beside a listing that takes so much longer than an answer has to; 0 = never. */
  readonly headStartMs: number;
  /** How long the first instance may take before the client is told to come back; the pull goes on. */
  readonly firstInstanceMs: number;
  /** What such a client is told to wait. */
  readonly retryAfterSeconds: number;
  /** How long a retrieve nobody waits for any more goes on, so that a reload does not start it anew. */
  readonly cancelDelayMs: number;
  /** What follows when somebody opens an instance. */
  readonly prefetch: 'series' | 'off';
  /** How long what the peer said of a study is believed, before it is asked again; 0 = not at all. */
  readonly revalidateMs: number;
  /** The same for who opens a study or series; not longer. */
  readonly reopenMs: number;
  /** How long a list of the instances of a study or series is believed when that is opened again. */
  readonly relistMs: number;
  /** How long what was learnt of the peer is believed. */
  readonly relearnMs: number;
  /** How long an instance that the peer refused is not asked for again. */
  readonly refusalMs: number;
  /** Number of rows at which the peer is known to cap its C-FIND answers. */
  readonly findLimit: number | undefined;
  /** C-FINDs at once for one request that walks several levels. */
  readonly joinConcurrency: number;
  /** Binary values up to this many bytes are in the metadata: viewers fetch palettes and profiles one by one otherwise. */
  readonly inlineBytes: number;
  /** Of metadata in JSON. */
  readonly numericStrings: NumericStrings;
  readonly limits: DatasetLimits;
  /** Character set of text in datasets that name none. */
  readonly fallbackCharacterSet: string | undefined;
}

/** Bounds of what is read of a dataset. */
export type DatasetLimits = Partial<ReaderLimits>;

/** How searches are answered. */
export interface SearchSettings {
  /** How long the peer's answer is given to others who ask the same; 0 = only while it comes. */
  readonly keepMs: number;
  /** Rows looked at beyond the page to say how many remain; and rows held back before the status line. */
  readonly lookAhead: number;
  /** How long after the first row of a whole answer these are held back; 0 = until they are there. */
  readonly lookAheadMs: number;
  /** Most rows that a request with a limit gets. */
  readonly maxResults: number;
  /** Most rows beside the times of a search that are passed over before the peer is asked for slices. */
  readonly maxScan: number;
  /** Most C-FINDs that a search is divided into. */
  readonly maxSlices: number;
  /** Most rows that a request without a limit gets; 0 = all there are. */
  readonly maxUnlimited: number;
  /** Whether results that are all there are sorted. */
  readonly order: 'sorted' | 'peer';
  /** Whether what the peer does not return of the results is found out from the level below. */
  readonly complete: 'page' | 'off';
  /** How long a result waits for that. */
  readonly completeMs: number;
  /** Most instances that one search lists to count them. */
  readonly completeRows: number;
  /** Of results in JSON. */
  readonly numericStrings: NumericStrings;
  /** Most patients of one search whose studies are asked for, at a peer that offers the Patient Root alone. */
  readonly maxPatients: number;
  /** Most studies of one search of which a matching key is looked up in the level below. */
  readonly maxLookups: number;
}

/** How stores are run. */
export interface StoreSettings {
  /** Most instances of one request that the peer has been given and has not stored yet. */
  readonly handedOver: number;
  /** Whether what the peer does not take as it came is decoded for it. */
  readonly transcode: 'never' | 'lossless';
  readonly maxPartBytes: number;
  /** Most bytes of a document of metadata. */
  readonly maxMetadataBytes: number;
  /** Whether what comes as metadata must have all attributes of type 1. */
  readonly requiresType1: boolean;
  readonly limits: DatasetLimits;
  readonly policy: StorePolicy;
}

/** A peer with everything that is configured or known of it. */
export interface PeerBinding {
  readonly peer: Peer;
  readonly profile: PeerQueryProfile;
  readonly retrieve: RetrieveSettings;
  readonly search: SearchSettings;
  readonly store: StoreSettings;
  readonly preload: PreloadSettings;
  /** Who gave out its patient ids, where it does not say so itself. */
  readonly issuerOfPatientId?: string | undefined;
}

/** Peers that get what is stored, and how many of them must have taken an instance for it to count as stored. */
export interface StoreAt {
  readonly members: readonly string[];
  readonly requires: 'all' | 'any';
}

/** Several peers that are addressed as one. */
export interface GroupBinding {
  /** Names of peers, in the order in which they are believed. */
  readonly members: readonly string[];
  readonly onMemberFailure: 'fail' | 'warn';
  /** The members that get what is stored. */
  readonly store: StoreAt | undefined;
}

/** How pictures are made. */
export interface RenderedSettings {
  /** Most pixels of a picture in each direction, where a client says how large it is to be. */
  readonly mostPixels: number;
  /** Pixels of a thumbnail in each direction at most, where the client does not say. */
  readonly thumbnailPixels: number;
}

/** What brings instances into the cache. */
export interface FetcherDependencies {
  readonly instances: Instances;
  readonly observe: Observe;
  readonly clock: Clock;
}

/** What the use cases stand on; `main.ts` puts it together, tests put plain objects in its place. */
export interface GatewayDependencies extends FetcherDependencies {
  readonly peers: ReadonlyMap<string, PeerBinding>;
  /** No name is a peer's too. */
  readonly groups: ReadonlyMap<string, GroupBinding>;
  readonly spools: SpoolStore;
  /** Most bytes of metadata documents that are kept, shared out among the peers and groups. */
  readonly metadataBytes: number;
  /** Frames that are asked for again and again. */
  readonly hotFrames: HotBytes;
  /** Pictures that were made. */
  readonly hotPictures: HotBytes;
  /** Decodes, encodes and renders frames. */
  readonly framePool: FramePool;
  readonly rendered: RenderedSettings;
  /** Left out where requests for storage commitment have no place to outlast the process. */
  readonly commitments?: Commitments | undefined;
}
