import type { ByteSource } from '../core/index.js';
import { dicomJson } from './dicom-json-writer.js';
import { MetadataVisitor, type MetadataOptions } from './metadata-visitor.js';
import type { ModelFormat } from './model-format.js';
import type { DatasetVisitor, ElementHeader, ValueMode } from './reader.js';
import { readSource } from './read-source.js';
import { formatTag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import { ValuePlaces, type LocatedElement } from './value-places.js';

/** A value that the metadata name by URI. */
export interface ListedBulkData {
  /** As `MetadataOptions.bulkDataUri` has it. */
  readonly path: string;
  /** Left out for pixel data, which the index of the dataset has. */
  readonly located?: LocatedElement;
}

/** How the metadata are written whose bulk data are listed. */
export type BulkDataOptions = Omit<MetadataOptions, 'bulkDataUri'>;

/** Values that are listed at one time: some megabytes of paths and places. */
export const MOST_BULK_DATA = 10_000;

const pixelDataPath = formatTag(Tags.PixelData);

/** Which values have no form as text is a matter of the form; what is written is not. */
const unwritten = (form: ModelFormat): ModelFormat => ({
  begin: '',
  end: '',
  values: (...of) => form.values(...of),
  element: () => '',
  beginSequence: () => '',
  endSequence: () => '',
  beginItem: () => '',
  endItem: () => '',
});

/** Has the metadata written, and notes where the values are that are named by URI. */
class BulkDataLister implements DatasetVisitor {
  readonly found: ListedBulkData[] = [];
  readonly #metadata: MetadataVisitor;
  readonly #places = new ValuePlaces((path, located) => {
    this.#note({ path, located });
  });
  #passed = 0;
  readonly #from: number;
  #hasPixelData = false;
  #element: ElementHeader | undefined;

  constructor(syntax: TransferSyntax, options: BulkDataOptions, from: number) {
    this.#from = from;
    const form = dicomJson(options.numericStrings ?? 'numbers');
    const bulkDataUri = (path: string): string => {
      this.#wanted(path);
      return '';
    };
    this.#metadata = new MetadataVisitor(unwritten(form), syntax, { ...options, bulkDataUri });
  }

  get isFull(): boolean {
    return this.found.length >= MOST_BULK_DATA;
  }

  element(element: ElementHeader): ValueMode {
    this.#element = element;
    return this.#metadata.element(element);
  }

  value(element: ElementHeader, bytes: Buffer): void {
    this.#element = element;
    this.#metadata.value(element, bytes);
  }

  fragment(_element: ElementHeader, index: number, valueOffset: number, length: number): ValueMode {
    this.#places.fragment(index, valueOffset, length);
    return 'skip';
  }

  endElement(element: ElementHeader): void {
    this.#places.end(element);
  }

  beginSequence(element: ElementHeader): void {
    this.#places.beginSequence(element);
    this.#metadata.beginSequence(element);
  }

  beginItem(index: number): void {
    this.#metadata.beginItem(index);
  }

  endItem(): void {
    this.#metadata.endItem();
  }

  endSequence(): void {
    this.#metadata.endSequence();
    this.#places.endSequence();
  }

  #wanted(path: string): void {
    if (path !== pixelDataPath) {
      if (this.#element) this.#places.begin(path, this.#element);
      return;
    }
    // Of whatever kind they are, they have one URI.
    if (!this.#hasPixelData) this.#note({ path });
    this.#hasPixelData = true;
  }

  #note(value: ListedBulkData): void {
    this.#passed += 1;
    if (this.#passed > this.#from && !this.isFull) this.found.push(value);
  }
}

/**
 * The values of an instance that its metadata name by URI, in their order, after the first `from`: 10,000 at most, fewer
 * when there are no others.
 *
 * @throws GatewayError `malformed-dataset`, or what the source throws
 * @see PS3.18 10.4.1.1.5 (W-05)
 */
export async function listBulkData(
  source: ByteSource,
  syntax: TransferSyntax,
  options: BulkDataOptions,
  from: number,
): Promise<readonly ListedBulkData[]> {
  const lister = new BulkDataLister(syntax, options, from);
  for await (const { isFull } of readSource(source, syntax, lister, options.limits)) if (isFull) break;
  return lister.found;
}
