import type { Clock, Observe } from '../core/index.js';
import type { DiskTier } from './disk-tier.js';

export interface StoreOptions {
  readonly memoryBytes: number;
  readonly spillBytes: number;
  readonly blockBytes: number;
  readonly stallTimeoutMs: number;
}

export interface StoreDependencies {
  readonly observe: Observe;
  readonly clock: Clock;
  readonly disk: DiskTier | undefined;
}
