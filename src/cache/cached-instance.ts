import type { ByteSource, GatewayError } from '../core/index.js';
import type { InstanceInfo, InstanceKey } from './instance-key.js';
import type { Lease, LeaseOptions } from './lease.js';
import type { Reading } from './reading.js';

/** An instance that is arriving or there; `M` is what its owner learnt while the bytes passed. */
export interface CachedInstance<M> {
  readonly key: InstanceKey;
  readonly info: InstanceInfo;
  /** The dataset as the peer sent it. */
  readonly source: ByteSource;
  /** Resolves when every byte is there; rejects with the arrival's `GatewayError`. */
  readonly complete: Promise<M>;
  /** Undefined until it is complete. */
  readonly meta: M | undefined;
  /** Its place in the order in which instances became complete in this process; 0 for what an earlier one left. */
  readonly ordinal: number | undefined;
  /** Whether anybody reads it, or holds it to read. */
  readonly isHeld: boolean;
  /** Keeps the bytes there until the returned function is called. */
  hold(): () => void;
  /**
   * What `waited` resolves to, for who waits for bytes without reading any: nothing would make room for them when they are
   * more than there is room for. Rejects as soon as that is known, with a `GatewayError` `payload-too-large`.
   */
  unlessTooLong<T>(waited: Promise<T>): Promise<T>;
  /**
   * As `hold`, for readers that may stall: when the bytes are taken away from one that reads through `source` of the
   * lease, `onStalled` is called, also while its consumer waits for something else.
   */
  lease(options?: LeaseOptions): Lease;
}

/** The writing end of an instance that arrives. */
export interface Arrival<M> {
  readonly instance: CachedInstance<M>;
  /** Adds a copy of `chunk`; a promise is back-pressure. Rejects with the `GatewayError` that ended the arrival. */
  write(chunk: Buffer): void | Promise<void>;
  /** The instance is whole. Rejects with the `GatewayError` that ended the arrival before. */
  finish(meta: M): Promise<void>;
  fail(error: GatewayError): void;
}

/** What is cached now, in numbers, and what happened since the start. */
export interface InstanceCacheStats {
  /** Instances that `get` finds, arriving ones included. */
  readonly entries: number;
  readonly hits: number;
  readonly misses: number;
  /** Hits on an instance that was still arriving. */
  readonly joins: number;
  readonly evictions: number;
  /** Instances too large to be kept, that flowed to their readers. */
  readonly overflows: number;
}

/** Instances by peer and UIDs, each with one arrival at a time and any number of readers. */
export interface InstanceCache<M> {
  get(key: InstanceKey): CachedInstance<M> | undefined;
  /** As `get`, for who does not read it: it counts as no use of the cache. */
  peek(key: InstanceKey): CachedInstance<M> | undefined;
  /** Begins an arrival; undefined when the instance is there or arriving. @throws GatewayError `shutting-down` */
  begin(key: InstanceKey, info: InstanceInfo): Arrival<M> | undefined;
  /** The instances of a study that `get` finds, arriving ones included. */
  ofStudy(peer: string, studyInstanceUid: string): readonly CachedInstance<M>[];
  hasStudy(peer: string, studyInstanceUid: string): boolean;
  /** The highest `ordinal` so far. */
  readonly latestOrdinal: number;
  /** What one request reads, to be given to the leases of its instances in the order in which it reads them. */
  reading(): Reading;
  /** Those that `get` finds, of all peers or one, complete ones alone. */
  complete(peer?: string): readonly CachedInstance<M>[];
  /** Forgets the instance; who reads it already reads on. */
  delete(key: InstanceKey): void;
  readonly stats: InstanceCacheStats;
  close(): Promise<void>;
}

/** How a meta is written down for the next process, as JSON. */
export interface MetaCodec<M> {
  /** Undefined: the instance is not written down. */
  encode(meta: M): unknown;
  /** Undefined for what `encode` has not made: the instance is not believed. */
  decode(value: unknown): M | undefined;
}
