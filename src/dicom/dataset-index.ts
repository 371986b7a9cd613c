import type { PatientIdentity } from '../core/index.js';
import { Inflater } from './inflate.js';
import { maxOffsetTableBytes, PixelDataIndexer, type PixelData } from './dataset-index-pixel-data.js';
import {
  DatasetReader,
  type DatasetVisitor,
  type ElementHeader,
  type ReaderLimits,
  type ValueMode,
} from './reader.js';
import { RepetitionIndexer, type RepeatedElements } from './repeated-elements.js';
import type { Tag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';

/** Whose bytes they are. */
export interface DatasetUids {
  readonly sopClassUid?: string;
  readonly sopInstanceUid?: string;
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
}

/** What the gateway knows of an instance without its bytes; offsets count in the (inflated) dataset. */
export interface DatasetIndex extends DatasetUids {
  /** Bytes of the (inflated) dataset. */
  readonly length: number;
  readonly transferSyntaxUid: string;
  readonly rows?: number;
  readonly columns?: number;
  readonly bitsAllocated?: number;
  readonly samplesPerPixel?: number;
  readonly bitsStored?: number;
  /** 1: samples are signed. */
  readonly pixelRepresentation?: number;
  /** 1: colours stand in planes. */
  readonly planarConfiguration?: number;
  /** Left out when absent or no positive integer. */
  readonly numberOfFrames?: number;
  readonly photometricInterpretation?: string;
  readonly pixelData?: PixelData;
  /** Left out when every tag is there once. */
  readonly repeated?: RepeatedElements;
}

const PIXEL_DATA_GROUP = 0x7fe0;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const texts = {
  [Tags.SOPClassUID]: 'sopClassUid',
  [Tags.SOPInstanceUID]: 'sopInstanceUid',
  [Tags.StudyInstanceUID]: 'studyInstanceUid',
  [Tags.SeriesInstanceUID]: 'seriesInstanceUid',
  [Tags.PhotometricInterpretation]: 'photometricInterpretation',
} as const;
const numbers = {
  [Tags.Rows]: 'rows',
  [Tags.Columns]: 'columns',
  [Tags.BitsAllocated]: 'bitsAllocated',
  [Tags.SamplesPerPixel]: 'samplesPerPixel',
  [Tags.BitsStored]: 'bitsStored',
  [Tags.PixelRepresentation]: 'pixelRepresentation',
  [Tags.PlanarConfiguration]: 'planarConfiguration',
} as const;
const textByTag: ReadonlyMap<Tag, (typeof texts)[keyof typeof texts]> = mapOf(texts);
const numberByTag: ReadonlyMap<Tag, (typeof numbers)[keyof typeof numbers]> = mapOf(numbers);
/** As far into a dataset nearly all attributes are that come before its pixel data; an arriving instance has room for it. */
const maxHeadBytes = 128 * 1024;
/** A UID or code string with room for sloppy padding; what is longer is no such value. */
const maxTextBytes = 256;

/**
 * Indexes an instance while its bytes pass: memory for the fragments of its pixel data, not for their bytes. A deflated
 * dataset is inflated here, within the bounds of `inflate`.
 */
export class DatasetIndexer {
  readonly #syntax: TransferSyntax;
  readonly #visitor: IndexVisitor;
  readonly #reader: DatasetReader;
  readonly #inflater: Inflater | undefined;

  constructor(syntax: TransferSyntax, limits: Partial<ReaderLimits> = {}) {
    this.#syntax = syntax;
    this.#visitor = new IndexVisitor(syntax);
    this.#reader = new DatasetReader(syntax, this.#visitor, {
      maxCollectedBytes: maxOffsetTableBytes,
      ...limits,
    });
    this.#inflater = syntax.deflated ? new Inflater() : undefined;
  }

  /** What has been read of them so far. */
  get uids(): DatasetUids {
    return { ...this.#visitor.attributes };
  }

  /**
   * Reads the next bytes; wait for the promise, if there is one, before the next call.
   * @throws GatewayError `malformed-dataset`, thrown or as the promise's rejection
   */
  push(bytes: Buffer): void | Promise<void> {
    if (this.#inflater) return this.#pushDeflated(this.#inflater, bytes);
    this.#reader.push(bytes);
  }

  /** Whose it is, as far as has been read; it is no part of the index, which is kept. */
  get patient(): PatientIdentity | undefined {
    return this.#visitor.patient;
  }

  /** Whether its attributes have passed, or so many bytes of them that nobody should wait for more. */
  get isHeadOver(): boolean {
    return this.#visitor.isAtPixels || this.#reader.offset >= maxHeadBytes;
  }

  /** Elements that have come again so far. */
  get repeated(): RepeatedElements | undefined {
    return this.#visitor.repetitions.finish();
  }

  /** What is known after the bytes so far; `length` counts these. See `indexForFrame`. */
  soFar(): DatasetIndex {
    return this.#index(false);
  }

  /**
   * The index, when all bytes have been pushed.
   * @throws GatewayError `malformed-dataset` when the dataset is not whole
   */
  async end(): Promise<DatasetIndex> {
    if (this.#inflater) {
      for (const output of await this.#inflater.finish()) this.#reader.push(output);
      this.#inflater.close();
    }
    this.#reader.end();
    return this.#index(this.#reader.unterminated);
  }

  #index(unterminated: boolean): DatasetIndex {
    const pixelData = this.#visitor.pixelData.finish(unterminated);
    const repeated = this.repeated;
    return {
      ...this.#visitor.attributes,
      length: this.#reader.offset,
      transferSyntaxUid: this.#syntax.uid,
      ...(pixelData && { pixelData }),
      ...(repeated && { repeated }),
    };
  }

  async #pushDeflated(inflater: Inflater, bytes: Buffer): Promise<void> {
    try {
      for await (const outputs of inflater.push(bytes)) {
        for (const output of outputs) this.#reader.push(output);
      }
    } catch (error) {
      inflater.close();
      throw error;
    }
  }
}

