/** DICOM JSON that somebody else wrote: checked before it is believed. */
import { GatewayError, toGatewayError } from '../core/index.js';
import type { DicomJsonElement, DicomJsonName, DicomJsonObject, DicomJsonValue } from './dicom-json-value.js';
import { attributeByTag } from './dictionary.js';
import { isLeftOut } from './dicom-json.js';
import { formatTag, isDelimiter, parseTag, type Tag } from './tag.js';
import { Tags } from './tags.js';
import { isVr, vrTraits, type Vr } from './vr.js';

/** What a document may be at most. */
export interface DicomJsonLimits {
  /** Sequences within sequences. */
  readonly maxDepth: number;
  /** Attributes and values, those of items too. */
  readonly maxElements: number;
}

const defaults: DicomJsonLimits = { maxDepth: 64, maxElements: 1_000_000 };

/** In words that hold nothing of the document. */
const invalid = (message: string): GatewayError => new GatewayError('bad-request', message);

/** A dataset of a document that is not of the model. */
export interface UnreadDataset {
  readonly problem: GatewayError;
  /** Its SOP Class and SOP Instance UID, as far as these can be read. */
  readonly identity: DicomJsonObject;
}

/** What is in a document: one dataset that cannot be read is no reason against the others. */
export interface DicomJsonDocument {
  readonly objects: readonly DicomJsonObject[];
  readonly unread: readonly UnreadDataset[];
}

/**
 * The datasets of a document of the DICOM JSON model: an array of objects, or one object by itself.
 *
 * A VR that is left out is that of PS3.6. Group lengths and what is not of a dataset (groups 0000 and 0002) are left
 * out. What is not of the model is refused, never passed over.
 *
 * @throws GatewayError `bad-request` for what is no list of objects
 * @see PS3.18 F.2, rule S-04
 */
export function readDicomJson(document: Buffer, limits: Partial<DicomJsonLimits> = {}): DicomJsonDocument {
  const content = parse(document);
  const contents = Array.isArray(content) ? (content as readonly unknown[]) : [content];
  const reader = new ModelReader({ ...defaults, ...limits });
  const objects: DicomJsonObject[] = [];
  const unread: UnreadDataset[] = [];
  for (const one of contents) {
    if (!isRecord(one)) throw noObject();
    try {
      objects.push(reader.dataset(one, 0));
    } catch (thrown) {
      const problem = toGatewayError(thrown);
      if (problem.code !== 'bad-request') throw problem;
      unread.push({ problem, identity: identityOf(one) });
    }
  }
  return { objects, unread };
}

/** As `readDicomJson`, where all of it can be read. @throws GatewayError `bad-request` */
export function parseDicomJson(
  document: Buffer,
  limits: Partial<DicomJsonLimits> = {},
): readonly DicomJsonObject[] {
  const { objects, unread } = readDicomJson(document, limits);
  const [first] = unread;
  if (first) throw first.problem;
  return objects;
}

const naming: ReadonlySet<Tag | undefined> = new Set([Tags.SOPClassUID, Tags.SOPInstanceUID]);

function identityOf(content: Readonly<Record<string, unknown>>): DicomJsonObject {
  const named = Object.entries(content).filter(([name]) => naming.has(parseTag(name)));
  try {
    return new ModelReader(defaults).dataset(Object.fromEntries(named), 0);
  } catch {
    return {};
  }
}

function parse(document: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(document));
  } catch {
    // The cause is left out: it quotes the document.
    throw invalid('The metadata are not JSON in UTF-8.');
  }
}

const noObject = (): GatewayError => invalid('A dataset of the metadata is not a JSON object.');

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isBytesVr = (vr: Vr): boolean => vr === 'UN' || vr.startsWith('O');
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;
const nameGroups: ReadonlySet<string> = new Set(['Alphabetic', 'Ideographic', 'Phonetic']);

class ModelReader {
  readonly #limits: DicomJsonLimits;
  #elements = 0;

  constructor(limits: DicomJsonLimits) {
    this.#limits = limits;
  }

