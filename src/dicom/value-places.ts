import type { ByteRange } from './dataset-index-pixel-data.js';
import type { ElementHeader } from './reader.js';
import type { Vr } from './vr.js';

/** Where the value of an element is, in the bytes of the dataset (of a deflated one: in the inflated bytes). */
export interface LocatedElement {
  /** As written; UN in a sequence written as UN, whose values are little endian whatever the dataset is. */
  readonly vr: Vr;
  /** One range, or the fragments of encapsulated pixel data without the Basic Offset Table. */
  readonly ranges: readonly ByteRange[];
}

/** Where the values stand of those elements that its owner, a visitor, says to be wanted. */
export class ValuePlaces {
  readonly #found: (path: string, located: LocatedElement) => void;
  /** Of the sequences that are open, whether they are written as UN. */
  readonly #unknown: boolean[] = [];
  #open: { readonly path: string; readonly fragments: ByteRange[] } | undefined;

  constructor(found: (path: string, located: LocatedElement) => void) {
    this.#found = found;
  }

  /** The value of `element` is wanted. */
  begin(path: string, { vr, valueOffset, length }: ElementHeader): void {
    // Known before its bytes are there: a reader can follow them while they arrive.
    if (length >= 0) this.#tell(path, vr, [{ start: valueOffset, end: valueOffset + length }]);
    else this.#open = { path, fragments: [] };
  }

  fragment(index: number, valueOffset: number, length: number): void {
    if (index > 0) this.#open?.fragments.push({ start: valueOffset, end: valueOffset + length });
  }

  end({ vr }: ElementHeader): void {
    const open = this.#open;
    this.#open = undefined;
    if (open) this.#tell(open.path, vr, open.fragments);
  }

  beginSequence({ unknownSequence }: ElementHeader): void {
    this.#unknown.push(unknownSequence === true);
  }

  endSequence(): void {
    this.#unknown.pop();
  }

  #tell(path: string, vr: Vr, ranges: readonly ByteRange[]): void {
    this.#found(path, { vr: this.#unknown.includes(true) ? 'UN' : vr, ranges });
  }
}
