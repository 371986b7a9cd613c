import type { Spill } from './spill.js';
import type { SpoolBody } from './spool.js';

/** What is in memory, and on disk too or on its way there, the one used last at the end. */
export class CopiedSpools {
  readonly #spools = new Set<SpoolBody>();

  /** It is about to be copied. */
  add(spool: SpoolBody, spill: Spill): void {
    spill.keeps = true;
    this.#spools.add(spool);
  }

  delete(spool: SpoolBody): void {
    this.#spools.delete(spool);
  }

  /** Others leave memory before it. */
  used(spool: SpoolBody): void {
    if (this.#spools.delete(spool)) this.#spools.add(spool);
  }

  /** Has one after the other leave memory. */
  letGoWhile(isShort: () => boolean): void {
    for (const spool of this.#spools) {
      if (!isShort()) return;
      this.#spools.delete(spool);
      spool.letGo();
    }
  }
}