class IndexVisitor implements DatasetVisitor {
  readonly attributes: Mutable<
    Omit<DatasetIndex, 'length' | 'transferSyntaxUid' | 'pixelData' | 'repeated'>
  > = {};
  readonly pixelData: PixelDataIndexer;
  readonly repetitions = new RepetitionIndexer();
  isAtPixels = false;
  readonly #little: boolean;
  #patientId = '';
  #issuer = '';

  constructor(syntax: TransferSyntax) {
    this.#little = syntax.byteOrder === 'little';
    this.pixelData = new PixelDataIndexer(this.#little);
  }

  get patient(): PatientIdentity | undefined {
    if (this.#patientId === '') return undefined;
    return { id: this.#patientId, ...(this.#issuer !== '' && { issuer: this.#issuer }) };
  }

  element(element: ElementHeader): ValueMode {
    const { tag, length } = element;
    this.repetitions.element(tag, element.headerOffset);
    if (element.depth > 0) return 'skip';
    if (tag >>> 16 === PIXEL_DATA_GROUP) this.isAtPixels = true;
    if (textByTag.has(tag) || tag === Tags.NumberOfFrames) return length <= maxTextBytes ? 'collect' : 'skip';
    if (tag === Tags.PatientID || tag === Tags.IssuerOfPatientID)
      return length <= maxTextBytes ? 'collect' : 'skip';
    if (numberByTag.has(tag)) return length === 2 ? 'collect' : 'skip';
    return this.pixelData.element(element);
  }

  value(element: ElementHeader, bytes: Buffer): void {
    const { tag } = element;
    const text = textByTag.get(tag);
    const number = numberByTag.get(tag);
    if (text) this.#setText(text, bytes);
    else if (number) this.attributes[number] = this.#little ? bytes.readUInt16LE() : bytes.readUInt16BE();
    else if (tag === Tags.NumberOfFrames) this.#setNumberOfFrames(bytes);
    else if (tag === Tags.PatientID) this.#patientId = identifier(bytes);
    else if (tag === Tags.IssuerOfPatientID) this.#issuer = identifier(bytes);
    else this.pixelData.value(element, bytes);
  }

  beginSequence({ tag, headerOffset }: ElementHeader): void {
    this.repetitions.element(tag, headerOffset);
  }

  beginItem(): void {
    this.repetitions.beginItem();
  }

  endItem(): void {
    this.repetitions.endItem();
  }

  chunk(_element: ElementHeader, bytes: Buffer): void {
    this.pixelData.chunk(bytes);
  }

  fragment(
    element: ElementHeader,
    index: number,
    valueOffset: number,
    length: number,
  ): ValueMode | undefined {
    return element.depth === 0 ? this.pixelData.fragment(index, valueOffset, length) : 'skip';
  }

  #setText(name: (typeof texts)[keyof typeof texts], bytes: Buffer): void {
    const value = trimmed(bytes);
    if (value !== '') this.attributes[name] = value;
  }

  #setNumberOfFrames(bytes: Buffer): void {
    const value = trimmed(bytes);
    const count = /^\+?\d{1,10}$/.test(value) ? Number(value) : 0;
    if (count > 0) this.attributes.numberOfFrames = count;
  }
}

/** An identifier, which nearly always is ASCII; others are read as UTF-8. */
const identifier = (bytes: Buffer): string =>
  bytes
    .toString('utf8')
    .replace(/[\0 ]+$/, '')
    .trimStart();

/** The value without its padding: blanks, or the NULs of a UID (and of writers that pad everything so). */
function trimmed(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  let end = text.length;
  while (end > 0 && (text[end - 1] === '\0' || text[end - 1] === ' ')) end--;
  return text.slice(0, end).trimStart();
}

function mapOf<V>(table: Readonly<Record<number, V>>): ReadonlyMap<Tag, V> {
  return new Map(Object.entries(table).map(([tag, value]) => [Number(tag), value]));
}
