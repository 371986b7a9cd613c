import { SaxesParser } from 'saxes';

/** An element of an XML document, as a parser alone gives it: what the gateway's own reader makes of it is no matter. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

interface Open extends XmlElement {
  readonly children: XmlElement[];
  text: string;
}

/** The root element; throws when the document is not well-formed. */
export function parseTree(xml: string): XmlElement {
  const parser = new SaxesParser({ xmlns: false as const, position: false });
  const root: Open = { name: '', attributes: {}, children: [], text: '' };
  const open: Open[] = [root];
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const element: Open = { name, attributes, children: [], text: '' };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on('text', (text) => {
    const element = open.at(-1);
    if (element) element.text += text;
  });
  parser.on('closetag', () => {
    open.pop();
  });
  parser.write(xml).close();
  const [first] = root.children;
  if (first === undefined) throw new Error('there is no root element');
  return first;
}

/** What an element may hold, and which attributes it must and may have. @see PS3.19 A.1.6 */
interface Rule {
  readonly children: Readonly<Record<string, '1' | '?' | '*'>>;
  readonly attributes: Readonly<Record<string, RegExp>>;
  readonly optional?: Readonly<Record<string, RegExp>>;
  readonly text?: RegExp;
}

const number = { number: /^[1-9]\d*$/ };
const group: Rule = {
  attributes: {},
  children: { FamilyName: '?', GivenName: '?', MiddleName: '?', NamePrefix: '?', NameSuffix: '?' },
};
const component: Rule = { attributes: {}, children: {}, text: /^[^]+$/ };
const rules: Readonly<Record<string, Rule>> = {
  NativeDicomModel: {
    attributes: {
      xmlns: /^http:\/\/dicom\.nema\.org\/PS3\.19\/models\/NativeDICOM$/,
      'xml:space': /^preserve$/,
    },
    children: { DicomAttribute: '*' },
  },
  DicomAttribute: {
    attributes: { tag: /^[0-9A-F]{8}$/, vr: /^[A-Z]{2}$/ },
    optional: { keyword: /^\w+$/, privateCreator: /^[^]+$/ },
    children: { BulkData: '?', InlineBinary: '?', Value: '*', Item: '*', PersonName: '*' },
  },
  BulkData: { attributes: {}, optional: { uri: /^[^]+$/, uuid: /^[^]+$/ }, children: {} },
  InlineBinary: { attributes: {}, children: {}, text: /^[A-Za-z0-9+/=]+$/ },
  Value: { attributes: number, children: {}, text: /^[^]*$/ },
  Item: { attributes: number, children: { DicomAttribute: '*' } },
  PersonName: {
    attributes: number,
    children: { Alphabetic: '?', Ideographic: '?', Phonetic: '?' },
  },
  Alphabetic: group,
  Ideographic: group,
  Phonetic: group,
  FamilyName: component,
  GivenName: component,
  MiddleName: component,
  NamePrefix: component,
  NameSuffix: component,
};

function attributeProblems({ name, attributes }: XmlElement, rule: Rule): readonly string[] {
  const allowed: Readonly<Record<string, RegExp>> = { ...rule.attributes, ...rule.optional };
  return [
    ...Object.keys(rule.attributes)
      .filter((one) => !(one in attributes))
      .map((one) => `${name} without ${one}`),
    ...Object.entries(attributes)
      .filter(([one, value]) => allowed[one]?.test(value) !== true)
      .map(([one, value]) => `${name} with ${one}="${value}"`),
  ];
}

function childProblems({ name, children }: XmlElement, rule: Rule): readonly string[] {
  const names = Object.keys(rule.children);
  const places = children.map((child) => names.indexOf(child.name));
  const problems = children
    .filter((child) => !(child.name in rule.children))
    .map((child) => `${child.name} in ${name}`);
  if (name !== 'DicomAttribute' && places.some((place, index) => place < (places[index - 1] ?? 0)))
    problems.push(`${name} with its children in another order`);
  for (const [one, times] of Object.entries(rule.children)) {
    if (times !== '*' && children.filter((child) => child.name === one).length > 1)
      problems.push(`${name} with several ${one}`);
  }
  const numbers = children.map((child) => child.attributes['number']).filter((one) => one !== undefined);
  if (numbers.some((one, index) => one !== String(index + 1)))
    problems.push(`${name} with numbers ${numbers.join()}`);
  if (name === 'DicomAttribute' && new Set(children.map((child) => child.name)).size > 1)
    problems.push(`${name} of several kinds`);
  return problems;
}

/** What of a document is not as the schema of the Native DICOM Model has it. */
export function schemaProblems(element: XmlElement): readonly string[] {
  const rule = rules[element.name];
  if (rule === undefined) return [`no element is called ${element.name}`];
  const text = rule.text ?? /^$/;
  return [
    ...attributeProblems(element, rule),
    ...childProblems(element, rule),
    ...(text.test(element.text) ? [] : [`${element.name} with text`]),
    ...element.children.flatMap(schemaProblems),
  ];
}

/** An attribute that is no sequence. */
export interface XmlLeaf {
  readonly vr: string;
  readonly keyword: string | undefined;
  /** `Value`, `PersonName`, `BulkData`, `InlineBinary` or nothing. */
  readonly kind: string | undefined;
  /** Texts of the values, or names as `Alphabetic FamilyName=…`. */
  readonly values: readonly string[];
}

function nameText(person: XmlElement): string {
  return person.children
    .flatMap((each) => each.children.map((part) => `${each.name} ${part.name}=${part.text}`))
    .join('; ');
}

/** Attributes that are no sequences by their path, private ones with their creators; empty sequences and items too. */
export function xmlLeaves(dataset: XmlElement, parent = ''): Map<string, XmlLeaf> {
  const leaves = new Map<string, XmlLeaf>();
  for (const { attributes, children } of dataset.children) {
    const { tag = '', vr = '', keyword, privateCreator } = attributes;
    const name = privateCreator === undefined ? tag : `${tag}(${privateCreator})`;
    const path = parent === '' ? name : `${parent}/${name}`;
    if (vr !== 'SQ' || children.length === 0) {
      const values = children.map((child) => (child.name === 'PersonName' ? nameText(child) : child.text));
      leaves.set(path, { vr, keyword, kind: children[0]?.name, values });
    }
    for (const item of vr === 'SQ' ? children : []) {
      const below = xmlLeaves(item, `${path}/${item.attributes['number'] ?? ''}`);
      for (const [at, leaf] of below) leaves.set(at, leaf);
    }
  }
  return leaves;
}
