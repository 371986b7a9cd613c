import type { BytesByState } from './spool-bytes.js';
import type { Spool } from './spool-contract.js';
import type { SpoolBody } from './spool.js';

/** What is in the store now, in bytes and numbers. */
export interface SpoolStoreStats {
  readonly memoryBytes: number;
  readonly memoryLimit: number;
  /** 0 where there is no disk tier. */
  readonly diskBytes: number;
  readonly diskLimit: number;
  /** Whether the disk tier has failed lately and is left alone for a while. */
  readonly diskFailing: boolean;
  /** Counted when it is asked: there may be very many. */
  readonly bytes: () => BytesByState;
  /** Spools whose writers have not finished. */
  readonly openSpools: number;
  /** Spools whose bytes are there, complete ones included. */
  readonly spools: number;
  readonly readers: number;
  /** Writers that wait for room. */
  readonly waitingWriters: number;
}

/** Makes spools that share one budget of memory and one cache directory. */
export interface SpoolStore {
  /**
   * A new spool; `onShort` hears when its writer waits and nothing but a reader will make room.
   * @throws GatewayError `shutting-down` after `close`
   */
  create(onShort?: () => void): Spool;
  readonly stats: SpoolStoreStats;
  close(): Promise<void>;
}

/** Who knows which complete bytes nobody reads, least recently used first. */
export interface Evictor {
  oldestIdleInMemory(): SpoolBody | undefined;
  /** Drops the least recently used one, of those that `suits`; false when there is none. */
  dropIdle(tier: 'memory' | 'disk', suits?: (spool: SpoolBody) => boolean): boolean;
}
