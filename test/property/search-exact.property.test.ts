/**
 * What a search returns, against every study looked at one by one by the rules of PS3.4 C.2.2.2, written here apart from
 * the code: whatever the peer makes of the identifier, no study is shown that the request does not match unless a Warning
 * names the key, and none that matches is left out.
 */
import { TextDecoder } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeDataset, encodeDataset, TransferSyntaxes, type Tag } from '../../src/dicom/index.js';
import { parseSearch } from '../../src/dicomweb/index.js';
import { defaultPeerQueryProfile, planSearch } from '../../src/query/index.js';
import { fuzz } from '../helpers/fuzz.js';
import { syntaxes } from '../helpers/fixtures.js';
import { readElements } from '../helpers/independent-reader.js';
import { ELE, element, item, sequence } from '../unit/dicom/dataset-bytes.js';

/** An attribute of a study: how it is asked for, and where it lies in a dataset. */
interface Attribute {
  readonly name: string;
  readonly path: readonly [Tag, ...Tag[]];
  readonly vr: 'CS' | 'DA' | 'DS' | 'IS' | 'LO' | 'PN' | 'SH' | 'UI';
  /** Every peer must support it as a key. */
  readonly required?: true;
  readonly list?: true;
}

const attributes = [
  { name: 'StudyInstanceUID', path: [0x0020000d], vr: 'UI', required: true },
  { name: 'StudyDate', path: [0x00080020], vr: 'DA', required: true },
  { name: 'AccessionNumber', path: [0x00080050], vr: 'SH', required: true },
  { name: 'PatientName', path: [0x00100010], vr: 'PN', required: true },
  { name: 'PatientID', path: [0x00100020], vr: 'LO', required: true },
  { name: 'ModalitiesInStudy', path: [0x00080061], vr: 'CS', list: true },
  { name: 'StudyDescription', path: [0x00081030], vr: 'LO' },
  { name: 'OtherPatientIDs', path: [0x00101000], vr: 'LO', list: true },
  { name: 'PatientWeight', path: [0x00101030], vr: 'DS' },
  { name: 'NumberOfStudyRelatedInstances', path: [0x00201208], vr: 'IS' },
  { name: 'OtherPatientIDsSequence.PatientID', path: [0x00101002, 0x00100020], vr: 'LO' },
  { name: 'OtherPatientIDsSequence.IssuerOfPatientID', path: [0x00101002, 0x00100021], vr: 'LO' },
] as const satisfies readonly Attribute[];
type Name = (typeof attributes)[number]['name'];

/** The values of each attribute; of those in a sequence one for each item. Nothing is an empty attribute. */
type Study = Readonly<Record<Name, readonly string[]>>;
interface Search {
  readonly keys: ReadonlyMap<Name, string>;
  /** A list asks for all of its values, not for any. */
  readonly all: boolean;
}

// --- The rules

