import type { OperationContext } from '../core/index.js';
import type { DicomJsonObject } from '../dicom/index.js';
import type { SearchRequest } from '../dicomweb/index.js';
import type { Member } from './group.js';
import { instancesIn, modalityIn, type UnionCounts } from './group-merge.js';
import { allOf, openMember, uidOf } from './group-query.js';
import type { SearchCall } from './use-cases.js';

/** Most C-FINDs of one search that count what several members hold together. */
const MOST_FINDS = 400;
/** Most instances that these list in all, some 100 bytes each while their series is counted. */
const MOST_INSTANCES = 50_000;

/** A list that is not known to be whole. */
class NotCounted extends Error {}

interface Part {
  readonly member: Member;
  readonly row: DicomJsonObject;
}

/**
 * Counts what several members hold of a study or series together: numbers of parts that may overlap cannot be added up,
 * so the parts are listed. Bounded for each search; beyond that, and where a list may not be whole, nothing is said.
 */
export class GroupCounts {
  readonly #call: SearchCall;
  readonly #context: OperationContext;
  readonly #studies = new Map<string, Promise<UnionCounts | undefined>>();
  #finds = MOST_FINDS;
  #instances = MOST_INSTANCES;
  /** Something could not be counted. */
  isIncomplete = false;

  constructor(call: SearchCall, context: OperationContext) {
    this.#call = call;
    this.#context = context;
  }

  /** What `members` hold of a study together; undefined where that cannot be told. */
  study(study: string, members: readonly Member[]): Promise<UnionCounts | undefined> {
    const known = this.#studies.get(study);
    if (known) return known;
    const counted = this.#countStudy(study, members);
    // Each series of a study asks for it; bounded by what may be asked.
    if (this.#finds > 0) this.#studies.set(study, counted);
    return counted;
  }

  #countStudy(study: string, members: readonly Member[]): Promise<UnionCounts | undefined> {
    return this.#orNothing(async () => {
      const lists = await Promise.all(members.map((member) => this.#list(member, allOf(study))));
      const bySeries = new Map<string, Part[]>();
      for (const [index, member] of members.entries())
        for (const row of lists[index] ?? []) {
          const series = uidOf(row, 'SERIES');
          bySeries.set(series, [...(bySeries.get(series) ?? []), { member, row }]);
        }
      const instances = await this.#orNothing(() => this.#sum(study, bySeries));
      const modalities = [...bySeries.values()].map(([part]) => part && modalityIn(part.row));
      return { series: bySeries.size, instances, modalities: everyOne(modalities) };
    });
  }

  /** How many instances of a series `members` hold together; undefined where that cannot be told. */
  series(study: string, series: string, members: readonly Member[]): Promise<number | undefined> {
    return this.#orNothing(() => this.#countSeries(study, series, members));
  }

  async #sum(study: string, bySeries: ReadonlyMap<string, readonly Part[]>): Promise<number> {
    let sum = 0;
    for (const [series, parts] of bySeries) {
      const [only, second] = parts;
      const told = second || !only ? undefined : instancesIn(only.row);
      const members = parts.map(({ member }) => member);
      sum += told ?? (await this.#countSeries(study, series, members));
    }
    return sum;
  }

  async #countSeries(study: string, series: string, members: readonly Member[]): Promise<number> {
    const lists = await Promise.all(members.map((member) => this.#list(member, allOf(study, series))));
    return new Set(lists.flat().map((row) => uidOf(row, 'IMAGE'))).size;
  }

  async #list(member: Member, request: SearchRequest): Promise<readonly DicomJsonObject[]> {
    if (this.#finds === 0) throw new NotCounted();
    this.#finds -= 1;
    const found = await openMember(member, request, this.#call, this.#context);
    const rows: DicomJsonObject[] = [];
    for await (const row of found.rows) {
      if (request.level === 'IMAGE' && this.#instances-- <= 0) throw new NotCounted();
      rows.push(row);
    }
    // Peers cap their answers, some of them silently.
    if (found.truncated || rows.length === member.binding.retrieve.findLimit) throw new NotCounted();
    return rows;
  }

  /** Counts are a service: a search does not fail of them, and says that they are missing. */
  async #orNothing<T>(count: () => Promise<T>): Promise<T | undefined> {
    try {
      return await count();
    } catch (thrown) {
      if (this.#context.signal.aborted) throw thrown;
      this.isIncomplete = true;
      return undefined;
    }
  }
}

function everyOne(values: readonly (string | undefined)[]): readonly string[] | undefined {
  return values.every((value) => value !== undefined) ? values : undefined;
}
