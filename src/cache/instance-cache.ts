import type { LRUCache } from 'lru-cache';
import type { Clock, Observe } from '../core/index.js';
import type {
  Arrival,
  CachedInstance,
  InstanceCache,
  InstanceCacheStats,
  MetaCodec,
} from './cached-instance.js';
import type { DiskTier } from './disk-tier.js';
import { Entry } from './entry.js';
import { EntryEvents, type EntryOwner } from './entry-events.js';
import { idleEntries, type Tier } from './idle-entries.js';
import { idOf, studyIdOf, type InstanceInfo, type InstanceKey } from './instance-key.js';
import { Journal, type JournalRecord } from './journal.js';
import { Reading } from './reading.js';
import { formatSavedEntry, parseSavedEntry, type SavedEntry } from './saved-entry.js';
import type { SpoolBytes } from './spool-file.js';
import type { SpoolEvents } from './spool-contract.js';
import type { SpoolBody } from './spool.js';
import type { Store } from './store.js';
import type { Evictor } from './store-contract.js';
import { WriteBehind } from './write-behind.js';

export interface InstanceCacheOptions<M> {
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly metaBytes: (meta: M) => number;
  /** Left out: nothing outlives the process. */
  readonly metaCodec?: MetaCodec<M> | undefined;
  /** How long an instance is kept at most; for ever when left out. */
  readonly maxAgeMs?: number | undefined;
  /** How long an instance that is there is in memory alone at most; as long as there is room for it when 0 or left out. */
  readonly writeAfterMs?: number | undefined;
}

type Reason = 'room' | 'age' | 'withdrawn' | 'lost';

/** The one implementation of `InstanceCache`. */
export class SpooledInstanceCache<M> implements InstanceCache<M>, Evictor {
  readonly #store: Store;
  readonly #observe: Observe;
  readonly #metaBytes: (meta: M) => number;
  readonly #metaCodec: MetaCodec<M> | undefined;
  readonly #maxAgeMs: number;
  readonly #writeAfterMs: number;
  #journal: Journal | undefined;
  #writeBehind: WriteBehind<Entry<M>> | undefined;
  /** Arriving and complete ones, bounded by `ENTRY_BYTES` each in the memory budget. */
  readonly #entries = new Map<string, Entry<M>>();
  readonly #studies = new Map<string, Set<Entry<M>>>();
  /** Complete ones that nobody reads or holds, by where their bytes are. */
  readonly #idle: Readonly<Record<Tier, LRUCache<string, Entry<M>>>>;
  readonly #owner: EntryOwner<M> = {
    changed: (entry) => {
      this.#reindex(entry);
    },
    failed: (entry, error) => {
      this.#forget(entry);
      entry.reject(error);
      entry.settled();
    },
    lost: (entry, overflowed) => {
      if (overflowed) this.#counts.overflows += 1;
      if (this.#entries.get(entry.id) === entry) this.#tellEvicted(entry, 'lost');
      this.#forget(entry);
    },
    saved: (entry, place) => {
      entry.place = place;
      const record = this.#entries.get(entry.id) === entry ? this.#recordOf(entry) : undefined;
      if (record) this.#journal?.add(record);
    },
    notCopied: (entry) => {
      if (this.#store.takesCopies) return;
      this.#writeBehind?.add(entry);
    },
    freed: (entry) => {
      this.#store.refund(entry.chargedBytes);
      entry.chargedBytes = 0;
    },
  };
  /** The instance that was finished last: others of its series have about its length. */
  #latest: { readonly peer: string; readonly series: string; readonly bytes: number } | undefined;
  #latestOrdinal = 0;
  readonly #counts = { hits: 0, misses: 0, joins: 0, evictions: 0, overflows: 0 };

  constructor(store: Store, options: InstanceCacheOptions<M>, observe: Observe) {
    this.#store = store;
    this.#observe = observe;
    this.#metaBytes = options.metaBytes;
    this.#metaCodec = options.metaCodec;
    this.#maxAgeMs = options.maxAgeMs ?? Infinity;
    this.#writeAfterMs = options.writeAfterMs ?? 0;
    this.#idle = {
      memory: idleEntries('memory', options.memoryBytes, (entry) => {
        this.#evict(entry, 'memory');
      }),
      disk: idleEntries('disk', options.diskBytes, (entry) => {
        this.#evict(entry, 'disk');
      }),
    };
    store.evictor = this;
  }

