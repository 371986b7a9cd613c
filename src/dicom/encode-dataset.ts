import { GatewayError } from '../core/index.js';
import { encodeText, usualCharacterSets } from './character-set-encode.js';
import { decodeText, isPlainAscii } from './character-set.js';
import { unicodeCharacterSet, type DataElement, type Dataset } from './dataset.js';
import { isGroupLength, type Tag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import { swapValue } from './value-order.js';
import { vrTraits, type Vr } from './vr.js';

const itemTag: Tag = 0xfffee000;
const maxShortLength = 0xfffe;

/** An element as it will be written: text in its final character set. */
interface EncodedElement {
  readonly tag: Tag;
  readonly vr: Vr;
  readonly value: Buffer | readonly (readonly EncodedElement[])[];
  /** Bytes of the value field, padding included. */
  readonly length: number;
}

type TextCoding =
  /** Text stays as it is, with the (0008,0005) that it has. */
  | { readonly kind: 'kept'; readonly needed: boolean }
  /** All text goes to one character set. */
  | { readonly kind: 'unified'; readonly characterSet: string };

function isText({ vr, value }: DataElement): boolean {
  return Buffer.isBuffer(value) && vrTraits(vr).text && !isPlainAscii(value);
}

function subItems({ value }: DataElement): readonly Dataset[] {
  return Buffer.isBuffer(value) ? [] : value;
}

const tilde = 0x7e;

/** ASCII that one character set, ISO-IR 13, would read as something else. */
function isAmbiguous({ vr, value }: DataElement): boolean {
  return Buffer.isBuffer(value) && vrTraits(vr).encoded && value.includes(tilde);
}

/** The texts that are not ASCII, or those that `isWanted` tells, through all items. */
function* textsOf(dataset: Dataset, isWanted: (element: DataElement) => boolean = isText): Generator<string> {
  for (const element of dataset) {
    if (Buffer.isBuffer(element.value)) {
      if (isWanted(element)) yield decodeText(element.value, dataset.characterSet, element.vr);
    } else {
      for (const item of element.value) yield* textsOf(item, isWanted);
    }
  }
}

/** Whether a reader of the written dataset would read every text as `dataset` means it. */
function readsTheSame(dataset: Dataset, outer: readonly string[]): boolean {
  if (dataset.characterSet === unicodeCharacterSet) return false;
  const own = dataset.strings(Tags.SpecificCharacterSet);
  const declared = own.length > 0 ? own : outer;
  const same = declared.join('\\') === dataset.characterSet.join('\\');
  return [...dataset].every(
    (element) =>
      (same || !isText(element)) && subItems(element).every((item) => readsTheSame(item, declared)),
  );
}

function chooseCoding(dataset: Dataset): TextCoding {
  const texts = [...textsOf(dataset)];
  if (texts.length === 0) return { kind: 'kept', needed: false };
  if (readsTheSame(dataset, [])) return { kind: 'kept', needed: true };
  texts.push(...textsOf(dataset, isAmbiguous));
  const text = texts.join('\\');
  const { characterSet } = encodeText(text, usualCharacterSets(text, dataset.encodingCharacterSets));
  return characterSet === undefined ? { kind: 'kept', needed: false } : { kind: 'unified', characterSet };
}

/** (0008,0005) of the whole dataset, or of an item: only when a value needs it, or empty as a return key. */
function characterSetElement(dataset: Dataset, coding: TextCoding, isRoot: boolean): DataElement | undefined {
  const present = dataset.get(Tags.SpecificCharacterSet);
  if (coding.kind === 'kept') {
    const isReturnKey = present !== undefined && dataset.strings(Tags.SpecificCharacterSet).length === 0;
    return coding.needed || isReturnKey ? present : undefined;
  }
  if (!isRoot) return undefined;
  return { tag: Tags.SpecificCharacterSet, vr: 'CS', value: Buffer.from(coding.characterSet, 'latin1') };
}

function* elementsToWrite(dataset: Dataset, coding: TextCoding, isRoot: boolean): Generator<DataElement> {
  let characterSet = characterSetElement(dataset, coding, isRoot);
  for (const element of dataset) {
    if (characterSet !== undefined && element.tag >= Tags.SpecificCharacterSet) {
      yield characterSet;
      characterSet = undefined;
    }
    if (element.tag !== Tags.SpecificCharacterSet && !isGroupLength(element.tag)) yield element;
  }
  if (characterSet !== undefined) yield characterSet;
}

class DatasetEncoder {
  readonly #explicit: boolean;
  readonly #big: boolean;
  readonly #coding: TextCoding;
  #bytes = Buffer.alloc(0);
  #offset = 0;

  constructor(syntax: TransferSyntax, coding: TextCoding) {
    this.#explicit = syntax.vr === 'explicit';
    this.#big = syntax.byteOrder === 'big';
    this.#coding = coding;
  }

  encode(dataset: Dataset): Buffer {
    const elements = this.#prepare(dataset, true);
    this.#bytes = Buffer.allocUnsafe(this.#sizeOf(elements));
    this.#writeAll(elements);
    return this.#bytes;
  }

  #prepare(dataset: Dataset, isRoot: boolean): readonly EncodedElement[] {
    return Array.from(elementsToWrite(dataset, this.#coding, isRoot), (element): EncodedElement => {
      const { tag, vr, value } = element;
      if (!Buffer.isBuffer(value)) {
        const items = value.map((item) => this.#prepare(item, false));
        const length = items.reduce((sum, item) => sum + 8 + this.#sizeOf(item), 0);
        return { tag, vr, value: items, length };
      }
      const bytes = this.#textIn(dataset, element) ?? value;
      return { tag, vr: this.#writtenVr(vr, bytes), value: bytes, length: bytes.length + (bytes.length % 2) };
    });
  }

  #textIn(dataset: Dataset, element: DataElement): Buffer | undefined {
    if (this.#coding.kind === 'kept' || !isText(element) || !Buffer.isBuffer(element.value)) return undefined;
    const text = decodeText(element.value, dataset.characterSet, element.vr);
    return encodeText(text, [this.#coding.characterSet]).bytes;
  }

  /** A value that is too long for the 16 bit length of its VR is written as UN (PS3.5 6.2.2, W-24). */
  #writtenVr(vr: Vr, bytes: Buffer): Vr {
    return this.#explicit && !vrTraits(vr).long && bytes.length > maxShortLength ? 'UN' : vr;
  }

  #headerSize(vr: Vr): number {
    return this.#explicit && vrTraits(vr).long ? 12 : 8;
  }

  #sizeOf(elements: readonly EncodedElement[]): number {
    return elements.reduce((sum, { vr, length }) => sum + this.#headerSize(vr) + length, 0);
  }

  #writeAll(elements: readonly EncodedElement[]): void {
    for (const element of elements) {
      this.#writeHeader(element);
      if (Buffer.isBuffer(element.value)) {
        this.#writeValue(element.value, element.vr);
        continue;
      }
      for (const item of element.value) {
        this.#tag(itemTag);
        this.#uint32(this.#sizeOf(item));
        this.#writeAll(item);
      }
    }
  }

  #writeHeader({ tag, vr, length }: EncodedElement): void {
    this.#tag(tag);
    if (!this.#explicit) {
      this.#uint32(length);
      return;
    }
    this.#offset += this.#bytes.write(vr, this.#offset, 'latin1');
    if (!vrTraits(vr).long) {
      this.#uint16(length);
      return;
    }
    this.#uint16(0);
    this.#uint32(length);
  }

  #writeValue(value: Buffer, vr: Vr): void {
    const start = this.#offset;
    this.#offset += value.copy(this.#bytes, start);
    // UN stays little endian in a big endian dataset: nobody knows its units.
    if (this.#big) swapValue(this.#bytes.subarray(start, this.#offset), vr);
    if (value.length % 2 === 1) this.#bytes[this.#offset++] = vrTraits(vr).pad;
  }

  #tag(tag: Tag): void {
    this.#uint16(tag >>> 16);
    this.#uint16(tag & 0xffff);
  }

  #uint16(value: number): void {
    this.#offset = this.#big
      ? this.#bytes.writeUInt16BE(value, this.#offset)
      : this.#bytes.writeUInt16LE(value, this.#offset);
  }

  #uint32(value: number): void {
    this.#offset = this.#big
      ? this.#bytes.writeUInt32BE(value, this.#offset)
      : this.#bytes.writeUInt32LE(value, this.#offset);
  }
}

/**
 * The bytes of `dataset` in an uncompressed transfer syntax: values padded, group lengths left out, and (0008,0005)
 * present only when a value needs it, or empty when it was set so as a return key.
 *
 * Text that came in with one character set goes out as it came; once a text that is not ASCII has been set, all of them
 * go to the first of the dataset's `encodingCharacterSets` that holds them.
 *
 * @throws GatewayError `bad-request` when no character set holds the text, `internal` for a compressed transfer syntax
 * @see PS3.5 7, PS3.4 C.4.1.1.3.1
 */
export function encodeDataset(dataset: Dataset, syntax: TransferSyntax): Buffer {
  if (syntax.deflated || syntax.encapsulated) {
    throw new GatewayError('internal', 'A dataset in memory is written without compression only.');
  }
  return new DatasetEncoder(syntax, chooseCoding(dataset)).encode(dataset);
}
