import type { GatewayError } from '../core/index.js';

/** One member's place among those that a request asks for the same: each asks for what those before it do not have. */
export interface Turn {
  /** Resolves when every member before has asked for its own. */
  readonly begin: () => Promise<void>;
  /** This member has asked, or will not. */
  readonly end: () => void;
  /** Whether the instance is this member's to deliver. */
  readonly take: (sopInstanceUid: string) => boolean;
  /** This member is known not to deliver it; another may. */
  readonly leave: (sopInstanceUid: string, refusal: GatewayError) => void;
}

/** The instances of one request, shared out among the members that hold them. Bounded by what the members list. */
export class Union {
  readonly #taken = new Set<string>();
  readonly #left = new Map<string, GatewayError>();
  #last: Promise<void> = Promise.resolve();

  /** A place behind those that were given before. */
  turn(): Turn {
    const before = this.#last;
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
      leave: (uid, refusal) => {
        this.#left.set(uid, refusal);
      },
    };
  }

  /** Why each of the instances that no member delivers is not delivered; final when every member has had its turn. */
  get lost(): readonly GatewayError[] {
    return [...this.#left].flatMap(([uid, refusal]) => (this.#taken.has(uid) ? [] : [refusal]));
  }
}
