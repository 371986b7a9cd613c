import { Dataset } from './dataset.js';
import {
  DatasetReader,
  type DatasetVisitor,
  type ElementHeader,
  type ReaderLimits,
  type ValueMode,
} from './reader.js';
import { readHeader, type RawHeader } from './reader-header.js';
import { resolveVr } from './resolve-vr.js';
import type { Tag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import { swapValue } from './value-order.js';

/** What bounds the reading of a dataset, and how its text reads. */
export interface DecodeOptions {
  readonly limits?: Partial<ReaderLimits>;
  /** How text reads where the dataset names no character set; the default repertoire when left out. */
  readonly fallbackCharacterSet?: string;
  /** Hears of a tag that comes again in the same dataset or item. */
  readonly onRepeated?: (tag: Tag) => void;
}

interface OpenSequence {
  readonly element: ElementHeader;
  readonly items: Dataset[];
  /** The dataset that the sequence is in, and how that one is encoded. */
  readonly outer: Level;
}

interface Level {
  readonly dataset: Dataset;
  readonly implicit: boolean;
  readonly swapped: boolean;
  signed: boolean;
}

/** Builds the tree of a dataset that is read. Sequences and items are a stack of their own: hostile nesting costs no calls. */
export class DatasetBuilder implements DatasetVisitor {
  readonly root: Dataset;
  readonly #sequences: OpenSequence[] = [];
  #level: Level;

  readonly #onRepeated: DecodeOptions['onRepeated'];

  constructor(
    syntax: TransferSyntax,
    fallbackCharacterSet: readonly string[],
    onRepeated?: DecodeOptions['onRepeated'],
  ) {
    this.#onRepeated = onRepeated;
    this.root = new Dataset({ fallbackCharacterSet });
    this.#level = {
      dataset: this.root,
      implicit: syntax.vr === 'implicit',
      swapped: syntax.byteOrder === 'big',
      signed: false,
    };
  }

  element({ length }: ElementHeader): ValueMode {
    return length < 0 ? 'skip' : 'collect';
  }

  value(element: ElementHeader, bytes: Buffer): void {
    const level = this.#level;
    const vr = resolveVr(element.tag, element.vr, level);
    const value = level.swapped ? swapValue(bytes, element.vr) : bytes;
    if (level.dataset.has(element.tag)) this.#onRepeated?.(element.tag);
    level.dataset.setBytes(element.tag, vr, value);
    if (element.tag === Tags.PixelRepresentation) level.signed = value[0] === 1;
  }

  beginSequence(element: ElementHeader): void {
    const items: Dataset[] = [];
    if (this.#level.dataset.has(element.tag)) this.#onRepeated?.(element.tag);
    this.#level.dataset.setItems(element.tag, items);
    this.#sequences.push({ element, items, outer: this.#level });
  }

  beginItem(): void {
    const sequence = this.#sequences.at(-1);
    if (sequence === undefined) return;
    const { outer, items, element } = sequence;
    const dataset = new Dataset({ fallbackCharacterSet: outer.dataset.characterSet });
    items.push(dataset);
    this.#level = {
      dataset,
      implicit: outer.implicit || element.unknownSequence === true,
      swapped: outer.swapped && element.unknownSequence !== true,
      signed: outer.signed,
    };
  }

  endItem(): void {
    const sequence = this.#sequences.at(-1);
    if (sequence !== undefined) this.#level = sequence.outer;
  }

  endSequence(): void {
    this.#sequences.pop();
  }
}

/** Larger ones are no rows of an answer, and get the limits of the reader. */
const maxFlatBytes = 64 * 1024;

/**
 * A short dataset without sequences that has every tag once, as most rows of a C-FIND are, without the events of the reader; `undefined` for
 * everything else, right or wrong, which the reader is to judge.
 */
function decodeFlat(
  bytes: Buffer,
  syntax: TransferSyntax,
  fallbackCharacterSet: readonly string[],
): Dataset | undefined {
  const coding = { explicit: syntax.vr === 'explicit', little: syntax.byteOrder === 'little' };
  const dataset = new Dataset({ fallbackCharacterSet });
  const context = { implicit: !coding.explicit, signed: false };
  let elements = 0;
  const header: RawHeader = { tag: 0, vr: 'UN', length: 0 };
  for (let offset = 0; offset < bytes.length; offset += header.length) {
    elements += 1;
    const size = readHeader(header, bytes, offset, bytes.length - offset, coding);
    offset += size;
    const { tag, vr, length } = header;
    const isPlain = size > 0 && tag !== 0 && vr !== 'SQ' && tag >>> 16 !== 0xfffe;
    if (!isPlain || length < 0 || length > bytes.length - offset) return undefined;
    const value = bytes.subarray(offset, offset + length);
    if (!coding.little) swapValue(value, vr);
    dataset.setBytes(tag, resolveVr(tag, vr, context), value);
    if (tag === Tags.PixelRepresentation) context.signed = value[0] === 1;
  }
  return dataset.size === elements ? dataset : undefined;
}

/**
 * The dataset that `bytes` are, all of it at once: for identifiers and the like. `bytes` may be used again afterwards.
 *
 * Of a tag that comes twice the last one stays (J-19). Encapsulated pixel data is left out: it has no value field.
 *
 * @throws GatewayError `malformed-dataset`
 * @see PS3.5 7
 */
export function decodeDataset(bytes: Buffer, syntax: TransferSyntax, options: DecodeOptions = {}): Dataset {
  const { fallbackCharacterSet, onRepeated } = options;
  const fallback = fallbackCharacterSet === undefined ? [] : fallbackCharacterSet.split('\\');
  const isShort = bytes.length <= maxFlatBytes && options.limits === undefined;
  const flat = isShort ? decodeFlat(Buffer.from(bytes), syntax, fallback) : undefined;
  if (flat !== undefined) return flat;
  const builder = new DatasetBuilder(syntax, fallback, onRepeated);
  // One value cannot be longer than all of them, so nothing is kept that is not there already.
  const reader = new DatasetReader(syntax, builder, { maxCollectedBytes: bytes.length, ...options.limits });
  // Values are views on what the reader is given: a copy, because callers read rows into the same buffer again.
  reader.push(Buffer.from(bytes));
  reader.end();
  return builder.root;
}
