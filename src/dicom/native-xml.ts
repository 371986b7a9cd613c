import type { DicomJsonElement, DicomJsonName, DicomJsonObject, DicomJsonValue } from './dicom-json-value.js';
import { valueToXml } from './dicom-json-value.js';
import { attributeByTag } from './dictionary.js';
import type { ModelFormat } from './model-format.js';
import { creatorOf, isPrivateCreator, reservationOf } from './private-block.js';
import { formatTag, isGroupLength, isPrivateTag, parseTag, type Tag } from './tag.js';
import { escapeXmlAttribute, escapeXmlText } from './xml-text.js';

/** The namespace of the Native DICOM Model. @see PS3.19 A.1.6 */
export const nativeXmlNamespace = 'http://dicom.nema.org/PS3.19/models/NativeDICOM';

/** The component groups of a person name, in the order of their groups. */
export const nameGroups = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;
/** The components of each group, in the order in which carets part them. */
export const nameComponents = ['FamilyName', 'GivenName', 'MiddleName', 'NamePrefix', 'NameSuffix'] as const;

function keywordOf(tag: Tag): string | undefined {
  return isPrivateTag(tag) || isGroupLength(tag) ? undefined : attributeByTag(tag)?.keyword;
}

/** An LO has no more characters: what is longer, and would stand at each attribute of its block, reserves nothing. */
const maxCreatorLength = 64;

/** Who reserved which blocks of one dataset or item, by names that are escaped. */
class PrivateCreators {
  readonly #byReservation = new Map<Tag, string>();
  /** The first block of a creator in a group. */
  readonly #first = new Map<string, Tag>();

  /** An attribute has come; those that reserve a block come before the block. */
  notice(tag: Tag, element: DicomJsonElement): void {
    const name = isPrivateCreator(tag) ? creatorOf(element) : undefined;
    if (name === undefined || name.length > maxCreatorLength) return;
    // As it will be written: names that differ only in what XML does not have are one name to who reads it.
    const creator = escapeXmlAttribute(name);
    this.#byReservation.set(tag, creator);
    const key = `${tag >>> 16} ${creator}`;
    if (!this.#first.has(key)) this.#first.set(key, tag);
  }

  /**
   * The XML attributes that name `tag`: a private one by its creator and without its block. In a further block of the same
   * creator it keeps its block, for without it there would be two attributes of one name.
   */
  identify(tag: Tag): string {
    const reservation = reservationOf(tag);
    const creator = reservation === undefined ? undefined : this.#byReservation.get(reservation);
    if (creator === undefined) return `tag="${formatTag(tag)}"`;
    const isFirst = this.#first.get(`${tag >>> 16} ${creator}`) === reservation;
    const named = isFirst ? (tag & 0xffff00ff) >>> 0 : tag;
    return `tag="${formatTag(named)}" privateCreator="${creator}"`;
  }
}

function numberText(value: number): string {
  if (Object.is(value, -0)) return '-0';
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? 'INF' : '-INF';
}

/** What there is of the components of a group; a sixth, which a name cannot have, stays with the fifth. */
function nameGroup(text: string): string {
  const components = text.split('^');
  const known = components.splice(0, nameComponents.length - 1);
  return [...known, components.join('^')]
    .map((component, index) => ({ component, name: nameComponents[index] ?? '' }))
    .filter(({ component }) => component !== '')
    .map(({ component, name }) => `<${name}>${escapeXmlText(component)}</${name}>`)
    .join('');
}

function personName(name: DicomJsonName, number: number): string {
  const groups = nameGroups.map((group) => {
    const components = nameGroup(name[group] ?? '');
    return components === '' ? '' : `<${group}>${components}</${group}>`;
  });
  return `<PersonName number="${number}">${groups.join('')}</PersonName>`;
}

function valueXml(value: DicomJsonValue, isName: boolean, number: number): string {
  const name = isName ? 'PersonName' : 'Value';
  if (value === null) return `<${name} number="${number}"/>`;
  if (typeof value === 'object') return personName(value, number);
  const text = typeof value === 'number' ? numberText(value) : escapeXmlText(value);
  return `<Value number="${number}">${text}</Value>`;
}

function contentXml({
  vr,
  Value: values = [],
  InlineBinary: bytes,
  BulkDataURI: uri,
}: DicomJsonElement): string {
  if (uri !== undefined) return `<BulkData uri="${escapeXmlAttribute(uri)}"/>`;
  if (bytes !== undefined) return `<InlineBinary>${bytes}</InlineBinary>`;
  return values.map((value, index) => valueXml(value, vr === 'PN', index + 1)).join('');
}

/** Writes one document of the Native DICOM Model. @see PS3.19 A.1 (X-01 to X-04) */
export class NativeXmlFormat implements ModelFormat {
  readonly begin =
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<NativeDicomModel xmlns="${nativeXmlNamespace}" xml:space="preserve">`;
  readonly end = '</NativeDicomModel>';
  readonly values = valueToXml;
  /** Of the dataset and of the items that are open. */
  readonly #levels: PrivateCreators[] = [new PrivateCreators()];

  element(tag: Tag, element: DicomJsonElement): string {
    const start = this.#start(tag, element.vr);
    this.#levels.at(-1)?.notice(tag, element);
    const content = contentXml(element);
    return content === '' ? `${start}/>` : `${start}>${content}</DicomAttribute>`;
  }

  beginSequence(tag: Tag): string {
    return `${this.#start(tag, 'SQ')}>`;
  }

  endSequence(): string {
    return '</DicomAttribute>';
  }

  beginItem(index: number): string {
    this.#levels.push(new PrivateCreators());
    return `<Item number="${index + 1}">`;
  }

  endItem(): string {
    this.#levels.pop();
    return '</Item>';
  }

  #start(tag: Tag, vr: string): string {
    const identity = this.#levels.at(-1)?.identify(tag) ?? '';
    const keyword = keywordOf(tag);
    return `<DicomAttribute ${identity} vr="${vr}"${keyword === undefined ? '' : ` keyword="${keyword}"`}`;
  }
}

function isItem(value: DicomJsonValue): value is DicomJsonObject {
  return typeof value === 'object' && value !== null;
}

function attributesXml(object: DicomJsonObject, format: NativeXmlFormat): string {
  const attributes = Object.entries(object)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, element]) => {
      const tag = parseTag(name) ?? 0;
      const items = element.vr === 'SQ' ? (element.Value ?? []) : [];
      if (items.length === 0) return format.element(tag, element);
      const written = items.map((item, index) => {
        const start = format.beginItem(index);
        return start + (isItem(item) ? attributesXml(item, format) : '') + format.endItem();
      });
      return format.beginSequence(tag) + written.join('') + format.endSequence();
    });
  return attributes.join('');
}

/**
 * A DICOM JSON object as a document of the Native DICOM Model, its attributes in ascending order at every level.
 *
 * @see PS3.19 A.1
 */
export function formatNativeXml(object: DicomJsonObject): string {
  const format = new NativeXmlFormat();
  return format.begin + attributesXml(object, format) + format.end;
}