  get stats(): InstanceCacheStats {
    return { entries: this.#entries.size, ...this.#counts };
  }

  get(key: InstanceKey): CachedInstance<M> | undefined {
    const entry = this.peek(key);
    if (!entry) {
      this.#counts.misses += 1;
      this.#observe({ kind: 'cache', event: 'miss', tier: 'memory' });
      return undefined;
    }
    const tier = tierOf(entry);
    this.#idle[tier].get(entry.id);
    this.#store.copied.used(entry.spool);
    const joins = entry.spool.state === 'open';
    this.#counts[joins ? 'joins' : 'hits'] += 1;
    this.#observe({ kind: 'cache', event: joins ? 'join' : 'hit', tier });
    return entry;
  }

  peek(key: InstanceKey): Entry<M> | undefined {
    const entry = this.#entries.get(idOf(key));
    return entry && !this.#expired(entry) ? entry : undefined;
  }

  begin(key: InstanceKey, info: InstanceInfo): Arrival<M> | undefined {
    if (this.peek(key)) return undefined;
    const entry = new Entry<M>(key, info, (made) => this.#spoolOf(made));
    this.#add(entry);
    this.#store.charge(entry.chargedBytes);
    return {
      instance: entry,
      write: (chunk) => entry.spool.write(chunk),
      finish: (meta) => this.#finish(entry, meta),
      fail: (error) => {
        entry.spool.fail(error);
      },
    };
  }

  ofStudy(peer: string, studyInstanceUid: string): readonly CachedInstance<M>[] {
    return [...(this.#studies.get(studyIdOf(peer, studyInstanceUid)) ?? [])];
  }

  hasStudy(peer: string, studyInstanceUid: string): boolean {
    return this.#studies.has(studyIdOf(peer, studyInstanceUid));
  }

  get latestOrdinal(): number {
    return this.#latestOrdinal;
  }

  reading(): Reading {
    return new Reading(this.#store);
  }

  complete(peer?: string): readonly CachedInstance<M>[] {
    const wanted = ({ key, meta }: Entry<M>): boolean =>
      meta !== undefined && (peer ?? key.peer) === key.peer;
    return [...this.#entries.values()].filter(wanted);
  }

  delete(key: InstanceKey): void {
    const entry = this.#entries.get(idOf(key));
    if (entry) this.#tellEvicted(entry, 'withdrawn');
    if (entry) this.#forget(entry);
  }

  /** Finds what an earlier process left in the directory of `disk`, and writes down from now on what comes and goes. */
  async restore(disk: DiskTier, clock: Clock): Promise<void> {
    const { directory, files: layer } = disk;
    const [journal, records] = await Journal.read({ directory, files: layer, clock }, this.#observe);
    const saved = this.#metaCodec ? records.flatMap((record) => parseSavedEntry(record) ?? []) : [];
    const places = saved.map(({ place, length }) => ({ ...place, length }));
    const files = await disk.adopt(places);
    for (const [index, entry] of saved.entries()) this.#restoreOne(entry, files[index], disk);
    if (!this.#metaCodec) return;
    await journal.start(() => [...this.#entries.values()].flatMap((entry) => this.#recordOf(entry) ?? []));
    this.#journal = journal;
    this.#writeBehind = new WriteBehind(clock, this.#writeAfterMs, ({ spool }) => {
      if (!this.#store.takesCopies) return 'later';
      if (spool.spilled) return 0;
      spool.spill(true);
      return spool.length;
    });
  }

  /** Drops everything but what the next process will find. */
  async close(): Promise<void> {
    this.#writeBehind?.close();
    if (this.#journal) {
      for (const { spool } of this.#entries.values()) if (spool.state === 'complete') spool.spill();
      await this.#store.moved();
    }
    const journal = this.#journal;
    await journal?.close();
    // Nothing but what stands there: a file that does not would belong to nobody until the next start deletes it.
    for (const { id, spool } of this.#entries.values()) if (journal?.holds(id)) spool.outlive();
    this.#journal = undefined;
    await this.#store.close();
  }

  oldestIdleInMemory(): SpoolBody | undefined {
    return this.#oldest('memory')?.spool;
  }

  dropIdle(tier: Tier, suits?: (spool: SpoolBody) => boolean): boolean {
    const entry = this.#oldest(tier, suits);
    if (!entry) return false;
    this.#evict(entry, tier);
    return true;
  }

  #spoolOf(entry: Entry<M>): SpoolBody {
    const { peer, seriesInstanceUid } = entry.key;
    const isLike = this.#latest?.series === seriesInstanceUid && this.#latest.peer === peer;
    return this.#store.createWith(this.#eventsOf(entry), isLike ? this.#latest?.bytes : undefined);
  }

  #eventsOf(entry: Entry<M>): SpoolEvents {
    return new EntryEvents(entry, this.#owner);
  }

  #recordOf({ id, key, info, place, since, meta, spool }: Entry<M>): JournalRecord | undefined {
    if (!place || meta === undefined) return undefined;
    const encoded = this.#metaCodec?.encode(meta);
    if (encoded === undefined) return undefined;
    return formatSavedEntry(id, { key, info, place, length: spool.length, since, meta: encoded });
  }

  #restoreOne(saved: SavedEntry, file: SpoolBytes | undefined, disk: DiskTier): void {
    const meta = file && this.#metaCodec?.decode(saved.meta);
    if (!file || meta === undefined || this.#entries.has(idOf(saved.key))) {
      if (file) disk.remove(file);
      return;
    }
    const entry = new Entry<M>(saved.key, saved.info, (made) =>
      this.#store.adopt(file, saved.length, this.#eventsOf(made)),
    );
    entry.meta = meta;
    entry.ordinal = 0;
    entry.place = saved.place;
    entry.since = saved.since;
    entry.chargedBytes += this.#metaBytes(meta);
    entry.resolve(meta);
    entry.settled();
    this.#add(entry);
    this.#store.charge(entry.chargedBytes);
    this.#reindex(entry);
  }

  /** Drops what is too old, whether anybody asks for it or not. */
  dropExpired(): void {
    for (const entry of [...this.#entries.values()]) this.#expired(entry);
  }

  #expired(entry: Entry<M>): boolean {
    if (Date.now() - entry.since < this.#maxAgeMs) return false;
    if (entry.meta !== undefined) this.#evict(entry, tierOf(entry), 'age');
    return entry.meta !== undefined;
  }

  async #finish(entry: Entry<M>, meta: M): Promise<void> {
    // Set first: whoever is woken by the end of the bytes finds it.
    if (entry.spool.state === 'open') {
      entry.meta = meta;
      entry.ordinal = this.#latestOrdinal += 1;
    }
    await entry.spool.finish();
    const { peer, seriesInstanceUid } = entry.key;
    this.#latest = { peer, series: seriesInstanceUid, bytes: entry.spool.length };
    const bytes = this.#metaBytes(meta);
    if (entry.chargedBytes > 0) {
      entry.chargedBytes += bytes;
      this.#store.charge(bytes);
    }
    entry.resolve(meta);
    entry.settled();
    this.#writeBehind?.add(entry);
  }

  /** Nobody finds it any more. */
  #forget(entry: Entry<M>): void {
    if (this.#entries.get(entry.id) === entry) {
      this.#remove(entry);
    }
    entry.spool.discard();
  }

  #add(entry: Entry<M>): void {
    const { id, key } = entry;
    this.#entries.set(id, entry);
    const study = studyIdOf(key.peer, key.studyInstanceUid);
    const entries = this.#studies.get(study);
    if (entries) entries.add(entry);
    else this.#studies.set(study, new Set([entry]));
  }

  #remove(entry: Entry<M>): void {
    const { id, key } = entry;
    this.#entries.delete(id);
    this.#journal?.drop(id);
    this.#writeBehind?.delete(entry);
    const study = studyIdOf(key.peer, key.studyInstanceUid);
    const entries = this.#studies.get(study);
    entries?.delete(entry);
    if (entries?.size === 0) this.#studies.delete(study);
  }

  #evict(entry: Entry<M>, tier: Tier, reason: 'room' | 'age' = 'room'): void {
    this.#counts.evictions += 1;
    this.#tellEvicted(entry, reason, tier);
    this.#forget(entry);
  }

  #tellEvicted({ spool }: Entry<M>, reason: Reason, tier = tierOf({ spool })): void {
    this.#observe({ kind: 'cache', event: 'evicted', tier, reason, bytes: spool.length });
  }

  /** Puts an entry among those that may be dropped, or takes it from them. */
  #reindex(entry: Entry<M>): void {
    const tier = tierOf(entry);
    this.#leaveIdle(entry, tier === 'memory' ? 'disk' : 'memory');
    const idle =
      entry.spool.idle && entry.spool.state === 'complete' && this.#entries.get(entry.id) === entry;
    if (!idle) {
      this.#leaveIdle(entry, tier);
      return;
    }
    this.#idle[tier].set(entry.id, entry);
    if (!this.#idle[tier].has(entry.id)) this.#evict(entry, tier);
  }

  /** Another that has come since may be there under the same name. */
  #leaveIdle(entry: Entry<M>, tier: Tier): void {
    if (this.#idle[tier].peek(entry.id) === entry) this.#idle[tier].delete(entry.id);
  }

  #oldest(tier: Tier, suits: (spool: SpoolBody) => boolean = () => true): Entry<M> | undefined {
    for (const entry of this.#idle[tier].rvalues()) if (entry && suits(entry.spool)) return entry;
    return undefined;
  }
}

const tierOf = (entry: { readonly spool: SpoolBody }): Tier => (entry.spool.spilled ? 'disk' : 'memory');
