const OTHER = 'other';

/**
 * Label values that are used as they come until there are `limit` of them; later ones are `other`.
 *
 * A metric has a time series for each combination of labels, so a value that a stranger can choose must not become one.
 */
export class BoundedLabels {
  readonly #limit: number;
  readonly #seen = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  of(value: string): string {
    if (this.#seen.has(value)) return value;
    if (this.#seen.size >= this.#limit) return OTHER;
    this.#seen.add(value);
    return value;
  }
}

/** Label values of a fixed set; all others are `other`. */
export class KnownLabels {
  readonly #known: ReadonlySet<string>;

  constructor(known: Iterable<string>) {
    this.#known = new Set(known);
  }

  of(value: string): string {
    return this.#known.has(value) ? value : OTHER;
  }
}
