import { GatewayError } from '../core/index.js';
import { isPlainAscii } from './character-set.js';
import { inflate } from './inflate.js';
import {
  DatasetReader,
  type DatasetVisitor,
  type ElementHeader,
  type ReaderLimits,
  type ValueMode,
} from './reader.js';
import { formatTag, isGroupLength, type Tag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import { vrTraits } from './vr.js';

/** An element at the top level of a dataset, and its value; of an attribute that comes again the last one alone has it. */
export interface FoundElement extends ElementHeader {
  readonly value: Buffer;
}

/** A sequence at the top level. */
export interface FoundSequence {
  readonly header: ElementHeader;
  /** Where another item goes. */
  readonly itemsEnd: number;
  /** The last item is of undefined length, and nothing but the end of the sequence ends it. */
  readonly isOpen: boolean;
}

/** Where those elements of a dataset lie that somebody wants to change; offsets count in the (inflated) dataset. */
export interface Survey {
  /** Those that are wanted, in the order of the dataset; an attribute that comes again more than once. */
  readonly elements: ReadonlyMap<Tag, readonly FoundElement[]>;
  /** Where an element of this tag goes that is missing: before the first one of a higher tag. */
  readonly places: ReadonlyMap<Tag, number>;
  readonly groupLengths: readonly FoundElement[];
  /** (0400,0561). */
  readonly originalAttributes: FoundSequence | undefined;
  /** Whether all text in the dataset is ASCII, in its sequences too. */
  readonly isAscii: boolean;
}

/** Nobody repeats an attribute in earnest; each is kept in memory. */
const maxFound = 1000;

/**
 * Looks through a whole dataset for `wanted`, which are no sequences, and for what must change with them.
 *
 * @throws GatewayError `malformed-dataset` also where what is wanted is a sequence, or is longer than `limits` allow;
 * or what `chunks` throws
 */
export async function surveyDataset(
  chunks: AsyncIterable<Buffer>,
  syntax: TransferSyntax,
  wanted: Iterable<Tag>,
  limits: Partial<ReaderLimits>,
): Promise<Survey> {
  const visitor: SurveyVisitor = new SurveyVisitor(wanted, () => reader.offset);
  const reader: DatasetReader = new DatasetReader(syntax, visitor, limits);
  for await (const chunk of syntax.deflated ? inflate(chunks) : chunks) reader.push(chunk);
  reader.end();
  visitor.finish();
  return visitor;
}

class SurveyVisitor implements DatasetVisitor, Survey {
  readonly elements = new Map<Tag, FoundElement[]>();
  readonly places = new Map<Tag, number>();
  readonly groupLengths: FoundElement[] = [];
  originalAttributes: FoundSequence | undefined;
  isAscii = true;
  readonly #wanted: ReadonlySet<Tag>;
  /** Those that have no place yet, in ascending order. */
  readonly #unplaced: Tag[];
  readonly #offset: () => number;
  #found = 0;
  #depth = 0;
  #endOfLast = 0;
  #endOfItem = -1;

  constructor(wanted: Iterable<Tag>, offset: () => number) {
    this.#wanted = new Set(wanted);
    this.#unplaced = [...this.#wanted, Tags.OriginalAttributesSequence].sort((one, other) => one - other);
    this.#offset = offset;
  }

  /** What has no place yet goes to the end, before zeros that may follow it. */
  finish(): void {
    this.#placeBelow(Infinity, this.#endOfLast);
  }

  element(header: ElementHeader): ValueMode {
    const { tag, depth, length, vr, headerOffset, valueOffset } = header;
    const passed = length >= 0 && vrTraits(vr).encoded ? 'stream' : 'skip';
    if (depth > 0) return passed;
    this.#placeBelow(tag, headerOffset);
    if (tag === Tags.OriginalAttributesSequence) {
      this.originalAttributes = { header, itemsEnd: valueOffset + length, isOpen: false };
      return 'skip';
    }
    if (isGroupLength(tag)) return length === 4 ? 'collect' : 'skip';
    if (!this.#wanted.has(tag)) return passed;
    if (length < 0) throw noValue(tag);
    return 'collect';
  }

  value(header: ElementHeader, bytes: Buffer): void {
    this.chunk(header, bytes);
    if (++this.#found > maxFound)
      throw new GatewayError('malformed-dataset', 'The dataset repeats attributes beyond all measure.');
    // The bytes are the reader's, which uses them again.
    const found = { ...header, value: Buffer.from(bytes) };
    if (isGroupLength(header.tag)) this.groupLengths.push(found);
    else {
      // Of what comes again the last value counts, and of the others nothing but their place.
      const before = this.elements.get(header.tag) ?? [];
      this.elements.set(header.tag, [...before.map((one) => ({ ...one, value: NO_VALUE })), found]);
    }
  }

  chunk({ vr }: ElementHeader, bytes: Buffer): void {
    if (vrTraits(vr).encoded && this.isAscii) this.isAscii = isPlainAscii(bytes);
  }

  endElement({ depth }: ElementHeader): void {
    if (depth === 0) this.#endOfLast = this.#offset();
  }

  beginSequence({ tag, headerOffset, depth }: ElementHeader): void {
    if (depth > 0) return;
    this.#placeBelow(tag, headerOffset);
    if (this.#wanted.has(tag)) throw noValue(tag);
  }

  endSequence(header: ElementHeader): void {
    const { tag, depth, length } = header;
    if (depth > 0) return;
    const end = this.#offset();
    this.#endOfLast = end;
    if (tag !== Tags.OriginalAttributesSequence) return;
    const isDelimited = length < 0;
    const isOpen = isDelimited && this.#endOfItem === end;
    this.originalAttributes = { header, itemsEnd: isDelimited ? end - DELIMITER_BYTES : end, isOpen };
  }

  beginItem(): void {
    this.#depth += 1;
  }

  endItem(): void {
    this.#depth -= 1;
    if (this.#depth === 0) this.#endOfItem = this.#offset();
  }

  #placeBelow(tag: Tag, offset: number): void {
    for (let [next] = this.#unplaced; next !== undefined && next < tag; [next] = this.#unplaced) {
      this.places.set(next, offset);
      this.#unplaced.shift();
    }
  }
}

const DELIMITER_BYTES = 8;
const NO_VALUE = Buffer.alloc(0);

const noValue = (tag: Tag): GatewayError =>
  new GatewayError(
    'malformed-dataset',
    `(${formatTag(tag)}) of the dataset is no value that can be changed.`,
  );
