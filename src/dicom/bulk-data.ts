import type { ByteSource } from '../core/index.js';
import type { DatasetVisitor, ElementHeader, ValueMode } from './reader.js';
import { readSource } from './read-source.js';
import { formatTag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import { ValuePlaces, type LocatedElement } from './value-places.js';

const pixelDataPath = formatTag(Tags.PixelData);
const pixelDataPaths: ReadonlySet<string> = new Set(
  [Tags.FloatPixelData, Tags.DoubleFloatPixelData, Tags.PixelData].map(formatTag),
);

/** No element is at a path that begins so. */
const NOWHERE = '-';

interface OpenSequence {
  readonly path: string;
  readonly outer: string;
}

/** Follows one path and remembers where the value at its end is; of elements with the same path the first that is not superseded. */
class ElementLocator implements DatasetVisitor {
  readonly #path: string;
  readonly #superseded: ReadonlySet<number>;
  readonly #sequences: OpenSequence[] = [];
  readonly #places = new ValuePlaces((_path, located) => {
    this.#located ??= located;
  });
  #at = '';
  #located: LocatedElement | undefined;

  constructor(path: string, superseded: readonly number[]) {
    this.#path = path;
    this.#superseded = new Set(superseded);
  }

  get located(): LocatedElement | undefined {
    return this.#located;
  }

  element(element: ElementHeader): ValueMode {
    if (this.#superseded.has(element.headerOffset)) return 'skip';
    const path = `${this.#at}${formatTag(element.tag)}`;
    if (this.#isTarget(path)) this.#places.begin(path, element);
    return 'skip';
  }

  fragment(_element: ElementHeader, index: number, valueOffset: number, length: number): ValueMode {
    this.#places.fragment(index, valueOffset, length);
    return 'skip';
  }

  endElement(element: ElementHeader): void {
    this.#places.end(element);
  }

  beginSequence(element: ElementHeader): void {
    // No path leads into a sequence that comes again.
    const isOld = this.#superseded.has(element.headerOffset);
    const path = isOld ? NOWHERE : `${this.#at}${formatTag(element.tag)}`;
    this.#sequences.push({ path, outer: this.#at });
    this.#places.beginSequence(element);
  }

  beginItem(index: number): void {
    this.#at = `${this.#sequences.at(-1)?.path ?? ''}/${index}/`;
  }

  endItem(): void {
    this.#at = this.#sequences.at(-1)?.outer ?? '';
  }

  endSequence(): void {
    this.#sequences.pop();
    this.#places.endSequence();
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
