import { GatewayError, type ByteSource } from '../core/index.js';
import { elementToJson, formatElement, isLeftOut, unicodeElement } from './dicom-json.js';
import { valueToJson } from './dicom-json-value.js';
import {
  defaultReaderLimits,
  type DatasetVisitor,
  type ElementHeader,
  type ReaderLimits,
  type ValueMode,
} from './reader.js';
import { readSource } from './read-source.js';
import { resolveVr } from './resolve-vr.js';
import { formatTag, type Tag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import { swapValue } from './value-order.js';
import { textValues } from './value-text.js';
import { vrTraits, type Vr } from './vr.js';

/** Where the metadata of an instance ends and its bulk data begins; lengths in bytes. */
export interface DicomJsonOptions {
  /** The BulkDataURI of an element by its path: `00420011`, `00480105/0/00282000`; `7FE00010` for all pixel data. */
  readonly bulkDataUri: (path: string) => string;
  /** Bytes and binary numbers up to this length are inline, longer ones are bulk data; pixel data always is. */
  readonly inlineLimitBytes: number;
  /** How text reads where the instance names no character set; the default repertoire when left out. */
  readonly fallbackCharacterSet?: string;
  readonly limits?: Partial<ReaderLimits>;
}

/** What goes out at once. */
const chunkLength = 64 * 1024;
/** Attributes of the datasets that are open at one time, kept to notice duplicates; real ones have a few hundred. */
const maxOpenTags = 100_000;

const pixelDataTags: ReadonlySet<Tag> = new Set([
  Tags.FloatPixelData,
  Tags.DoubleFloatPixelData,
  Tags.PixelData,
]);
const pixelDataPath = formatTag(Tags.PixelData);

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

/** Writes what the reader finds as JSON text, which its driver takes from time to time. */
class JsonVisitor implements DatasetVisitor {
  readonly #options: DicomJsonOptions;
  readonly #maxCollected: number;
  readonly #sequences: OpenSequence[] = [];
  #level: Level;
  #text = '{';
  #openTags = 0;
  /** Sequences that are being passed over, nested. */
  #ignored = 0;

  constructor(syntax: TransferSyntax, options: DicomJsonOptions) {
    this.#options = options;
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
    this.#text += '}';
  }

  element(element: ElementHeader): ValueMode {
    const { tag, length } = element;
    if (this.#ignored > 0 || !this.#isNew(tag)) return 'skip';
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
    if (tag === Tags.SpecificCharacterSet) {
      if (level.path === '' && this.#declaresMoreThanAscii()) this.#write(tag, formatElement(unicodeElement));
      return;
    }
    const values = valueToJson(value, vr, level.characterSet);
    if (values === undefined && bulkVrs.has(vr)) this.#writeBulkData(tag, vr);
    else this.#write(tag, formatElement(elementToJson(vr, values, value)));
  }

  beginSequence(element: ElementHeader): void {
    if (this.#ignored > 0 || !this.#isNew(element.tag)) {
      this.#ignored++;
      return;
    }
    this.#write(element.tag, '{"vr":"SQ"');
    this.#sequences.push({ element, outer: this.#level, items: 0 });
  }

  beginItem(index: number): void {
    const sequence = this.#sequences.at(-1);
    if (this.#ignored > 0 || sequence === undefined) return;
    const { element, outer } = sequence;
    this.#text += sequence.items++ === 0 ? ',"Value":[{' : ',{';
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
    this.#text += '}';
  }

  endSequence(): void {
    if (this.#ignored > 0) {
      this.#ignored--;
      return;
    }
    const sequence = this.#sequences.pop();
    this.#text += sequence === undefined || sequence.items === 0 ? '}' : ']}';
  }

  /** Whether the attribute is to be written: one that belongs here, and the first with its tag (J-19). */
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
      const terms = textValues(value, [], 'CS');
      if (terms.length > 0) level.characterSet = terms;
    } else if (tag === Tags.PixelRepresentation) {
      level.signed = value[0] === 1;
    } else if (tag === Tags.BitsAllocated && value.length >= 2) {
      level.bitsAllocated = value.readUInt16LE();
    }
  }

  #declaresMoreThanAscii(): boolean {
    return this.#level.characterSet.some((term) => !/^(?:ISO(?:_| 2022 )IR 6)?$/.test(term));
  }

  #writeBulkData(tag: Tag, vr: Vr, path = `${this.#level.path}${formatTag(tag)}`): void {
    this.#write(tag, JSON.stringify({ vr, BulkDataURI: this.#options.bulkDataUri(path) }));
  }

  #write(tag: Tag, json: string): void {
    this.#text += `${this.#level.isEmpty ? '' : ','}"${formatTag(tag)}":${json}`;
    this.#level.isEmpty = false;
  }
}

/**
 * The metadata of one instance as a DICOM JSON object, UTF-8 text in chunks of about 64 KiB, in memory that does not grow
 * with the instance: long values are jumped over, and each value is read, written and forgotten.
 *
 * Attributes come in the order of the dataset, which is ascending in every dataset that keeps to PS3.5 7.1. Of a tag that
 * comes twice the first one stays, for it has left already. (0008,0005) says ISO_IR 192 where the instance declares more
 * than ASCII, and is left out otherwise. NaN and the infinities are bulk data.
 *
 * @throws GatewayError `malformed-dataset`, or what the source throws; what came before is then no JSON
 * @see PS3.18 F.2, 10.4.3.3.2
 */
export async function* writeDicomJson(
  source: ByteSource,
  syntax: TransferSyntax,
  options: DicomJsonOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const visitor = new JsonVisitor(syntax, options);
  for await (const written of readSource(source, syntax, visitor, options.limits)) {
    if (written.length >= chunkLength) yield written.take();
  }
  visitor.close();
  yield visitor.take();
}
