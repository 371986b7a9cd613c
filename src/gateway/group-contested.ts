import { GatewayError } from '../core/index.js';

/** UIDs that the Warnings of one answer name in all, 64 characters each: proxies take headers of a few KB. */
const MOST_NAMED = 5;

/** What a client is told where two members hold studies under different patients. */
export const contestedWarning = (owner: string, other: string, studies: string): string =>
  `${owner} and ${other} hold ${studies} under different patients: what ${other} holds of this is left out`;

interface Pair {
  readonly owner: string;
  readonly other: string;
  readonly named: Set<string>;
  /** There are more than are named. */
  hasMore: boolean;
}

/** The studies of one answer that members hold under different patients, and what the client is told of them. */
export class ContestedHere {
  readonly #pairs = new Map<string, Pair>();
  #named = 0;
  #areMoreExpected = false;

  /** Rows are yet to leave after the headers: the Warnings leave room for others of the same members. */
  expectMore(): void {
    this.#areMoreExpected = true;
  }

  /**
   * What `other` holds of the study is left out.
   *
   * @throws GatewayError when the headers have gone out (`isTold`) and did not say so
   */
  add(owner: string, other: string, study: string, isTold: boolean): void {
    const key = `${owner} ${other}`;
    const pair = this.#pairs.get(key);
    if (pair?.named.has(study) === true) return;
    if (isTold) {
      if (pair && (pair.hasMore || this.#areMoreExpected)) return;
      throw new GatewayError('peer-incomplete', contestedWarning(owner, other, `study ${study}`));
    }
    const found = pair ?? { owner, other, named: new Set<string>(), hasMore: false };
    this.#pairs.set(key, found);
    if (this.#named === MOST_NAMED) {
      found.hasMore = true;
      return;
    }
    found.named.add(study);
    this.#named += 1;
  }

  /** Texts for Warning headers. */
  get warnings(): readonly string[] {
    return [...this.#pairs.values()].map((pair) =>
      contestedWarning(pair.owner, pair.other, this.#studiesOf(pair)),
    );
  }

  #studiesOf({ named, hasMore }: Pair): string {
    const others = hasMore ? ['other studies'] : this.#areMoreExpected ? ['perhaps others'] : [];
    const all = [...(named.size > 0 ? [`study ${[...named].join(', ')}`] : []), ...others];
    return all.join(' and ');
  }
}
