import type { BlockList } from './block-list.js';
import type { BlockPool } from './block-pool.js';
import type { Lender } from './file-fetch.js';
import type { Spill } from './spill.js';
import type { SpoolReader } from './spool-reader.js';

/** What a spool `S` needs of the store that it shares with others. */
export interface SpoolRoom<S> extends Lender {
  readonly blockBytes: number;
  readonly pool: BlockPool;
  readonly spillBytes: number;
  /** A spool that holds this much can no longer hope to be kept whole when the budget is exhausted. */
  readonly largeBytes: number;
  /** Bytes to read from disk at once: less when memory is short. */
  readonly readBytes: number;
  readonly exhausted: boolean;
  /** Whether writing to disk will make room, so that nothing has to be given up. */
  readonly relievable: boolean;
  /** Counts bytes of memory; those of a spool can be moved to disk. */
  charge(bytes: number, spool?: S): void;
  refund(bytes: number): void;
  /** Begins to move them to disk, or to copy them there. */
  startSpill(spool: S, blocks: BlockList, keeps: boolean): Spill | undefined;
  /** Resolves when `spool.mustWait()` no longer holds. */
  waitForRoom(spool: S): Promise<void>;
  readerCame(reader: SpoolReader, spool: S): void;
  readerLeft(reader: SpoolReader): void;
  overflowed(spool: S): void;
  freed(spool: S): void;
  /** Something happened that a waiting writer may have waited for. */
  settle(): void;
  now(): number;
}