  dataset(content: unknown, depth: number): DicomJsonObject {
    if (!isRecord(content)) throw noObject();
    const { maxDepth } = this.#limits;
    if (depth > maxDepth) throw invalid(`Sequences are nested more than ${maxDepth} deep.`);
    const object: DicomJsonObject = {};
    for (const [name, element] of Object.entries(content)) {
      const tag = parseTag(name);
      if (tag === undefined) throw invalid('An attribute has no tag of eight hexadecimal digits.');
      if (isDelimiter(tag)) throw invalid('An attribute has the tag of an item or a delimiter.');
      const key = formatTag(tag);
      if (Object.hasOwn(object, key)) throw invalid('An attribute comes twice in a dataset.');
      this.#take(1);
      if (!isLeftOut(tag)) object[key] = this.#element(element, attributeByTag(tag)?.vr ?? 'UN', depth);
    }
    return object;
  }

  #take(count: number): void {
    this.#elements += count;
    const { maxElements } = this.#limits;
    if (this.#elements > maxElements) throw invalid(`The metadata have more than ${maxElements} values.`);
  }

  #element(content: unknown, expected: Vr, depth: number): DicomJsonElement {
    if (!isRecord(content)) throw invalid('An attribute is not a JSON object.');
    const { vr: spelled, Value, InlineBinary, BulkDataURI } = content;
    const vr = spelled ?? expected;
    if (typeof vr !== 'string' || !isVr(vr)) throw invalid('An attribute has a VR that does not exist.');
    const given = [Value, InlineBinary, BulkDataURI].filter((one) => one !== undefined && one !== null);
    if (given.length > 1) throw invalid('An attribute has its value in more than one form.');
    if (typeof InlineBinary === 'string') return { vr, ...inlineBinary(InlineBinary, vr) };
    if (typeof BulkDataURI === 'string') return { vr, BulkDataURI: bulkDataUri(BulkDataURI, vr) };
    if (given.length === 0) return { vr };
    if (!Array.isArray(Value)) throw invalid('An attribute has a value of the wrong kind.');
    this.#take(Value.length);
    const values = Value.map((value) => this.#value(value, vr, depth));
    return values.every((value) => value === null) && values.length < 2 ? { vr } : { vr, Value: values };
  }

  #value(value: unknown, vr: Vr, depth: number): DicomJsonValue {
    if (vr === 'SQ') return this.dataset(value, depth + 1);
    if (value === null) return null;
    if (isBytesVr(vr)) throw invalid('Bytes are neither an InlineBinary nor a BulkDataURI.');
    if (vr === 'PN' && isRecord(value)) return nameOf(value);
    return scalarOf(value, vr);
  }
}

/** Text, or a number where the VR has numbers. @see rule J-04 */
function scalarOf(value: unknown, vr: Vr): string | number {
  if (typeof value === 'string') return value;
  if (typeof value !== 'number') throw invalid('An attribute has a value of the wrong kind.');
  // A number too large for JavaScript. As a word it is refused when it is written; infinities are what XML may mean.
  if ((vr === 'FL' || vr === 'FD') && !Number.isFinite(value)) return String(value);
  // Written as text again it may be another: 1.10 is 1.1 to whoever reads JSON.
  if (vrTraits(vr).text && vr !== 'IS' && vr !== 'DS')
    throw invalid(`An attribute has a number in place of the text of its VR ${vr}.`);
  return value;
}

function inlineBinary(text: string, vr: Vr): Pick<DicomJsonElement, 'InlineBinary'> {
  if (!isBytesVr(vr)) throw invalid('An InlineBinary stands for what is not bytes.');
  if (text.length % 4 !== 0 || !base64.test(text)) throw invalid('An InlineBinary is not in base64.');
  return text === '' ? {} : { InlineBinary: text };
}

function bulkDataUri(uri: string, vr: Vr): string {
  if (vr === 'SQ' || uri === '') throw invalid('A BulkDataURI is empty, or stands for a sequence.');
  return uri;
}

function nameOf(value: Readonly<Record<string, unknown>>): DicomJsonName {
  for (const [group, text] of Object.entries(value)) {
    if (!nameGroups.has(group) || typeof text !== 'string' || /[=\\]/.test(text))
      throw invalid('A person name has a group that it cannot have.');
  }
  return value;
}
