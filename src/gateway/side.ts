import type { FetcherDependencies, InstanceFetcher } from './instance-fetcher.js';
import type { MetadataMemory } from './metadata-memory.js';
import type { PeerBinding } from './ports.js';
import type { SharedFinds } from './shared-finds.js';
import type { SharedWork } from './shared-work.js';
import type { StudyWatch } from './study-watch.js';

/** One peer's side of retrieving. */
export interface RetrieveBinding {
  readonly binding: PeerBinding;
  readonly fetcher: InstanceFetcher;
  readonly watch: StudyWatch;
  readonly metadata: MetadataMemory;
  readonly finds: SharedFinds;
  /** Listings that are made anew, by target. */
  readonly relisting: SharedWork<void>;
  readonly deps: FetcherDependencies;
}
