/** Datasets of the DICOM JSON model as bytes. */
import { GatewayError } from '../core/index.js';
import { isAsciiText } from './character-set-encode.js';
import type { DicomJsonElement, DicomJsonName, DicomJsonObject, DicomJsonValue } from './dicom-json-value.js';
import { unicodeElement } from './dicom-json.js';
import { OutputBuffer } from './output-buffer.js';
import { formatTag, type Tag } from './tag.js';
import { Tags } from './tags.js';
import { formatDecimal, isNumberVr, writeNumbers } from './value-number.js';
import { isVr, vrTraits, type Vr } from './vr.js';

/** Where the value of an attribute lies that is not in the document. */
export interface BulkGap {
  readonly tag: Tag;
  readonly vr: Vr;
  readonly uri: string;
  /** Within a sequence. */
  readonly nested: boolean;
}

/** Bytes of a dataset in ascending order, or a gap in it: an element whose value is elsewhere, header and all. */
export type DatasetPiece = Buffer | BulkGap;

const undefinedLength = 0xffffffff;
/** The longest value of even length that a 16 bit length can tell. */
const maxShortLength = 0xfffe;
/** Values of these are not divided by backslashes. */
const singleValued: ReadonlySet<Vr> = new Set(['LT', 'ST', 'UR', 'UT']);
// eslint-disable-next-line no-control-regex -- what PS3.5 6.1.3 does not allow in text is what it looks for
const forbidden = /[\x00-\x08\x0B\x0E-\x1F\x7F]/;

/** In words that hold nothing of the document. */
const invalid = (message: string): GatewayError => new GatewayError('bad-request', message);

/**
 * A dataset of the DICOM JSON model in Explicit VR Little Endian, its attributes in ascending order, with a gap for each
 * BulkDataURI. Text is UTF-8, which (0008,0005) says where some of it is not ASCII.
 *
 * @throws GatewayError `bad-request` when a VR cannot hold a value
 * @see PS3.18 F.2, rules S-04 and S-05
 */
export function encodeDicomJson(object: DicomJsonObject): readonly DatasetPiece[] {
  const encoder = new JsonEncoder();
  encoder.dataset(needsUnicode(object) ? withUnicode(object) : object, false);
  return encoder.end();
}

/** The header of an element whose value has so many bytes, which an odd length needs a byte of padding behind. */
export function elementHeader(tag: Tag, vr: Vr, length: number): Buffer {
  const output = new OutputBuffer();
  writeHeader(output, tag, vr, length + (length % 2));
  output.flush();
  return Buffer.concat(output.take());
}

/**
 * That a value of `vr` may have so many bytes; OW may lack the last, which is padded.
 *
 * @throws GatewayError `bad-request` @see PS3.5 6.2
 */
export function requireUnits(vr: Vr, length: number): void {
  const unit = vr === 'AT' ? 4 : vrTraits(vr).unit;
  if (vr !== 'OW' && length % unit !== 0) throw invalid(`A value of ${vr} has a length that it cannot have.`);
}

const characterSet = formatTag(Tags.SpecificCharacterSet);

/** Where the writer declares a character set there may be text in what is elsewhere, which is UTF-8 as well. */
const needsUnicode = (object: DicomJsonObject): boolean =>
  Object.hasOwn(object, characterSet) || !isAsciiObject(object);

const withUnicode = (object: DicomJsonObject): DicomJsonObject => ({
  ...object,
  [characterSet]: unicodeElement,
});

function isAsciiObject(object: DicomJsonObject): boolean {
  return Object.values(object).every(({ vr, Value = [] }) => Value.every((value) => isAsciiValue(value, vr)));
}

function isAsciiValue(value: DicomJsonValue, vr: string): boolean {
  if (typeof value === 'string') return isAsciiText(value);
  if (value === null || typeof value === 'number') return true;
  if (vr === 'SQ') return isAsciiObject(value as DicomJsonObject);
  return Object.values(value as DicomJsonName).every((group) => isAsciiText(group as string));
}

const pixelData = formatTag(Tags.PixelData);
const bitsAllocated = formatTag(Tags.BitsAllocated);

/** Native samples of more than 8 bits are words; metadata have OB where pixel data were encapsulated. @see PS3.5 A.2 */
function pixelDataOf(object: DicomJsonObject): DicomJsonElement | undefined {
  const element = object[pixelData];
  const isWords = Number(object[bitsAllocated]?.Value?.[0] ?? 0) > 8;
  return element?.vr === 'OB' && isWords ? { ...element, vr: 'OW' } : element;
}

class JsonEncoder {
  readonly #pieces: DatasetPiece[] = [];
  readonly #output = new OutputBuffer();

  end(): readonly DatasetPiece[] {
    this.#output.flush();
    this.#pieces.push(...this.#output.take());
    return this.#pieces;
  }

