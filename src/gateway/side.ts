import type { HotBytes } from '../cache/index.js';
import type { InstanceFetcher } from './instance-fetcher.js';
import type { MetadataMemory } from './metadata-memory.js';
import type { FetcherDependencies } from './ports.js';
import type { ListingBinding } from './relist.js';
import type { FramePool } from '../transcode/index.js';
import type { Pictures } from './pictures.js';
import type { RenderedSettings } from './ports.js';

/** One peer's side of retrieving. */
export interface RetrieveBinding extends ListingBinding {
  readonly fetcher: InstanceFetcher;
  readonly metadata: MetadataMemory;
  readonly hotFrames: HotBytes;
  readonly framePool: FramePool;
  readonly pictures: Pictures;
  readonly rendered: RenderedSettings;
  readonly deps: FetcherDependencies;
}
