import { GatewayError, type OperationContext } from '../core/index.js';
import type { DicomJsonObject } from '../dicom/index.js';
import type { SearchRequest } from '../dicomweb/index.js';
import type { Group, Member } from './group.js';
import type { Failures } from './group-failures.js';
import { openMember, uidOf } from './group-query.js';
import type { SearchRows } from './search-rows.js';
import type { SearchCall } from './use-cases.js';

/** What one member says of an entity. */
export interface Part {
  readonly member: Member;
  readonly row: DicomJsonObject;
}

/** One search of a group as it asks the members, and what has to be told of that. */
export class Asking {
  readonly group: Group;
  readonly call: SearchCall;
  readonly failures: Failures;
  /** Ends with what is searched. */
  readonly context: OperationContext;
  /** Ends with the answer: what is completed is so after the search has ended. */
  readonly #answering: OperationContext;
  readonly #controller = new AbortController();
  readonly #opened: SearchRows[] = [];
  readonly #warnings = new Set<string>();
  /** Whose search a row is of, as it came. */
  readonly #owners = new WeakMap<DicomJsonObject, SearchRows>();
  /** The same of rows that are yet to leave, by UID: until then they are rewritten, and kept as text. */
  readonly #leaving = new Map<string, SearchRows>();
  /** Searches that are being planned. */
  readonly #planning = new Set<Promise<SearchRows>>();
  #isForeseen = false;
  #isTruncated = false;

  constructor(group: Group, call: SearchCall, failures: Failures, context: OperationContext) {
    this.group = group;
    this.call = call;
    this.failures = failures;
    this.#answering = context;
    this.context = { ...context, signal: AbortSignal.any([context.signal, this.#controller.signal]) };
  }

  get truncated(): boolean {
    return this.#isTruncated || this.#opened.some(({ truncated }) => truncated);
  }

  /** Texts for Warning headers. */
  get warnings(): readonly string[] {
    const ofMembers = this.#opened.flatMap(({ warnings }) => warnings);
    return [...new Set([...ofMembers, ...this.failures.warnings, ...this.#warnings])];
  }

  /** @throws GatewayError when the status line has gone out: nothing may be left out without a word */
  warn(warning: string): void {
    if (this.failures.isTold && !this.#warnings.has(warning))
      throw new GatewayError('peer-incomplete', warning);
    this.#warnings.add(warning);
  }

  /** The search of one member, at most two of each. @throws GatewayError as `openRows` */
  open(member: Member, request: SearchRequest): Pick<SearchRows, 'rows'> {
    return { rows: this.#owned(member, request) };
  }

  /** As `SearchRows.complete`: by the member that the row is of; one that was put together stays as it is. */
  complete(row: DicomJsonObject): DicomJsonObject | Promise<DicomJsonObject> {
    const uid = uidOf(row, this.call.request.level);
    const owner = this.#leaving.get(uid);
    this.#leaving.delete(uid);
    return owner?.complete(row) ?? row;
  }

  /** A row, as it came, is all that the group says of its entity. */
  leaves(row: DicomJsonObject): void {
    const owner = this.#owners.get(row);
    if (owner) this.#leaving.set(uidOf(row, this.call.request.level), owner);
  }

  /** Rows of one member tell nothing of what another one returns, nor of one that is asked anew in its turn. */
  foresee(): void {
    this.#isForeseen = true;
    for (const found of this.#opened) found.foresee(0);
  }

  /** When every search that was begun is planned: what its plan warns of can be told in the headers. */
  async planned(): Promise<void> {
    while (this.#planning.size > 0) await Promise.allSettled(this.#planning);
  }

  gaps(hasMore: boolean): readonly string[] {
    return [...new Set(this.#opened.flatMap((found) => found.gaps(hasMore)))];
  }

  /** `most` where no member has been asked yet. */
  mostBeyond(most: number): number {
    return Math.min(most, ...this.#opened.map(({ mostBeyond }) => mostBeyond));
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((found) => found.close()));
  }

  async *#owned(member: Member, request: SearchRequest): SearchRows['rows'] {
    const call = { ...this.call, searching: this.context.signal };
    const planning = openMember(member, request, call, this.#answering);
    this.#planning.add(planning);
    const found = await planning.finally(() => this.#planning.delete(planning));
    if (this.#isForeseen) found.foresee(0);
    this.#opened.push(found);
    for await (const row of found.rows) {
      this.#owners.set(row, found);
      yield row;
    }
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
      if (answer?.status === 'rejected') this.failures.note(one, answer.reason);
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
    for (const warning of found.warnings) this.#warnings.add(warning);
    return rows;
  }
}
