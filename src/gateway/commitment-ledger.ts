import { GatewayError } from '../core/index.js';
import {
  commitmentName,
  formatCommitment,
  parseCommitmentBody,
  parseCommitmentHead,
  type CommitmentBody,
  type CommitmentHead,
} from './commitment-record.js';

/** Where requests for storage commitment are kept from one process to the next. Each function throws what goes wrong. */
export interface CommitmentFiles {
  names(): Promise<readonly string[]>;
  /** The first line. */
  head(name: string): Promise<string>;
  read(name: string): Promise<string>;
  /** As a whole, or not at all; on the disk when it resolves. */
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
}

export interface LedgerSettings {
  /** Most requests that are kept, and most of which it is remembered that they were. */
  readonly most: number;
  /** How long the peer may take to report. */
  readonly resultMs: number;
  /** How long a result is told, and then that there was one. */
  readonly keepMs: number;
}

/** One request. */
export interface LedgerEntry {
  readonly name: string;
  head: CommitmentHead;
  /** It was told that the peer has not reported in time. */
  isOverdueTold: boolean;
}

/** What a client is told to wait when there is no room. */
const RETRY_AFTER_SECONDS = 60;

/**
 * All requests for storage commitment that are known, by the names that clients and peers have for them. In memory are
 * their heads, at most twice `most`; the rest is on disk.
 */
export class CommitmentLedger {
  readonly #files: CommitmentFiles;
  readonly #settings: LedgerSettings;
  readonly #now: () => number;
  /** In the order in which they came. */
  readonly #entries = new Map<string, LedgerEntry>();
  readonly #byUpstreamUid = new Map<string, LedgerEntry>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(files: CommitmentFiles, settings: LedgerSettings, now: () => number) {
    this.#files = files;
    this.#settings = settings;
    this.#now = now;
  }

  get entries(): readonly LedgerEntry[] {
    return [...this.#entries.values()];
  }

  /** How many there are in each state. */
  get counts(): Readonly<Record<CommitmentHead['state'], number>> {
    const counts = { pending: 0, done: 0, gone: 0 };
    for (const { head } of this.#entries.values()) counts[head.state] += 1;
    return counts;
  }

  /** Takes over what an earlier process left; calls `broken` for what cannot be read, which stays where it is. @throws Error */
  async load(broken: (error: unknown) => void): Promise<void> {
    const found: LedgerEntry[] = [];
    for (const name of await this.#files.names()) {
      try {
        found.push({ name, head: parseCommitmentHead(await this.#files.head(name)), isOverdueTold: false });
      } catch (error) {
        broken(error);
      }
    }
    found.sort((a, b) => a.head.requestedAt - b.head.requestedAt);
    for (const entry of found) this.#keep(entry);
    await this.tidy();
  }

  find(peer: string, transactionUid: string): LedgerEntry | undefined {
    return this.#entries.get(commitmentName(peer, transactionUid));
  }

  findUpstream(upstreamUid: string): LedgerEntry | undefined {
    return this.#byUpstreamUid.get(upstreamUid);
  }

  /** Whether it is known still. */
  has(entry: LedgerEntry): boolean {
    return this.#entries.get(entry.name) === entry;
  }

  /** Whether the peer has taken longer than it may. */
  isOverdue({ head: { state, requestedAt } }: LedgerEntry): boolean {
    return state === 'pending' && this.#now() - requestedAt >= this.#settings.resultMs;
  }

  /** Of a request that is new. @throws GatewayError `conflict`, `overloaded`; Error when it cannot be written */
  add(
    request: Record<'peer' | 'transactionUid' | 'upstreamUid', string>,
    body: CommitmentBody,
  ): Promise<LedgerEntry> {
    return this.#inTurn(() => this.#add(request, body));
  }

  async #add(
    { peer, transactionUid, upstreamUid }: Record<'peer' | 'transactionUid' | 'upstreamUid', string>,
    body: CommitmentBody,
  ): Promise<LedgerEntry> {
    await this.#tidy();
    const name = commitmentName(peer, transactionUid);
    if (this.#entries.has(name)) {
      throw new GatewayError('conflict', 'This Transaction UID is in use: take a new one for each request.');
    }
    const place = this.#place();
    const now = this.#now();
    const head: CommitmentHead = { peer, upstreamUid, state: 'pending', requestedAt: now, changedAt: now };
    const entry = { name, head, isOverdueTold: false };
    this.#keep(entry);
    try {
      if (place) await this.#change(place, 'gone');
      await this.#files.write(name, formatCommitment(head, body));
    } catch (error) {
      this.#forget(entry);
      throw error;
    }
    return entry;
  }

  /** @throws Error */
  async body({ name }: LedgerEntry): Promise<CommitmentBody> {
    return parseCommitmentBody(await this.#files.read(name));
  }

  /**
   * The result is there; false of what is not kept any more, such as what was withdrawn meanwhile.
   * @throws Error when it cannot be written: then it is not known
   */
  done(entry: LedgerEntry, body: Required<CommitmentBody>): Promise<boolean> {
    return this.#inTurn(async () => {
      if (!this.has(entry)) return false;
      await this.#change(entry, 'done', body);
      return true;
    });
  }

  /** As if it had never been. @throws Error */
  remove(entry: LedgerEntry): Promise<void> {
    return this.#inTurn(() => this.#remove(entry));
  }

  /** Lets go of what is older than it may be. @throws Error */
  tidy(): Promise<void> {
    return this.#inTurn(() => this.#tidy());
  }

  /** Two changes at once would write the same file, or make room by the same entry. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #remove(entry: LedgerEntry): Promise<void> {
    this.#forget(entry);
    await this.#files.remove(entry.name);
  }

  async #tidy(): Promise<void> {
    const { resultMs, keepMs, most } = this.#settings;
    for (const entry of this.entries) {
      const { state, requestedAt, changedAt } = entry.head;
      const since = state === 'pending' ? requestedAt + resultMs : changedAt;
      if (this.#now() - since < keepMs) continue;
      if (state === 'gone') await this.#remove(entry);
      else await this.#change(entry, 'gone');
    }
    const gone = this.entries.filter(({ head }) => head.state === 'gone');
    for (const entry of gone.slice(0, Math.max(0, gone.length - most))) await this.#remove(entry);
  }

  /** What must go for one more, if anything: the oldest result, or what has waited too long. @throws GatewayError `overloaded` */
  #place(): LedgerEntry | undefined {
    const kept = this.entries.filter(({ head }) => head.state !== 'gone');
    if (kept.length < this.#settings.most) return undefined;
    const place =
      kept.find(({ head }) => head.state === 'done') ?? kept.find((entry) => this.isOverdue(entry));
    if (place) return place;
    const message = 'Too many requests for storage commitment wait for their results.';
    throw new GatewayError('overloaded', message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }

  async #change(entry: LedgerEntry, state: 'done' | 'gone', body?: CommitmentBody): Promise<void> {
    const head: CommitmentHead = { ...entry.head, state, changedAt: this.#now() };
    await this.#files.write(entry.name, formatCommitment(head, body));
    entry.head = head;
  }

  #keep(entry: LedgerEntry): void {
    this.#entries.set(entry.name, entry);
    this.#byUpstreamUid.set(entry.head.upstreamUid, entry);
  }

  #forget(entry: LedgerEntry): void {
    this.#entries.delete(entry.name);
    this.#byUpstreamUid.delete(entry.head.upstreamUid);
  }
}
