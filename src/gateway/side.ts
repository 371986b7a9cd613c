import type { InstanceFetcher } from './instance-fetcher.js';
import type { MetadataMemory } from './metadata-memory.js';
import type { FetcherDependencies, PeerBinding } from './ports.js';
import type { SharedFinds } from './shared-finds.js';
import type { StudyWatch } from './study-watch.js';

/** One peer's side of retrieving. */
export interface RetrieveBinding {
  readonly binding: PeerBinding;
  readonly fetcher: InstanceFetcher;
  readonly watch: StudyWatch;
  readonly metadata: MetadataMemory;
  readonly finds: SharedFinds;
  readonly deps: FetcherDependencies;
}
