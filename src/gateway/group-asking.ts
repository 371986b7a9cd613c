import { GatewayError, type OperationContext } from '../core/index.js';
import type { DicomJsonObject, Tag } from '../dicom/index.js';
import type { SearchRequest } from '../dicomweb/index.js';
import { nameOf, type Group, type Member } from './group.js';
import { ContestedHere } from './group-contested.js';
import { failureOfLookUp, type Failures } from './group-failures.js';
import { openMember, uidOf } from './group-query.js';
import type { OpenRows } from './search-rows.js';
import type { SearchCall } from './use-cases.js';

/** What one member says of an entity. */
export interface Part {
  readonly member: Member;
  readonly row: DicomJsonObject;
}

/** A search of one member. */
interface Opened {
  readonly member: Member;
  readonly found: OpenRows;
  /** How many of its rows were seen, or that there are no more. */
  seen: number | 'all';
}

/** One search of a group as it asks the members, and what has to be told of that. */
export class Asking {
  readonly group: Group;
  readonly call: SearchCall;
  readonly failures: Failures;
  /** Ends with what is searched. */
  readonly context: OperationContext;
  /** Ends with the answer: what is completed is so after the search has ended. */
  readonly answering: OperationContext;
  readonly #controller = new AbortController();
  readonly #opened: Opened[] = [];
  readonly #contested = new ContestedHere();
  readonly #warnings = new Set<string>();
  /** Whose search a row is of, as it came. */
  readonly #owners = new WeakMap<DicomJsonObject, OpenRows>();
  /** The same of rows that are yet to leave, by UID: until then they are rewritten, and kept as text. */
  readonly #leaving = new Map<string, OpenRows>();
  /** Searches that are being planned. */
  readonly #planning = new Set<Promise<OpenRows>>();
  /** What the warnings name of each member, once the headers are to leave. */
  #foreseen: Map<Member, readonly Tag[]> | undefined;
  #isTruncated = false;
  #isCut = false;

  constructor(group: Group, call: SearchCall, failures: Failures, context: OperationContext) {
    this.group = group;
    this.call = call;
    this.failures = failures;
    this.answering = context;
    this.context = { ...context, signal: AbortSignal.any([context.signal, this.#controller.signal]) };
  }

  get truncated(): boolean {
    return this.#isTruncated || this.#opened.some(({ found }) => found.truncated);
  }

  get isCut(): boolean {
    return this.#isCut || this.#opened.some(({ found }) => found.isCut);
  }

  /** Texts for Warning headers. */
  get warnings(): readonly string[] {
    const ofMembers = this.#opened.flatMap(({ found }) => found.warnings);
    const others = [...this.failures.warnings, ...this.#contested.warnings, ...this.#warnings];
    return [...new Set([...ofMembers, ...others])];
  }

  warn(warning: string): void {
    this.#warnings.add(warning);
  }

  /** `other` holds the study under another patient than its owner: see `ContestedHere.add`. */
  contest(owner: Member, other: Member, study: string): void {
    this.#contested.add(nameOf(owner), nameOf(other), study, this.failures.isTold);
  }

  /** The search of one member, at most two of each. @throws GatewayError as `openRows` */
  open(member: Member, request: SearchRequest): Pick<OpenRows, 'rows'> {
    return { rows: this.#owned(member, request) };
  }

  /** As `SearchRows.complete`: by the member that the row is of; one that was put together stays as it is. */
  complete(row: DicomJsonObject): DicomJsonObject | Promise<DicomJsonObject> {
    const uid = uidOf(row, this.call.request.level);
    const owner = this.#leaving.get(uid);
    this.#leaving.delete(uid);
    return owner?.complete(row) ?? row;
  }

  /** A row, as it came, does not leave. */
  leaveOut(row: DicomJsonObject): void {
    this.#owners.get(row)?.leaveOut(row);
  }

  /** A row, as it came, is all that the group says of its entity. */
  leaves(row: DicomJsonObject): void {
    const owner = this.#owners.get(row);
    if (owner) this.#leaving.set(uidOf(row, this.call.request.level), owner);
  }

  /** Rows of one member tell nothing of what another one returns. */
  foresee(): void {
    this.#contested.expectMore();
    const foreseen = new Map<Member, readonly Tag[]>();
    for (const { member, found, seen } of this.#opened) foreseen.set(member, found.foresee({ seen }));
    this.#foreseen = foreseen;
  }

  /** When every search that was begun is planned: what its plan warns of can be told in the headers. */
  async planned(): Promise<void> {
    while (this.#planning.size > 0) await Promise.allSettled(this.#planning);
  }

  gaps(hasMore: boolean): readonly string[] {
    return [...new Set(this.#opened.flatMap(({ found }) => found.gaps(hasMore)))];
  }

  /** `most` where no member has been asked yet. */
  mostBeyond(most: number): number {
    return Math.min(most, ...this.#opened.map(({ found }) => found.mostBeyond));
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map(({ found }) => found.close()));
  }

  async *#owned(member: Member, request: SearchRequest): OpenRows['rows'] {
    const call = { ...this.call, searching: this.context.signal };
    const planning = openMember(member, request, call, this.answering);
    this.#planning.add(planning);
    const found = await planning.finally(() => this.#planning.delete(planning));
    // One that was given up, and is asked anew in its turn: its rows so far have told what to name.
    const named = this.#foreseen?.get(member);
    if (this.#foreseen) found.foresee(named ? { seen: 'all', named } : { seen: 0 });
    const opened: Opened = { member, found, seen: 0 };
    this.#opened.push(opened);
    let seen = 0;
    for await (const row of found.rows) {
      this.#owners.set(row, found);
      opened.seen = seen += 1;
      yield row;
    }
    opened.seen = 'all';
  }

  /**
   * Asks all of `members` but `member`; what they say by UID, in their order.
   *
   * @throws GatewayError of one that failed, as `Failures.note` says
   */
  async lookUp(
    member: Member,
    members: readonly Member[],
    request: SearchRequest,
  ): Promise<ReadonlyMap<string, readonly Part[]>> {
    const asked = members.filter((one) => one !== member && !this.failures.isOut(one));
    const answers = await Promise.allSettled(asked.map((one) => this.#all(one, request)));
    const found = new Map<string, Part[]>();
    for (const [index, one] of asked.entries()) {
      const answer = answers[index];
      if (answer?.status === 'rejected') this.failures.note(one, failureOfLookUp(answer.reason));
      if (answer?.status !== 'fulfilled') continue;
      for (const row of answer.value) {
        const uid = uidOf(row, request.level);
        found.set(uid, [...(found.get(uid) ?? []), { member: one, row }]);
      }
    }
    return found;
  }

  /** Ends everything that was asked. */
  end(): void {
    this.#controller.abort(new GatewayError('cancelled', 'The search has ended.'));
  }

  async #all(member: Member, request: SearchRequest): Promise<readonly DicomJsonObject[]> {
    const rows: DicomJsonObject[] = [];
    const found = await openMember(member, request, this.call, this.context);
    for await (const row of found.rows) rows.push(row);
    this.#isTruncated ||= found.truncated;
    this.#isCut ||= found.isCut;
    for (const warning of found.warnings) this.#warnings.add(warning);
    return rows;
  }
}
