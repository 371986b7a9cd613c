import type { ByteSource } from '../core/index.js';
import { Dataset } from './dataset.js';
import type { DatasetVisitor, ElementHeader, ReaderLimits, ValueMode } from './reader.js';
import { readSource } from './read-source.js';
import { resolveVr } from './resolve-vr.js';
import type { Tag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import { swapValue } from './value-order.js';
import { vrTraits } from './vr.js';

/** One content item of a structured report, without the items below it. */
export interface ContentItem {
  /** Of its attributes those that were asked for. */
  readonly dataset: Dataset;
  /** Its place in the tree, as by-reference relationships name it: 1 is the root, 1.2 the second item below. @see PS3.3 C.17.3.2.5 */
  readonly place: readonly number[];
  /** Whether items stand below it. */
  readonly hasChildren: boolean;
  /** Attributes that were asked for and are too long to be held. */
  readonly unread: ReadonlySet<Tag>;
}

/** Gets the content items in the order in which they stand; those below an item come between its `begin` and its `end`. */
export interface ContentVisitor {
  /** With what stands before the items below it, or all of it where there are none. */
  begin(item: ContentItem): void;
  /** With what stands behind the items below it, or all of it where there are none. */
  end(item: ContentItem): void;
}

export interface ContentOptions {
  /** Attributes, at whatever level, and sequences with their items; the Content Sequence is always read. */
  readonly wanted: ReadonlySet<Tag>;
  /** How text reads where the instance names no character set. */
  readonly fallbackCharacterSet?: string | undefined;
  readonly limits?: Partial<ReaderLimits> | undefined;
}

/** The longest text that is held, which is what the reader collects in one piece, and the longest list of numbers. */
const maxTextBytes = 1024 * 1024;
const maxNumberBytes = 64 * 1024;
/** Of all items that are open at one time, from the root to the one that is being read. */
const maxOpenBytes = 4 * 1024 * 1024;
/** Sequences in sequences within an item (codes in measurements, references in references), and items of one of them. */
const maxParts = 4;
const maxPartItems = 1000;

interface OpenItem {
  dataset: Dataset;
  readonly place: readonly number[];
  readonly unread: Set<Tag>;
  children: number;
  bytes: number;
}

interface OpenSequence {
  readonly tag: Tag;
  /** The dataset that it is an element of. */
  readonly owner: Dataset;
  /** How values in it are encoded. */
  readonly coding: Coding;
  readonly items: Dataset[];
}

interface Coding {
  readonly implicit: boolean;
  readonly swapped: boolean;
}

class ContentReader<Visitor extends ContentVisitor> implements DatasetVisitor {
  readonly visitor: Visitor;
  readonly #wanted: ReadonlySet<Tag>;
  readonly #items: OpenItem[];
  readonly #sequences: OpenSequence[] = [];
  readonly #coding: Coding;
  #current: Dataset;
  /** Sequences that are being passed over, nested. */
  #ignored = 0;
  #openBytes = 0;

  constructor(visitor: Visitor, syntax: TransferSyntax, options: ContentOptions) {
    const { wanted, fallbackCharacterSet } = options;
    this.visitor = visitor;
    this.#wanted = wanted;
    this.#coding = { implicit: syntax.vr === 'implicit', swapped: syntax.byteOrder === 'big' };
    this.#current = new Dataset(
      fallbackCharacterSet === undefined ? {} : { fallbackCharacterSet: fallbackCharacterSet.split('\\') },
    );
    this.#items = [{ dataset: this.#current, place: [1], unread: new Set(), children: 0, bytes: 0 }];
  }

  element({ tag, vr, length }: ElementHeader): ValueMode {
    const isWanted = this.#wanted.has(tag) || tag === Tags.SpecificCharacterSet;
    const item = this.#items.at(-1);
    if (this.#ignored > 0 || !isWanted || !item || length <= 0 || this.#current.has(tag)) return 'skip';
    const most = vrTraits(vr).text ? maxTextBytes : maxNumberBytes;
    if (length > most || this.#openBytes + length > maxOpenBytes) {
      item.unread.add(tag);
      return 'skip';
    }
    item.bytes += length;
    this.#openBytes += length;
    return 'collect';
  }

  value({ tag, vr }: ElementHeader, bytes: Buffer): void {
    const { implicit, swapped } = this.#sequences.at(-1)?.coding ?? this.#coding;
    // The bytes are the reader's, which uses them again.
    const value = Buffer.from(bytes);
    if (swapped) swapValue(value, vr);
    this.#current.setBytes(tag, resolveVr(tag, vr, { implicit, signed: false }), value);
  }

  beginSequence({ tag, unknownSequence }: ElementHeader): void {
    const isContent = tag === Tags.ContentSequence && this.#partDepth() === 0;
    const isRead = isContent || (this.#wanted.has(tag) && this.#partDepth() < maxParts);
    if (this.#ignored > 0 || !isRead) {
      this.#ignored += 1;
      return;
    }
    const outer = this.#sequences.at(-1)?.coding ?? this.#coding;
    const coding = unknownSequence ? { implicit: true, swapped: false } : outer;
    this.#sequences.push({ tag, owner: this.#current, coding, items: [] });
  }

  beginItem(): void {
    const sequence = this.#sequences.at(-1);
    if (this.#ignored > 0 || sequence === undefined) return;
    const dataset = new Dataset({ fallbackCharacterSet: sequence.owner.characterSet });
    if (sequence.tag === Tags.ContentSequence) this.#beginContent(dataset);
    else if (sequence.items.length < maxPartItems) sequence.items.push(dataset);
    else this.#items.at(-1)?.unread.add(sequence.tag);
    this.#current = dataset;
  }

  endItem(): void {
    const sequence = this.#sequences.at(-1);
    if (this.#ignored > 0 || sequence === undefined) return;
    const isContent = sequence.tag === Tags.ContentSequence;
    if (isContent) this.#endContent();
    // What follows the items below is read into a dataset of its own.
    this.#current = (isContent ? this.#items.at(-1)?.dataset : undefined) ?? sequence.owner;
  }

  endSequence(): void {
    if (this.#ignored > 0) {
      this.#ignored -= 1;
      return;
    }
    const sequence = this.#sequences.pop();
    if (sequence && sequence.tag !== Tags.ContentSequence)
      sequence.owner.setItems(sequence.tag, sequence.items);
  }

  /** After the last byte: the root item is over. */
  close(): void {
    this.#endContent();
  }

  /** Sequences within the content item that is being read. */
  #partDepth(): number {
    const last = this.#sequences.findLastIndex(({ tag }) => tag === Tags.ContentSequence);
    return this.#sequences.length - 1 - last;
  }

  #beginContent(dataset: Dataset): void {
    const parent = this.#items.at(-1);
    if (parent === undefined) return;
    if (parent.children === 0) {
      this.visitor.begin(seen(parent, true));
      // What has been told need not be kept; only how text reads.
      parent.dataset = new Dataset({ fallbackCharacterSet: parent.dataset.characterSet });
      this.#release(parent);
    }
    parent.children += 1;
    const place = [...parent.place, parent.children];
    this.#items.push({ dataset, place, unread: new Set(), children: 0, bytes: 0 });
  }

  #endContent(): void {
    const item = this.#items.pop();
    if (item === undefined) return;
    if (item.children === 0) this.visitor.begin(seen(item, false));
    this.visitor.end(seen(item, item.children > 0));
    this.#release(item);
  }

  #release(item: OpenItem): void {
    this.#openBytes -= item.bytes;
    item.bytes = 0;
  }
}

const seen = ({ dataset, place, unread }: OpenItem, hasChildren: boolean): ContentItem => ({
  dataset,
  place,
  unread,
  hasChildren,
});

/**
 * Walks the content tree of a structured report, in memory that does not grow with it: an item is shown and forgotten.
 *
 * Yields the visitor after every few bytes, so that the caller can hand on what it made of them.
 *
 * @throws GatewayError `malformed-dataset`, or what the source throws; what came before is then no whole report
 * @see PS3.3 C.17.3
 */
export async function* readContentTree<Visitor extends ContentVisitor>(
  source: ByteSource,
  syntax: TransferSyntax,
  visitor: Visitor,
  options: ContentOptions,
): AsyncGenerator<Visitor, void, undefined> {
  const reader = new ContentReader(visitor, syntax, options);
  for await (const { visitor: shown } of readSource(source, syntax, reader, options.limits)) yield shown;
  reader.close();
}
