/** The schema of audit messages as a strict check of a tree, written from the standard. @see PS3.15 A.5.1.1 */
import { parseTree, type XmlElement } from './native-xml-tree.js';

type Test = RegExp | 'optional';
interface Rule {
  /** Attributes that must be there; those with a question mark behind may be. */
  readonly attributes: Readonly<Record<string, RegExp>>;
  /** Children in their order: how many of each, at least and at most. */
  readonly children: readonly (readonly [names: string, least: number, most: number])[];
  readonly text?: Test;
}

const TOKEN = /^\S(?:.*\S)?$|^$/s;
const ANY = /^[\s\S]*$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const coded: Rule = {
  attributes: { 'csd-code': TOKEN, codeSystemName: TOKEN, 'displayName?': TOKEN, originalText: TOKEN },
  children: [],
};

const rules: Readonly<Record<string, Rule>> = {
  AuditMessage: {
    attributes: {},
    children: [
      ['EventIdentification', 1, 1],
      ['ActiveParticipant', 1, Infinity],
      ['AuditSourceIdentification', 1, 1],
      ['ParticipantObjectIdentification', 0, Infinity],
    ],
  },
  EventIdentification: {
    attributes: {
      'EventActionCode?': /^[CRUDE]$/,
      EventDateTime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/,
      EventOutcomeIndicator: /^(?:0|4|8|12)$/,
    },
    children: [
      ['EventID', 1, 1],
      ['EventTypeCode', 0, Infinity],
      ['EventOutcomeDescription', 0, 1],
    ],
  },
  EventID: coded,
  EventTypeCode: coded,
  EventOutcomeDescription: { attributes: {}, children: [], text: ANY },
  ActiveParticipant: {
    attributes: {
      UserID: ANY,
      'AlternativeUserID?': ANY,
      'UserName?': ANY,
      UserIsRequestor: /^(?:true|false|0|1)$/,
      'NetworkAccessPointID?': TOKEN,
      'NetworkAccessPointTypeCode?': /^[1-5]$/,
    },
    children: [
      ['RoleIDCode', 0, Infinity],
      ['MediaIdentifier', 0, 1],
    ],
  },
  RoleIDCode: coded,
  AuditSourceIdentification: {
    attributes: { 'AuditEnterpriseSiteID?': TOKEN, AuditSourceID: TOKEN },
    children: [['AuditSourceTypeCode', 0, Infinity]],
  },
  AuditSourceTypeCode: { attributes: { 'csd-code': /^[1-9]$/ }, children: [] },
  ParticipantObjectIdentification: {
    attributes: {
      ParticipantObjectID: TOKEN,
      'ParticipantObjectTypeCode?': /^[1-4]$/,
      'ParticipantObjectTypeCodeRole?': /^(?:1?\d|2[0-6])$/,
      'ParticipantObjectDataLifeCycle?': /^(?:[1-9]|1[0-5])$/,
      'ParticipantObjectSensitivity?': TOKEN,
    },
    children: [
      ['ParticipantObjectIDTypeCode', 1, 1],
      ['ParticipantObjectName|ParticipantObjectQuery', 1, 1],
      ['ParticipantObjectDetail', 0, Infinity],
      ['ParticipantObjectDescription', 0, Infinity],
    ],
  },
  ParticipantObjectIDTypeCode: coded,
  ParticipantObjectName: { attributes: {}, children: [], text: TOKEN },
  ParticipantObjectQuery: { attributes: {}, children: [], text: BASE64 },
  ParticipantObjectDetail: { attributes: { type: TOKEN, value: BASE64 }, children: [] },
};

/** The root of an audit message; throws where the schema does not allow it. */
export function parseAuditMessage(xml: string): XmlElement {
  const root = parseTree(xml);
  if (root.name !== 'AuditMessage') throw new Error(`the root is ${root.name}`);
  check(root);
  return root;
}

function check(element: XmlElement): void {
  const rule = rules[element.name];
  if (rule === undefined) throw new Error(`no element is called ${element.name}`);
  const known = new Map(Object.entries(rule.attributes).map(([name, test]) => [name.replace('?', ''), test]));
  for (const [name, value] of Object.entries(element.attributes)) {
    if (known.get(name)?.test(value) !== true) throw new Error(`${element.name} has ${name}="${value}"`);
  }
  for (const name of Object.keys(rule.attributes)) {
    if (!name.endsWith('?') && element.attributes[name] === undefined)
      throw new Error(`${element.name} lacks ${name}`);
  }
  const text = rule.text === undefined || rule.text === 'optional' ? /^$/ : rule.text;
  if (!text.test(element.text)) throw new Error(`${element.name} says "${element.text}"`);
  checkChildren(element, rule);
  for (const child of element.children) check(child);
}

function checkChildren({ name, children }: XmlElement, rule: Rule): void {
  let at = 0;
  for (const [names, least, most] of rule.children) {
    let count = 0;
    while (count < most && names.split('|').includes(children[at]?.name ?? '')) {
      at += 1;
      count += 1;
    }
    if (count < least) throw new Error(`${name} lacks ${names}`);
  }
  if (at < children.length) throw new Error(`${name} has ${children[at]?.name ?? ''} in the wrong place`);
}

/** All elements of a name below `element`. */
export const all = (element: XmlElement, name: string): readonly XmlElement[] =>
  element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...all(child, name)]);

/** What an audit message says, shortly. */
export function summaryOf(xml: string): {
  readonly event: string;
  readonly type: string;
  readonly outcome: string;
  readonly user: string | undefined;
  readonly address: string | undefined;
  readonly studies: readonly string[];
  readonly patients: readonly string[];
  readonly query: string | undefined;
} {
  const root = parseAuditMessage(xml);
  const code = (name: string): string => all(root, name)[0]?.attributes['csd-code'] ?? '';
  const objects = all(root, 'ParticipantObjectIdentification');
  const ids = (type: string): readonly string[] =>
    objects
      .filter((object) => all(object, 'ParticipantObjectIDTypeCode')[0]?.attributes['csd-code'] === type)
      .map(({ attributes }) => attributes['ParticipantObjectID'] ?? '');
  const user = all(root, 'ActiveParticipant').find(
    ({ attributes }) => attributes['UserIsRequestor'] === 'true',
  );
  const query = all(root, 'ParticipantObjectQuery')[0]?.text;
  return {
    event: code('EventID'),
    type: code('EventTypeCode'),
    outcome: all(root, 'EventIdentification')[0]?.attributes['EventOutcomeIndicator'] ?? '',
    user: user?.attributes['UserID'],
    address: user?.attributes['NetworkAccessPointID'],
    studies: ids('110180'),
    patients: ids('2'),
    query: query === undefined ? undefined : Buffer.from(query, 'base64').toString(),
  };
}
