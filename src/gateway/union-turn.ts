import type { GatewayError } from '../core/index.js';
import type { ListedInstance } from './listing.js';

/** One member's place among those that a request asks for the same: each asks for what those before it do not have. */
export interface Turn {
  /** Resolves when every member before has asked for its own. */
  readonly begin: () => Promise<void>;
  /** This member has asked, or will not. */
  readonly end: () => void;
  /** Whether the instance is this member's to deliver. */
  readonly take: (sopInstanceUid: string) => boolean;
  /** This member's list is that which its watch remembers; undefined where it remembers none. */
  readonly listed: (list: readonly ListedInstance[] | undefined) => void;
  /** This member is known not to deliver it; another may. */
  readonly leave: (sopInstanceUid: string, refusal: GatewayError) => void;
}

/** The instances of one request, shared out among the members that hold them. Bounded by what the members list. */
export class Union {
  readonly #taken = new Set<string>();
  readonly #left = new Map<string, GatewayError>();
  readonly #lists: (readonly ListedInstance[] | undefined)[] = [];
  #last: Promise<void> = Promise.resolve();

  /** A place behind those that were given before. */
  turn(): Turn {
    const before = this.#last;
    const at = this.#lists.push(undefined) - 1;
    const place: { end: () => void } = { end: () => undefined };
    const asked = new Promise<void>((resolve) => {
      place.end = resolve;
    });
    this.#last = Promise.all([before, asked]).then(() => undefined);
    return {
      begin: () => before,
      end: () => {
        place.end();
      },
      take: (uid) => {
        if (this.#taken.has(uid)) return false;
        this.#taken.add(uid);
        return true;
      },
      listed: (list) => {
        this.#lists[at] = list;
      },
      leave: (uid, refusal) => {
        this.#left.set(uid, refusal);
      },
    };
  }

  /** Of each member in the order of the turns; final when all has been delivered. */
  get lists(): readonly (readonly ListedInstance[] | undefined)[] {
    return this.#lists;
  }

  /** Why each of the instances that no member delivers is not delivered; final when every member has had its turn. */
  get lost(): readonly GatewayError[] {
    return [...this.#left].flatMap(([uid, refusal]) => (this.#taken.has(uid) ? [] : [refusal]));
  }
}
