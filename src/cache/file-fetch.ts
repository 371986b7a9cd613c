import type { GatewayError } from '../core/index.js';

/** Counts the bytes of memory that readers have from disk. */
export interface Lender {
  borrow(bytes: number): void;
  giveBack(bytes: number): void;
}

/** A run of bytes on its way from disk into memory that is counted until it is let go of. */
export class FileFetch {
  readonly position: number;
  /** Of the bytes, once `settled` has resolved without an error. */
  readonly bytes: Buffer;
  /** Resolves when the disk has done with the bytes; the error is for whoever wants them, and nobody else. */
  readonly settled: Promise<GatewayError | undefined>;
  readonly #letGo: (reusable: boolean) => void;
  #settled = false;
  #over = false;

  /** `letGo` hears once that nobody needs the bytes any more, and whether nobody can have kept a view of them. */
  constructor(
    position: number,
    bytes: Buffer,
    read: (into: Buffer) => Promise<void>,
    letGo: (reusable: boolean) => void,
  ) {
    this.position = position;
    this.bytes = bytes;
    this.#letGo = letGo;
    this.settled = this.#read(read);
  }

  /** The consumer has come back for more: it has done with the bytes. */
  done(): void {
    this.#end(true);
  }

  /** Nobody wants them: they are let go of when the disk has done with them, and never used again. */
  drop(): void {
    // At once if it can be: a writer may wait for just this room.
    if (this.#settled) this.#end(false);
    else
      void this.settled.then(() => {
        this.#end(false);
      });
  }

  async #read(read: (into: Buffer) => Promise<void>): Promise<GatewayError | undefined> {
    try {
      await read(this.bytes);
      return undefined;
    } catch (error) {
      return error as GatewayError;
    } finally {
      this.#settled = true;
    }
  }

  #end(reusable: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#letGo(reusable);
  }
}