  dataset(object: DicomJsonObject, nested: boolean): void {
    for (const name of Object.keys(object).sort()) {
      const tag = Number.parseInt(name, 16);
      const element = tag === Tags.PixelData ? pixelDataOf(object) : object[name];
      // Text of items is in the character set of the whole.
      if (element && !(nested && tag === Tags.SpecificCharacterSet)) this.#element(tag, element, nested);
    }
  }

  #element(tag: Tag, element: DicomJsonElement, nested: boolean): void {
    const { vr, BulkDataURI } = element;
    if (!isVr(vr)) throw invalid('An attribute has a VR that does not exist.');
    if (BulkDataURI !== undefined) {
      this.end();
      this.#pieces.push({ tag, vr, uri: BulkDataURI, nested });
    } else if (vr === 'SQ') this.#sequence(tag, (element.Value ?? []) as readonly DicomJsonObject[]);
    else this.#value(tag, vr, valueField(element, vr));
  }

  #sequence(tag: Tag, items: readonly DicomJsonObject[]): void {
    this.#output.writeLongHeader(tag, 'SQ', items.length === 0 ? 0 : undefinedLength);
    for (const item of items) {
      this.#output.writeHeader(Tags.Item, undefinedLength);
      this.dataset(item, true);
      this.#output.writeHeader(Tags.ItemDelimitationItem, 0);
    }
    if (items.length > 0) this.#output.writeHeader(Tags.SequenceDelimitationItem, 0);
  }

  #value(tag: Tag, vr: Vr, bytes: Buffer): void {
    writeHeader(this.#output, tag, vr, bytes.length + (bytes.length % 2));
    this.#output.write(bytes);
    if (bytes.length % 2 === 1) this.#output.write(Buffer.of(vrTraits(vr).pad));
  }
}

/** What is too long for the 16 bit length of its VR is written as UN (W-24). */
function writeHeader(output: OutputBuffer, tag: Tag, vr: Vr, length: number): void {
  if (vrTraits(vr).long) output.writeLongHeader(tag, vr, length);
  else if (length > maxShortLength) output.writeLongHeader(tag, 'UN', length);
  else output.writeShortHeader(tag, vr, length);
}

function valueField({ InlineBinary, Value = [] }: DicomJsonElement, vr: Vr): Buffer {
  if (InlineBinary !== undefined) return bytesField(Buffer.from(InlineBinary, 'base64'), vr);
  if (vr === 'FL' || vr === 'FD') return floatField(Value, vr);
  if (isNumberVr(vr))
    return writeNumbers(
      Value.map((value) => textOf(value, vr)),
      vr,
    );
  if (!vrTraits(vr).text && Value.length > 0) throw invalid('Bytes are neither inline nor bulk data.');
  return Buffer.from(textField(Value, vr), 'utf8');
}

function bytesField(bytes: Buffer, vr: Vr): Buffer {
  requireUnits(vr, bytes.length);
  return bytes;
}

/** NaN and the infinities come as numbers from XML, and as words nowhere. */
function floatField(values: readonly DicomJsonValue[], vr: 'FL' | 'FD'): Buffer {
  return Buffer.concat(
    values.map((value) => {
      if (typeof value !== 'number' || Number.isFinite(value)) return writeNumbers([textOf(value, vr)], vr);
      const bytes = Buffer.alloc(vr === 'FL' ? 4 : 8);
      if (vr === 'FL') bytes.writeFloatLE(value);
      else bytes.writeDoubleLE(value);
      return bytes;
    }),
  );
}

function textOf(value: DicomJsonValue, vr: Vr): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'number') throw invalid('An attribute has a value of the wrong kind.');
  const isRounded = vr === 'FL' || vr === 'FD' || vr === 'DS';
  // Beyond 2^53 it may have been read as the number next to the one that was written (J-05).
  if (!Number.isFinite(value) || (!isRounded && Math.abs(value) > Number.MAX_SAFE_INTEGER))
    throw invalid(`A number of ${vr} is beyond what JSON numbers hold; it is to be written as a string.`);
  if (vr === 'IS' && !Number.isInteger(value)) throw invalid('A number of IS is no integer.');
  if (vr === 'DS') return formatDecimal(value);
  return Object.is(value, -0) ? '-0' : String(value);
}

function textField(values: readonly DicomJsonValue[], vr: Vr): string {
  const texts = values.map((value) => {
    const text = value === null ? '' : vr === 'PN' ? nameText(value) : textOf(value, vr);
    if (forbidden.test(text)) throw invalid('A value holds control characters.');
    if (singleValued.has(vr) ? values.length > 1 : text.includes('\\'))
      throw invalid('A value holds the delimiter of values, or is one of several where there is one.');
    return text;
  });
  return texts.join('\\');
}

function nameText(value: DicomJsonValue): string {
  if (typeof value !== 'object' || value === null) return textOf(value, 'PN');
  const { Alphabetic = '', Ideographic = '', Phonetic = '' } = value as DicomJsonName;
  return `${Alphabetic}=${Ideographic}=${Phonetic}`.replace(/=+$/, '');
}
