import type { ByteSource } from '../core/index.js';
import type { ByteRange } from './dataset-index-pixel-data.js';
import type { DatasetVisitor, ElementHeader, ValueMode } from './reader.js';
import { readSource } from './read-source.js';
import { formatTag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import type { Vr } from './vr.js';

/** Where the value of an element is, in the bytes of the dataset (of a deflated one: in the inflated bytes). */
export interface LocatedElement {
  /** As written; UN in a sequence written as UN, whose values are little endian whatever the dataset is. */
  readonly vr: Vr;
  /** One range, or the fragments of encapsulated pixel data without the Basic Offset Table. */
  readonly ranges: readonly ByteRange[];
}

const pixelDataPath = formatTag(Tags.PixelData);
const pixelDataPaths: ReadonlySet<string> = new Set(
  [Tags.FloatPixelData, Tags.DoubleFloatPixelData, Tags.PixelData].map(formatTag),
);

/** No element is at a path that begins so. */
const NOWHERE = '-';

interface OpenSequence {
  readonly path: string;
  readonly outer: string;
  readonly isUnknown: boolean;
}

/** Follows one path and remembers where the value at its end is; of elements with the same path the first that is not superseded. */
class ElementLocator implements DatasetVisitor {
  readonly #path: string;
  readonly #superseded: ReadonlySet<number>;
  readonly #sequences: OpenSequence[] = [];
  #at = '';
  #fragments: ByteRange[] | undefined;
  #located: LocatedElement | undefined;

  constructor(path: string, superseded: readonly number[]) {
    this.#path = path;
    this.#superseded = new Set(superseded);
  }

  get located(): LocatedElement | undefined {
    return this.#located;
  }

  element({ tag, vr, headerOffset, valueOffset, length }: ElementHeader): ValueMode {
    if (this.#fragments !== undefined || this.#superseded.has(headerOffset)) return 'skip';
    if (!this.#isTarget(`${this.#at}${formatTag(tag)}`)) return 'skip';
    // Known before its bytes are there: a reader can follow them while they arrive.
    if (length >= 0) this.#locate(vr, [{ start: valueOffset, end: valueOffset + length }]);
    else this.#fragments = [];
    return 'skip';
  }

  fragment(_element: ElementHeader, index: number, valueOffset: number, length: number): ValueMode {
    if (index > 0) this.#fragments?.push({ start: valueOffset, end: valueOffset + length });
    return 'skip';
  }

  endElement({ vr }: ElementHeader): void {
    if (this.#fragments !== undefined) this.#locate(vr, this.#fragments);
  }

  beginSequence({ tag, headerOffset, unknownSequence }: ElementHeader): void {
    // No path leads into a sequence that comes again.
    const path = this.#superseded.has(headerOffset) ? NOWHERE : `${this.#at}${formatTag(tag)}`;
    this.#sequences.push({ path, outer: this.#at, isUnknown: unknownSequence === true });
  }

  beginItem(index: number): void {
    this.#at = `${this.#sequences.at(-1)?.path ?? ''}/${index}/`;
  }

  endItem(): void {
    this.#at = this.#sequences.at(-1)?.outer ?? '';
  }

  endSequence(): void {
    this.#sequences.pop();
  }

  #locate(vr: Vr, ranges: readonly ByteRange[]): void {
    const isForeign = this.#sequences.some(({ isUnknown }) => isUnknown);
    this.#located ??= { vr: isForeign ? 'UN' : vr, ranges };
  }

  #isTarget(path: string): boolean {
    return path === this.#path || (this.#path === pixelDataPath && pixelDataPaths.has(path));
  }
}

/**
 * The value that a bulk data path names (`00420011`, `00480105/0/00282000`; `7FE00010` for pixel data of any kind), found
 * by walking the headers; `undefined` when there is none, or it is a sequence. `superseded` are elements that come again
 * later, as the index of the dataset has them.
 *
 * @throws GatewayError `malformed-dataset`, or what the source throws
 */
export async function locateElement(
  source: ByteSource,
  syntax: TransferSyntax,
  path: string,
  superseded: readonly number[] = [],
): Promise<LocatedElement | undefined> {
  const locator = new ElementLocator(path, superseded);
  for await (const { located } of readSource(source, syntax, locator)) {
    if (located !== undefined) return located;
  }
  return locator.located;
}
