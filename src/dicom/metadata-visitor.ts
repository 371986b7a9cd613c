import { GatewayError } from '../core/index.js';
import { readableTerms } from './character-set.js';
import { elementToJson, isLeftOut, unicodeElement } from './dicom-json.js';
import type { DicomJsonElement, NumericStrings } from './dicom-json-value.js';
import type { ModelFormat } from './model-format.js';
import {
  defaultReaderLimits,
  type DatasetVisitor,
  type ElementHeader,
  type ReaderLimits,
  type ValueMode,
} from './reader.js';
import { resolveVr } from './resolve-vr.js';
import { formatTag, type Tag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import { swapValue } from './value-order.js';
import { textValues } from './value-text.js';
import { vrTraits, type Vr } from './vr.js';

/** Where the metadata of an instance ends and its bulk data begins; lengths in bytes. */
export interface MetadataOptions {
  /** The BulkDataURI of an element by its path: `00420011`, `00480105/0/00282000`; `7FE00010` for all pixel data. */
  readonly bulkDataUri: (path: string) => string;
  /** Bytes and binary numbers up to this length are inline, longer ones are bulk data; pixel data always is. */
  readonly inlineLimitBytes: number;
  /** How text reads where the instance names no character set; the default repertoire when left out. */
  readonly fallbackCharacterSet?: string;
  /** Of DICOM JSON; numbers when left out. XML has them as they are spelled. */
  readonly numericStrings?: NumericStrings;
  /** Where elements are that come again later, which count instead (J-19); as the index of the dataset has them. */
  readonly superseded?: readonly number[];
  readonly limits?: Partial<ReaderLimits>;
}

/** Attributes of the datasets that are open at one time, kept to notice duplicates; real ones have a few hundred. */
const maxOpenTags = 100_000;

const pixelDataTags: ReadonlySet<Tag> = new Set([
  Tags.FloatPixelData,
  Tags.DoubleFloatPixelData,
  Tags.PixelData,
]);
const pixelDataPath = formatTag(Tags.PixelData);

/** What `#notice` looks at. */
const readBy: ReadonlySet<Tag> = new Set([
  Tags.SpecificCharacterSet,
  Tags.PixelRepresentation,
  Tags.BitsAllocated,
]);

/** VRs that may be a BulkDataURI, besides those of bytes (J-10). */
const bulkVrs: ReadonlySet<Vr> = new Set<Vr>([
  'DS',
  'FD',
  'FL',
  'IS',
  'LT',
  'SL',
  'SS',
  'ST',
  'SV',
  'UC',
  'UL',
  'US',
  'UT',
  'UV',
]);

function isBytesVr(vr: Vr): boolean {
  return vr === 'UN' || vr.startsWith('O');
}

/** A dataset or item that is being written. */
interface Level {
  /** Where it is: empty, or `00480105/0/`. */
  readonly path: string;
  readonly implicit: boolean;
  readonly swapped: boolean;
  readonly tags: Set<Tag>;
  characterSet: readonly string[];
  signed: boolean;
  bitsAllocated: number;
  isEmpty: boolean;
}

interface OpenSequence {
  readonly element: ElementHeader;
  readonly outer: Level;
  items: number;
}

/** Writes what the reader finds as text of one form, which its driver takes from time to time. */
export class MetadataVisitor implements DatasetVisitor {
  readonly #format: ModelFormat;
  readonly #options: MetadataOptions;
  readonly #maxCollected: number;
  readonly #superseded: ReadonlySet<number>;
  readonly #sequences: OpenSequence[] = [];
  #level: Level;
  #text: string;
  #openTags = 0;
  /** Sequences that are being passed over, nested. */
  #ignored = 0;

  constructor(format: ModelFormat, syntax: TransferSyntax, options: MetadataOptions) {
    this.#format = format;
    this.#text = format.begin;
    this.#options = options;
    this.#superseded = new Set(options.superseded);
    this.#maxCollected = options.limits?.maxCollectedBytes ?? defaultReaderLimits.maxCollectedBytes;
    this.#level = {
      path: '',
      implicit: syntax.vr === 'implicit',
      swapped: syntax.byteOrder === 'big',
      tags: new Set(),
      characterSet: options.fallbackCharacterSet?.split('\\') ?? [],
      signed: false,
      bitsAllocated: 0,
      isEmpty: true,
    };
  }

  get length(): number {
    return this.#text.length;
  }

  take(): Buffer {
    const bytes = Buffer.from(this.#text, 'utf8');
    this.#text = '';
    return bytes;
  }

  close(): void {
    this.#text += this.#format.end;
  }

  element(element: ElementHeader): ValueMode {
    const { tag, length } = element;
    if (this.#ignored > 0) return 'skip';
    if (this.#superseded.has(element.headerOffset)) return this.#isReadBy(element) ? 'collect' : 'skip';
    if (!this.#isNew(tag)) return 'skip';
    if (length === 0) return 'collect';
    const vr = this.#vrOf(element);
    if (this.#level.path === '' && pixelDataTags.has(tag)) {
      this.#writeBulkData(tag, vr, pixelDataPath);
      return 'skip';
    }
    if (length > 0 && this.#isInline(vr, length)) return 'collect';
    this.#writeBulkData(tag, vr);
    return 'skip';
  }

  value(element: ElementHeader, bytes: Buffer): void {
    const { tag } = element;
    const level = this.#level;
    const vr = this.#vrOf(element);
    const value = level.swapped ? swapValue(Buffer.from(bytes), element.vr) : bytes;
    this.#notice(tag, value);
    if (this.#superseded.has(element.headerOffset)) return;
    if (tag === Tags.SpecificCharacterSet) {
      if (level.path === '' && this.#declaresMoreThanAscii(value)) this.#write(tag, unicodeElement);
      return;
    }
    const values = this.#format.values(value, vr, level.characterSet);
    if (values === undefined && bulkVrs.has(vr)) this.#writeBulkData(tag, vr);
    else this.#write(tag, elementToJson(vr, values, value));
  }

  beginSequence(element: ElementHeader): void {
    if (this.#ignored > 0 || this.#superseded.has(element.headerOffset) || !this.#isNew(element.tag)) {
      this.#ignored++;
      return;
    }
    this.#text += this.#format.beginSequence(element.tag, this.#isFirst());
    this.#sequences.push({ element, outer: this.#level, items: 0 });
  }

  beginItem(index: number): void {
    const sequence = this.#sequences.at(-1);
    if (this.#ignored > 0 || sequence === undefined) return;
    const { element, outer } = sequence;
    this.#text += this.#format.beginItem(sequence.items++);
    this.#level = {
      path: `${outer.path}${formatTag(element.tag)}/${index}/`,
      implicit: outer.implicit || element.unknownSequence === true,
      swapped: outer.swapped && element.unknownSequence !== true,
      tags: new Set(),
      characterSet: outer.characterSet,
      signed: outer.signed,
      bitsAllocated: 0,
      isEmpty: true,
    };
  }

  endItem(): void {
    const sequence = this.#sequences.at(-1);
    if (this.#ignored > 0 || sequence === undefined) return;
    this.#openTags -= this.#level.tags.size;
    this.#level = sequence.outer;
    this.#text += this.#format.endItem();
  }

  endSequence(): void {
    if (this.#ignored > 0) {
      this.#ignored--;
      return;
    }
    this.#text += this.#format.endSequence(this.#sequences.pop()?.items ?? 0);
  }

  /** Whether what follows reads by the value, even if it comes again. */
  #isReadBy({ tag, length }: ElementHeader): boolean {
    return readBy.has(tag) && length <= this.#maxCollected;
  }

  /** Whether the attribute is to be written: one that belongs here, and the first with its tag that stays (J-19). */
  #isNew(tag: Tag): boolean {
    const { tags } = this.#level;
    if (isLeftOut(tag) || tags.has(tag)) return false;
    if (++this.#openTags > maxOpenTags) {
      throw new GatewayError(
        'malformed-dataset',
        `The dataset has more than ${maxOpenTags} attributes open at once.`,
      );
    }
    tags.add(tag);
    return true;
  }

  #vrOf({ tag, vr, length }: ElementHeader): Vr {
    if (!pixelDataTags.has(tag)) return resolveVr(tag, vr, this.#level);
    if (tag !== Tags.PixelData) return tag === Tags.FloatPixelData ? 'OF' : 'OD';
    if (length < 0) return 'OB';
    return this.#level.bitsAllocated > 8 || vr !== 'OB' ? 'OW' : 'OB';
  }

  /** Text is inline as long as it can be collected; what may never be bulk data is left to the reader to refuse. */
  #isInline(vr: Vr, length: number): boolean {
    if (isBytesVr(vr)) return length <= Math.min(this.#options.inlineLimitBytes, this.#maxCollected);
    if (!bulkVrs.has(vr)) return true;
    return length <= (vrTraits(vr).text ? this.#maxCollected : this.#options.inlineLimitBytes);
  }

  /** What later elements are read by. */
  #notice(tag: Tag, value: Buffer): void {
    const level = this.#level;
    if (tag === Tags.SpecificCharacterSet) {
      const terms = readableTerms(textValues(value, [], 'CS'));
      if (terms.length > 0) level.characterSet = terms;
    } else if (tag === Tags.PixelRepresentation) {
      level.signed = value[0] === 1;
    } else if (tag === Tags.BitsAllocated && value.length >= 2) {
      level.bitsAllocated = value.readUInt16LE();
    }
  }

  #declaresMoreThanAscii(value: Buffer): boolean {
    const terms = [...textValues(value, [], 'CS'), ...this.#level.characterSet];
    return terms.some((term) => !/^(?:ISO(?:_| 2022 )IR 6)?$/.test(term));
  }

  #writeBulkData(tag: Tag, vr: Vr, path = `${this.#level.path}${formatTag(tag)}`): void {
    this.#write(tag, { vr, BulkDataURI: this.#options.bulkDataUri(path) });
  }

  #write(tag: Tag, element: DicomJsonElement): void {
    this.#text += this.#format.element(tag, element, this.#isFirst());
  }

  /** Whether this attribute is the first of its dataset. */
  #isFirst(): boolean {
    const { isEmpty } = this.#level;
    this.#level.isEmpty = false;
    return isEmpty;
  }
}
