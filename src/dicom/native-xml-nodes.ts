import type { DicomJsonElement, DicomJsonObject, DicomJsonValue } from './dicom-json-value.js';
import { isLeftOut } from './dicom-json.js';
import { attributeByTag } from './dictionary.js';
import { PersonNameNode } from './native-xml-names.js';
import { valuesFromXml } from './native-xml-value.js';
import { placePrivate, type CreatedAttribute } from './private-attributes.js';
import { formatTag, isDelimiter, isPrivateTag, parseTag, type Tag } from './tag.js';
import { isVr, type Vr } from './vr.js';
import {
  invalid,
  misplaced,
  TextNode,
  type NodeBudget,
  type XmlAttributes,
  type XmlNode,
} from './xml-node.js';

function isBytesVr(vr: Vr): boolean {
  return vr === 'UN' || vr.startsWith('O');
}

/** A DicomAttribute: values, names, items, or bytes here or elsewhere. */
class AttributeNode implements XmlNode {
  readonly holdsText = false;
  readonly #vr: Vr;
  readonly #depth: number;
  readonly #budget: NodeBudget;
  readonly #ended: (element: DicomJsonElement) => void;
  readonly #texts: string[] = [];
  readonly #values: DicomJsonValue[] = [];
  #bytes: Pick<DicomJsonElement, 'InlineBinary' | 'BulkDataURI'> | undefined;

  constructor(vr: Vr, depth: number, budget: NodeBudget, ended: (element: DicomJsonElement) => void) {
    this.#vr = vr;
    this.#depth = depth;
    this.#budget = budget;
    this.#ended = ended;
  }

  child(name: string, attributes: XmlAttributes): XmlNode {
    const count = this.#texts.length + this.#values.length;
    if (this.#bytes !== undefined) throw misplaced();
    if (name === 'BulkData' || name === 'InlineBinary') {
      if (count > 0) throw misplaced();
      this.#bytes = {};
      return name === 'BulkData' ? this.#bulkData(attributes) : this.#inlineBinary();
    }
    if (name !== this.#childName()) throw misplaced();
    const gap = gapBefore(attributes('number'), count);
    if (gap > 0 && name === 'Item') throw invalid('The numbers of items have a gap.');
    this.#budget.take(gap);
    return this.#value(name, gap);
  }

  end(): void {
    const vr = this.#vr;
    const bytes = this.#bytes;
    const values = this.#texts.length > 0 ? valuesFromXml(this.#texts, vr) : this.#values;
    const isEmpty = values.length === 0 || (values.length === 1 && values[0] === null);
    this.#ended({ vr, ...(isEmpty ? {} : { Value: values }), ...bytes });
  }

  #childName(): string {
    if (isBytesVr(this.#vr)) return 'InlineBinary';
    if (this.#vr === 'SQ') return 'Item';
    return this.#vr === 'PN' ? 'PersonName' : 'Value';
  }

  #value(name: string, gap: number): XmlNode {
    if (name === 'Item') {
      this.#budget.checkDepth(this.#depth + 1);
      return new DatasetNode(this.#depth + 1, this.#budget, (item) => this.#values.push(item));
    }
    if (name === 'PersonName') {
      for (let missing = 0; missing < gap; missing++) this.#values.push(null);
      return new PersonNameNode((person) => this.#values.push(person));
    }
    for (let missing = 0; missing < gap; missing++) this.#texts.push('');
    return new TextNode((text) => this.#texts.push(text));
  }

  #bulkData(attributes: XmlAttributes): XmlNode {
    const [uri, uuid] = [attributes('uri'), attributes('uuid')];
    if ((uri === undefined) === (uuid === undefined) || this.#vr === 'SQ')
      throw invalid('Bulk data is named neither by a URI alone nor by a UUID alone.');
    this.#bytes = { BulkDataURI: uri ?? `urn:uuid:${uuid ?? ''}` };
    return new TextNode((text) => {
      if (text.trim() !== '') throw misplaced();
    });
  }

  #inlineBinary(): XmlNode {
    if (!isBytesVr(this.#vr)) throw misplaced();
    return new TextNode((text) => {
      const base64 = text.replace(/[ \t\r\n]+/g, '');
      if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64))
        throw invalid('An InlineBinary is not in base64.');
      this.#bytes = base64 === '' ? {} : { InlineBinary: base64 };
    });
  }
}

/** How many values are left out before the one with this number; without one it is the next. */
function gapBefore(number: string | undefined, count: number): number {
  if (number === undefined) return 0;
  const gap = /^\s*[1-9]\d{0,8}\s*$/.test(number) ? Number(number) - 1 - count : -1;
  if (gap < 0) throw invalid('The numbers of values do not ascend from 1.');
  return gap;
}

/** A dataset: the whole, or an item. */
class DatasetNode implements XmlNode {
  readonly holdsText = false;
  readonly #object: DicomJsonObject = {};
  readonly #created: CreatedAttribute[] = [];
  readonly #depth: number;
  readonly #budget: NodeBudget;
  readonly #ended: (object: DicomJsonObject) => void;

  constructor(depth: number, budget: NodeBudget, ended: (object: DicomJsonObject) => void) {
    this.#depth = depth;
    this.#budget = budget;
    this.#ended = ended;
  }

  child(name: string, attributes: XmlAttributes): XmlNode {
    if (name !== 'DicomAttribute') throw misplaced();
    const tag = parseTag(attributes('tag') ?? '');
    if (tag === undefined) throw invalid('A DicomAttribute has no tag of eight hexadecimal digits.');
    if (isDelimiter(tag)) throw invalid('A DicomAttribute has the tag of an item or a delimiter.');
    const creator = attributes('privateCreator') ?? '';
    if (creator !== '' && !isPrivateTag(tag)) throw invalid('A standard attribute has a private creator.');
    const vr = vrOf(tag, attributes('vr'));
    return new AttributeNode(vr, this.#depth, this.#budget, (element) => {
      if (creator === '') this.#set(tag, element);
      else this.#created.push({ tag, creator, element });
    });
  }

  end(): void {
    placePrivate(this.#object, this.#created);
    this.#ended(this.#object);
  }

  #set(tag: Tag, element: DicomJsonElement): void {
    if (isLeftOut(tag)) return;
    const name = formatTag(tag);
    if (Object.hasOwn(this.#object, name)) throw invalid('An attribute comes twice in a dataset.');
    this.#object[name] = element;
  }
}

function vrOf(tag: Tag, text: string | undefined): Vr {
  if (text === undefined) return attributeByTag(tag)?.vr ?? 'UN';
  if (!isVr(text)) throw invalid('A DicomAttribute has a VR that does not exist.');
  return text;
}

/** What stands around the root element. */
export class DocumentNode implements XmlNode {
  readonly holdsText = false;
  readonly #budget: NodeBudget;
  #model: DicomJsonObject | undefined;

  constructor(budget: NodeBudget) {
    this.#budget = budget;
  }

  /** The dataset; undefined until its end has come. */
  get model(): DicomJsonObject | undefined {
    return this.#model;
  }

  child(name: string): XmlNode {
    if (name !== 'NativeDicomModel') throw misplaced();
    return new DatasetNode(0, this.#budget, (object) => {
      this.#model = object;
    });
  }

  end(): void {
    // The parser tells of the end of elements only.
  }
}
