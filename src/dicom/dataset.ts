import { GatewayError } from '../core/index.js';
import { isAsciiText } from './character-set-encode.js';
import { decodeText, isPlainAscii, readableTerms } from './character-set.js';
import { attributeByTag } from './dictionary.js';
import type { Tag } from './tag.js';
import { Tags } from './tags.js';
import { formatNumber, isNumberVr, readNumbers, writeNumbers } from './value-number.js';
import { textValues } from './value-text.js';
import { vrTraits, type Vr } from './vr.js';

/** One element of a dataset in memory: the value field in little endian order, or the items of a sequence. */
export interface DataElement {
  readonly tag: Tag;
  readonly vr: Vr;
  readonly value: Buffer | readonly Dataset[];
}

/** How text in a dataset reads, and how it is written. */
export interface DatasetOptions {
  /** How text reads where the dataset has no (0008,0005) of its own; the default repertoire when left out. */
  readonly fallbackCharacterSet?: readonly string[];
  /** The character sets to choose from when text that was set here is encoded, best first. */
  readonly encodingCharacterSets?: readonly string[];
}

const defaultRepertoire: readonly string[] = [];

/** The character set of a dataset whose text was set here; told by identity from one that declares the same. */
export const unicodeCharacterSet: readonly string[] = ['ISO_IR 192'];

const empty = Buffer.alloc(0);

function isItems(value: Buffer | readonly Dataset[]): value is readonly Dataset[] {
  return Array.isArray(value);
}

/** A small dataset in memory, such as an identifier; values are decoded when asked for. Not for instances. */
export class Dataset implements Iterable<DataElement> {
  readonly encodingCharacterSets: readonly string[] | undefined;
  #elements = new Map<Tag, DataElement>();
  #highest = -1;
  #sorted = true;
  readonly #fallback: readonly string[];
  #characterSet: readonly string[] | undefined;

  constructor(options: DatasetOptions = {}) {
    this.#fallback = options.fallbackCharacterSet ?? defaultRepertoire;
    this.encodingCharacterSets = options.encodingCharacterSets;
  }

  /** How text in here reads: the values of (0008,0005), else what the dataset around it or the caller said. */
  get characterSet(): readonly string[] {
    return (this.#characterSet ??= this.#declaredCharacterSet() ?? this.#fallback);
  }

  /** The number of elements. */
  get size(): number {
    return this.#elements.size;
  }

  has(tag: Tag): boolean {
    return this.#elements.has(tag);
  }

  get(tag: Tag): DataElement | undefined {
    return this.#elements.get(tag);
  }

  delete(tag: Tag): boolean {
    if (tag === Tags.SpecificCharacterSet && this.#characterSet !== unicodeCharacterSet)
      this.#characterSet = undefined;
    return this.#elements.delete(tag);
  }

  /** The elements in ascending order of their tags. */
  [Symbol.iterator](): IterableIterator<DataElement> {
    if (!this.#sorted) {
      this.#elements = new Map([...this.#elements].sort(([left], [right]) => left - right));
      this.#sorted = true;
    }
    return this.#elements.values();
  }

  /** All values as text without padding, numbers in decimal and tags in hexadecimal; `[]` when there are none. */
  strings(tag: Tag): readonly string[] {
    const element = this.#elements.get(tag);
    if (element === undefined || isItems(element.value)) return [];
    const { value, vr } = element;
    if (vrTraits(vr).text) return textValues(value, this.characterSet, vr);
    return (readNumbers(value, vr) ?? []).map((number) => formatNumber(number, vr));
  }

  /** The first value as text; `undefined` when the element is absent or its first value empty. */
  string(tag: Tag): string | undefined {
    const first = this.strings(tag)[0];
    return first === '' ? undefined : first;
  }

  /** The first value as an integer; `undefined` when there is none that is one. */
  integer(tag: Tag): number | undefined {
    const text = this.string(tag);
    const value = text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
    return Number.isSafeInteger(value) ? value : undefined;
  }

  /** The items of a sequence; `[]` when it is absent. */
  items(tag: Tag): readonly Dataset[] {
    const value = this.#elements.get(tag)?.value;
    return value !== undefined && isItems(value) ? value : [];
  }

  /**
   * Sets text values, of any length; a binary number is given in decimal, a tag in hexadecimal.
   *
   * @param value one value, several, or several joined by backslashes
   * @param vr by the dictionary when left out, LO for what it does not know
   * @throws GatewayError `bad-request` when the VR cannot hold it
   */
  setString(tag: Tag, value: string | readonly string[], vr?: Vr): this {
    const text = typeof value === 'string' ? value : value.join('\\');
    const actual = vr ?? attributeByTag(tag)?.vr ?? 'LO';
    if (text === '') return this.setEmpty(tag, actual);
    if (isNumberVr(actual)) return this.setBytes(tag, actual, writeNumbers(text.split('\\'), actual));
    if (!vrTraits(actual).text) throw new GatewayError('bad-request', `${actual} has no text value.`);
    if (isAsciiText(text)) return this.setBytes(tag, actual, Buffer.from(text, 'latin1'));
    this.#becomeUnicode();
    return this.setBytes(tag, actual, Buffer.from(text, 'utf8'));
  }

  setItems(tag: Tag, items: readonly Dataset[]): this {
    return this.#set({ tag, vr: 'SQ', value: items });
  }

  /** Sets a value field as it stands: little endian, text in this dataset's character set. */
  setBytes(tag: Tag, vr: Vr, bytes: Buffer): this {
    return this.#set({ tag, vr, value: bytes });
  }

  /** Sets an element without a value: a return key. */
  setEmpty(tag: Tag, vr?: Vr): this {
    const actual = vr ?? attributeByTag(tag)?.vr ?? 'LO';
    return actual === 'SQ' ? this.setItems(tag, []) : this.setBytes(tag, actual, empty);
  }

  #set(element: DataElement): this {
    const { tag } = element;
    if (tag > this.#highest) this.#highest = tag;
    else if (!this.#elements.has(tag)) this.#sorted = false;
    if (tag === Tags.SpecificCharacterSet && this.#characterSet !== unicodeCharacterSet)
      this.#characterSet = undefined;
    this.#elements.set(tag, element);
    return this;
  }

  #declaredCharacterSet(): readonly string[] | undefined {
    const value = this.#elements.get(Tags.SpecificCharacterSet)?.value;
    if (value === undefined || isItems(value)) return undefined;
    const terms = readableTerms(textValues(value, defaultRepertoire, 'CS'));
    return terms.length === 0 ? undefined : terms;
  }

  /** From here on text is UTF-8 in memory, whatever (0008,0005) says; the encoder chooses what to declare. */
  #becomeUnicode(): void {
    const before = this.characterSet;
    if (before === unicodeCharacterSet) return;
    for (const element of this) {
      const { tag, vr, value } = element;
      if (isItems(value) || !vrTraits(vr).text || isPlainAscii(value)) continue;
      this.#elements.set(tag, { tag, vr, value: Buffer.from(decodeText(value, before, vr), 'utf8') });
    }
    this.#characterSet = unicodeCharacterSet;
  }
}