const pattern = (asked: string): RegExp =>
  new RegExp(
    `^${asked
      .normalize('NFC')
      .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    'su',
  );
const fold = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

/** One value against one that was asked for. */
function isMatch(vr: Attribute['vr'], asked: string, stored: string, isExact = true): boolean {
  switch (vr) {
    case 'UI':
      return asked === stored;
    case 'DS':
    case 'IS':
      return Number(asked) === Number(stored);
    case 'DA': {
      const [from = '', to = from] = asked.split('-');
      return stored >= from && (to === '' || stored <= to);
    }
    case 'PN':
      return isExact ? pattern(asked).test(stored.normalize('NFC')) : pattern(fold(asked)).test(fold(stored));
    default:
      return pattern(asked).test(stored.normalize('NFC'));
  }
}

/** Any of the values, or all of them, by any of the stored ones; an empty attribute is an unknown one. */
function matchesValues(
  attribute: Attribute,
  asked: readonly string[],
  stored: readonly string[],
  all: boolean,
): boolean {
  if (stored.length === 0 || asked.every((value) => value === '')) return true;
  const isThere = (value: string): boolean =>
    stored.some((one) => isMatch(attribute.vr, value, one, all || asked.length === 1));
  return all ? asked.every(isThere) : asked.some(isThere);
}

const attributeOf = (name: Name): Attribute => {
  const found = attributes.find((one) => one.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};
const valuesAsked = (name: Name, value: string): readonly string[] =>
  name === 'ModalitiesInStudy' || name === 'StudyInstanceUID' ? value.split(/[,\\]/) : value.split('\\');

const inSequence: readonly Name[] = [
  'OtherPatientIDsSequence.PatientID',
  'OtherPatientIDsSequence.IssuerOfPatientID',
];

/** The keys that a study does not match. */
function violated({ keys, all }: Search, study: Study, isExact = true): readonly Name[] {
  const wrong = [...keys].filter(([name, value]) => {
    const attribute = attributeOf(name);
    if (attribute.path.length > 1) return false;
    if (attribute.vr === 'PN')
      return (
        value !== '' &&
        study[name].length > 0 &&
        !study[name].some((stored) => isMatch('PN', value, stored, isExact))
      );
    return !matchesValues(
      attribute,
      valuesAsked(name, value),
      study[name],
      all && name !== 'StudyInstanceUID',
    );
  });
  // Item by item: one item must match every key into the sequence.
  const within = [...keys].filter(([name, value]) => inSequence.includes(name) && value !== '');
  const items = study['OtherPatientIDsSequence.PatientID'].map((_, index) =>
    within.every(([name, value]) => {
      const stored = study[name][index] ?? '';
      return stored === '' || isMatch('LO', value, stored);
    }),
  );
  const isWrong = within.length > 0 && items.length > 0 && !items.includes(true);
  return [...wrong.map(([name]) => name), ...(isWrong ? within.map(([name]) => name) : [])];
}

// --- The peers

const decoders: Readonly<Record<string, string>> = {
  '': 'latin1',
  'ISO_IR 100': 'latin1',
  'ISO_IR 192': 'utf-8',
  GB18030: 'gb18030',
  '\\ISO 2022 IR 87': 'iso-2022-jp',
};

/** An identifier as a peer reads it: values by their path without item numbers. */
function readIdentifier(bytes: Buffer): ReadonlyMap<string, string> {
  const elements = readElements(bytes, syntaxes.explicitLittle);
  const characterSet =
    elements
      .find(({ path }) => path === '00080005')
      ?.value.toString('latin1')
      .trim() ?? '';
  const decoder = new TextDecoder(decoders[characterSet] ?? 'never', { fatal: true });
  return new Map(
    elements.map(({ path, value }) => [
      path.replace(/\/0(?=\/)/g, ''),
      decoder.decode(value).replace(/[ \0]+$/, ''),
    ]),
  );
}

/** What a peer makes of keys, and whether it returns those that it ignores. */
interface PeerKind {
  readonly heeds: 'all' | 'required' | 'none';
  readonly returns: 'all' | 'heeded' | 'emptied';
  /** It is known to take wildcards for themselves. */
  readonly isLiteral?: true;
}
const peers: readonly PeerKind[] = [
  { heeds: 'all', returns: 'all' },
  { heeds: 'required', returns: 'all' },
  { heeds: 'required', returns: 'heeded' },
  { heeds: 'required', returns: 'emptied' },
  { heeds: 'none', returns: 'all' },
  { heeds: 'none', returns: 'heeded' },
];
/** The same, and one that finds what it is asked for as it stands. */
const allPeers: readonly PeerKind[] = [...peers, { heeds: 'all', returns: 'all', isLiteral: true }];
const heeds = ({ heeds: what }: PeerKind, attribute: Attribute): boolean =>
  what === 'all' || (what === 'required' && attribute.required === true);

const hex = (tag: Tag): string => tag.toString(16).toUpperCase().padStart(8, '0');
const keyOf = ({ path }: Attribute): string => path.map(hex).join('/');

/** Whether the peer answers with the study, by what it was sent alone. */
function answersWith(kind: PeerKind, identifier: ReadonlyMap<string, string>, study: Study): boolean {
  const keys = new Map<Name, string>();
  for (const attribute of attributes) {
    const value = identifier.get(keyOf(attribute));
    if (value !== undefined && value !== '' && heeds(kind, attribute)) keys.set(attribute.name, value);
  }
  return violated({ keys, all: false }, study).length === 0;
}

const text = (tag: Tag, vr: string, value: string): Buffer => {
  const bytes = Buffer.from(value, 'utf8');
  return element(
    tag,
    vr,
    bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from(vr === 'UI' ? '\0' : ' ')]),
  );
};

/** The row of a study, with what was asked for and the peer returns. */
function rowOf(kind: PeerKind, identifier: ReadonlyMap<string, string>, study: Study): Buffer {
  const parts: (readonly [Tag, Buffer])[] = [[0x00080005, text(0x00080005, 'CS', 'ISO_IR 192')]];
  const emptied = (attribute: Attribute): boolean => kind.returns === 'emptied' && !heeds(kind, attribute);
  const isReturned = (attribute: Attribute): boolean =>
    attribute.name === 'StudyInstanceUID' || kind.returns !== 'heeded' || heeds(kind, attribute);
  for (const attribute of attributes) {
    const [tag] = attribute.path;
    if (attribute.path.length > 1 || !identifier.has(keyOf(attribute)) || !isReturned(attribute)) continue;
    const value = emptied(attribute) ? '' : study[attribute.name].join('\\');
    parts.push([tag, text(tag, attribute.vr, value)]);
  }
  const wanted = inSequence.filter((name) => identifier.has(keyOf(attributeOf(name))));
  const [first] = wanted;
  if (first !== undefined && isReturned(attributeOf(first))) {
    const [tag] = attributeOf(first).path;
    const count = emptied(attributeOf(first)) ? 0 : study[first].length;
    const items = Array.from({ length: count }, (_, index) =>
      item(
        Buffer.concat(
          wanted.map((name) => text(attributeOf(name).path.at(-1) ?? 0, 'LO', study[name][index] ?? '')),
        ),
      ),
    );
    parts.push([tag, sequence(tag, items)]);
  }
  return Buffer.concat(parts.sort(([left], [right]) => left - right).map(([, bytes]) => bytes));
}

// --- Studies and searches

const letters = fc
  .array(fc.constantFrom('A', 'B', 'a', 'é', '山', '~'), { minLength: 1, maxLength: 3 })
  .map((all) => all.join(''));
const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> =>
  fc.option(values, { nil: undefined, freq: 5 }).map((value) => (value === undefined ? [] : [value]));
const dates = fc.constantFrom('20211231', '20220101', '20220102', '20220103');
const modalities = fc.constantFrom('CT', 'MR', 'PT');
const numbers = fc.constantFrom('7', '07', '12');

const study: fc.Arbitrary<Study> = fc
  .tuple(
    fc.record({
      StudyInstanceUID: fc.constantFrom('1.2', '1.3', '1.4').map((uid) => [uid]),
      StudyDate: optional(dates),
      AccessionNumber: optional(letters),
      PatientName: optional(letters),
      PatientID: optional(letters),
      ModalitiesInStudy: fc.uniqueArray(modalities, { maxLength: 3 }),
      StudyDescription: optional(letters),
      OtherPatientIDs: fc.array(letters, { maxLength: 2 }),
      PatientWeight: optional(numbers),
      NumberOfStudyRelatedInstances: optional(numbers),
    }),
    fc.array(fc.tuple(letters, letters), { maxLength: 2 }),
  )
  .map(([top, items]) => ({
    ...top,
    'OtherPatientIDsSequence.PatientID': items.map(([id]) => id),
    'OtherPatientIDsSequence.IssuerOfPatientID': items.map(([, issuer]) => issuer),
  }));

const wild = fc
  .array(fc.constantFrom('A', 'B', 'a', 'é', '山', '~', '*', '?'), { maxLength: 3 })
  .map((all) => all.join(''));
const list = <T extends string>(one: fc.Arbitrary<T>, separator: string): fc.Arbitrary<string> =>
  fc.array(one, { minLength: 1, maxLength: 2 }).map((all) => all.join(separator));
const asked: Readonly<Record<Name, fc.Arbitrary<string>>> = {
  StudyInstanceUID: list(fc.constantFrom('1.2', '1.3', '1.5'), ','),
  StudyDate: fc.oneof(
    fc.constant(''),
    dates,
    dates.map((from) => `${from}-`),
    dates.map((to) => `-${to}`),
    fc.tuple(dates, dates).map((two) => [...two].sort().join('-')),
  ),
  AccessionNumber: wild,
  PatientName: wild,
  PatientID: wild,
  ModalitiesInStudy: fc.oneof(list(modalities, ','), list(modalities, '\\'), fc.constantFrom('C*', '', '?R')),
  StudyDescription: wild,
  OtherPatientIDs: wild,
  PatientWeight: numbers,
  NumberOfStudyRelatedInstances: numbers,
  'OtherPatientIDsSequence.PatientID': wild,
  'OtherPatientIDsSequence.IssuerOfPatientID': wild,
};

/** A value that one of a study's would match: itself, with wildcards for some of it. */
const taken = (name: Name, one: Study): fc.Arbitrary<string> => {
  const [stored = ''] = one[name];
  if (['DA', 'DS', 'IS', 'UI', 'CS'].includes(attributeOf(name).vr)) return fc.constant(stored);
  return fc
    .array(fc.constantFrom('', '', '*', '?'), { minLength: stored.length, maxLength: stored.length })
    .map((wildcards) => wildcards.map((wildcard, index) => wildcard || (stored[index] ?? '')).join(''));
};

/** Few keys, which often match the study: of many some never would. */
const searchOf = (one: Study): fc.Arbitrary<Search> =>
  fc
    .tuple(
      fc
        .uniqueArray(fc.constantFrom(...attributes.map(({ name }) => name)), { minLength: 1, maxLength: 3 })
        .chain((names) =>
          fc.tuple(
            ...names.map((name) =>
              fc.tuple(fc.constant<Name>(name), fc.oneof(asked[name], taken(name, one), taken(name, one))),
            ),
          ),
        ),
      fc.option(list(fc.oneof(letters, fc.constantFrom('A', ...one.OtherPatientIDs)), '\\'), {
        nil: undefined,
      }),
      fc.boolean(),
    )
    .map(([keys, several, all]) => {
      const named = new Map<Name, string>(keys);
      // Wildcards have no place in a list.
      if (all && several !== undefined && named.has('OtherPatientIDs')) named.set('OtherPatientIDs', several);
      return { keys: named, all };
    });

const queryOf = ({ keys, all }: Search): string =>
  [
    ...[...keys].map(([name, value]) => `${name}=${encodeURIComponent(value)}`),
    `multiplevaluematching=${all}`,
  ].join('&');

const characterSets = fc.constantFrom<readonly string[] | undefined>(
  undefined,
  ['ISO_IR 100'],
  ['ISO_IR 6'],
  ['GB18030'],
  ['ISO_IR 100', '\\ISO 2022 IR 87'],
  ['ISO_IR 192'],
);

interface Outcome {
  /** The peer answered with it, and the filter let it through. */
  readonly isShown: boolean;
  readonly unverified: readonly Tag[];
}

/** The whole way of one study: the identifier to the peer, its row back, the filter. */
function outcomeOf(asking: Search, sets: readonly string[] | undefined, kind: PeerKind, one: Study): Outcome {
  const request = parseSearch('STUDY', {}, queryOf(asking));
  const profile = {
    ...defaultPeerQueryProfile,
    ...(sets === undefined ? {} : { characterSets: sets }),
    literalWildcard: kind.isLiteral === true,
  };
  const [step] = planSearch(request, profile).steps;
  if (step === undefined) throw new Error('no step');
  const identifier = readIdentifier(
    encodeDataset(step.identifier(), TransferSyntaxes.ExplicitVrLittleEndian),
  );
  const isPattern = [...identifier].some(([path, value]) => path !== '00080005' && /[*?]/.test(value));
  if (kind.isLiteral === true && isPattern) return { isShown: false, unverified: [] };
  if (!answersWith(kind, identifier, one)) return { isShown: false, unverified: [] };
  const row = decodeDataset(rowOf(kind, identifier, one), ELE);
  return { isShown: step.accepts(row), unverified: step.unverified(row) };
}

/** Whether every character can be sent, so that a name is left to the peer. */
const isSendable = (value: string, sets: readonly string[] = ['ISO_IR 192']): boolean =>
  sets.some((set) => {
    if (set === 'ISO_IR 192' || set === 'GB18030') return true;
    if (set === '\\ISO 2022 IR 87') return !value.includes('é');
    return set === 'ISO_IR 100' ? !value.includes('山') : !/[é山]/.test(value);
  });

describe('a search is exact', () => {
  fuzz(
    'Q-43, Q-51: nothing is shown that is not asked for, and nothing is missing that is',
    study.chain((one) =>
      fc.tuple(searchOf(one), characterSets, fc.constantFrom(...allPeers), fc.constant(one)),
    ),
    ([asking, sets, kind, one]) => {
      const { isShown, unverified } = outcomeOf(asking, sets, kind, one);
      if (violated(asking, one).length === 0) {
        expect(isShown).toBe(true);
        return;
      }
      if (!isShown) return;
      const names = asking.keys.get('PatientName') ?? '';
      const unexplained = violated(asking, one, false).filter((name) => {
        const { path, vr } = attributeOf(name);
        // Names are the peer's business, unless it could not be sent what was asked for.
        if (vr === 'PN' && kind.heeds === 'none')
          return !isSendable(names, sets) && !unverified.includes(path[0]);
        return !unverified.includes(path[0]);
      });
      expect(unexplained).toEqual([]);
    },
  );

  test('the peers of this test answer differently', () => {
    const asking: Search = { keys: new Map<Name, string>([['StudyDescription', 'A']]), all: false };
    const one: Study = {
      ...Object.fromEntries(attributes.map(({ name }) => [name, []])),
      StudyInstanceUID: ['1.2'],
      StudyDescription: ['B'],
    } as unknown as Study;
    const outcomes = peers.map((kind) => outcomeOf(asking, undefined, kind, one));
    expect(outcomes.map(({ isShown, unverified }) => [isShown, unverified.length])).toEqual([
      [false, 0],
      [false, 0],
      [true, 1],
      [true, 1],
      [false, 0],
      [true, 1],
    ]);
  });
});
