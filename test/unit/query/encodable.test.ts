import { describe, expect, test } from '@jest/globals';
import { baselineQueryOptions } from '../../../src/core/index.js';
import { Dataset, encodeDataset, Tags, TransferSyntaxes, type Tag } from '../../../src/dicom/index.js';
import { parseSearch } from '../../../src/dicomweb/index.js';
import { defaultPeerQueryProfile, planSearch, type FindStep } from '../../../src/query/index.js';
import { codeOf } from './code-of.js';

interface Asking {
  readonly characterSets?: readonly string[];
  readonly unencodable?: 'wildcard' | 'reject';
  readonly trustedKeys?: readonly Tag[];
  /** The peer accepted fuzzy matching. */
  readonly fuzzy?: boolean;
}

function stepFor(query: string, { fuzzy = false, ...asking }: Asking): FindStep {
  const request = parseSearch('STUDY', {}, query);
  const profile = { ...defaultPeerQueryProfile, ...asking };
  const [step] = planSearch(request, profile, { ...baselineQueryOptions, fuzzy }).steps;
  if (step === undefined) throw new Error('no step');
  return step;
}

/** The bytes of an identifier as Latin-1 text, for what is to be found in it. */
const sent = (step: FindStep): string =>
  encodeDataset(step.identifier(), TransferSyntaxes.ExplicitVrLittleEndian).toString('latin1');

const characterSetElement = '\x08\x00\x05\x00CS';
const kanji = encodeURIComponent('山田^太郎');

describe('Q-51: the character set of an identifier', () => {
  test.each<
    readonly [query: string, characterSets: readonly string[] | undefined, declared: string, bytes: string]
  >([
    ['PatientName=M%C3%BCller', undefined, 'ISO_IR 100', 'M\xFCller'],
    [`PatientName=${kanji}`, undefined, 'ISO_IR 192', '\xE5\xB1\xB1\xE7\x94\xB0^'],
    [
      `PatientName=${kanji}`,
      ['ISO_IR 100', '\\ISO 2022 IR 87', 'ISO_IR 192'],
      '\\ISO 2022 IR 87',
      '\x1B$B;3ED\x1B(B^',
    ],
    ['PatientName=%D0%9B*&StudyDescription=%D1%8E', ['ISO_IR 100', 'ISO_IR 144'], 'ISO_IR 144', '\xBB*'],
    // One set for all values: the first that holds each of them does not do.
    [
      'PatientName=%C3%BC*&StudyDescription=%D1%8E',
      ['ISO_IR 100', 'ISO_IR 144', 'ISO_IR 192'],
      'ISO_IR 192',
      '\xC3\xBC*',
    ],
    ['ProcedureCodeSequence.CodeMeaning=%C3%A9', ['ISO_IR 148', 'ISO_IR 192'], 'ISO_IR 148', '\xE9'],
  ])('%s of %j is declared as %s', (query, characterSets, declared, bytes) => {
    const text = sent(stepFor(query, characterSets === undefined ? {} : { characterSets }));
    const length = declared.length + (declared.length % 2);
    expect(text).toContain(
      `${characterSetElement}${String.fromCharCode(length)}\0${declared.padEnd(length)}`,
    );
    expect(text).toContain(bytes);
  });

  test('accents that come apart from their letters are sent with them', () => {
    const text = sent(stepFor('PatientName=Mu%CC%88ller', {}));
    expect(text).toContain('ISO_IR 100');
    expect(text).toContain('M\xFCller');
  });

  test.each([
    ['\u301C', '\uFF5E'],
    ['\uFF5E', '\u301C'],
    ['\u2212', '\uFF0D'],
    ['\u2016', '\u2225'],
    ['—', '―'],
    ['£', '￡'],
  ])('Q-45: %j and %j are one character in JIS X 0208, and in what is filtered', (asked, stored) => {
    const kept = (query: string, row: Dataset): boolean =>
      stepFor(query, { characterSets: ['\\ISO 2022 IR 87'] }).accepts(row);
    const [key, value] = [`胸部${asked}腹部`, `胸部${stored}腹部`];
    const text = new Dataset().setString(Tags.StudyDescription, value, 'LO');
    expect(kept(`StudyDescription=${encodeURIComponent(key)}`, text)).toBe(true);
    expect(kept(`StudyDescription=${encodeURIComponent(`${asked}*`)}`, text)).toBe(false);
    const name = new Dataset().setString(Tags.PatientName, value, 'PN');
    expect(kept(`PatientName=${encodeURIComponent(`${key}😀*`)}`, name)).toBe(false);
    expect(kept(`PatientName=${encodeURIComponent(`${key}*`)}`, name)).toBe(true);
  });

  test('a tilde is not sent where the set that another value needs has an overline in its place', () => {
    const query = `PatientName=${encodeURIComponent('ﾔﾏﾀﾞ')}&StudyDescription=a~b`;
    const alone = stepFor(query, { characterSets: ['ISO_IR 13'] });
    expect(alone.identifier().string(Tags.StudyDescription)).toBe('a*b');
    const row = (text: string): Dataset => new Dataset().setString(Tags.StudyDescription, text, 'LO');
    expect([alone.accepts(row('a~b')), alone.accepts(row('a-b'))]).toEqual([true, false]);
    const other = sent(stepFor(query, { characterSets: ['ISO_IR 13', 'ISO_IR 192'] }));
    expect(other).toContain('ISO_IR 192');
    expect(other).toContain('a~b');
    expect(sent(stepFor('StudyDescription=a~b', { characterSets: ['ISO_IR 13'] }))).toContain('a~b');
  });

  test('ASCII declares nothing', () => {
    expect(sent(stepFor('PatientName=DOE*', {}))).not.toContain(characterSetElement);
  });
});

describe('Q-51: what no set of the peer holds', () => {
  const latin1 = { characterSets: ['ISO_IR 100'] };

  test.each<readonly [query: string, asking: Asking, bytes: string]>([
    [`PatientName=${kanji}`, latin1, '*^*'],
    [`PatientName=${encodeURIComponent('é山*')}`, latin1, '\xE9*'],
    [`StudyDescription=${encodeURIComponent('a😀b')}`, latin1, 'a*b'],
    [`StudyDescription=${encodeURIComponent('Łódź')}`, { characterSets: ['ISO_IR 6'] }, '*d*'],
    // The set that holds most.
    [
      `StudyDescription=${encodeURIComponent('Łódź é 山')}`,
      { characterSets: ['ISO_IR 100', 'ISO_IR 101'] },
      '\xA3\xF3d\xBC \xE9 *',
    ],
    [`OtherPatientIDsSequence.PatientID=${encodeURIComponent('山1')}`, latin1, '*1'],
    [`00230010=${encodeURIComponent('山1')}&00231001=A`, latin1, '*1'],
  ])('%s: a wildcard in its place', (query, asking, bytes) => {
    const step = stepFor(query, asking);
    expect(sent(step)).toContain(bytes);
    expect(step.identifier()).toBeInstanceOf(Dataset);
  });

  test('a value that is ASCII in the end declares nothing', () => {
    expect(sent(stepFor(`PatientName=${kanji}`, latin1))).not.toContain(characterSetElement);
  });

  test('text is filtered by what was asked for', () => {
    const step = stepFor(`StudyDescription=${encodeURIComponent('山*')}`, latin1);
    const row = (text: string): Dataset => new Dataset().setString(Tags.StudyDescription, text, 'LO');
    expect(step.accepts(row('山田'))).toBe(true);
    expect(step.accepts(row('川田'))).toBe(false);
  });

  test.each<readonly [asked: string, stored: string, accepted: boolean]>([
    ['山田^太郎', '山田^太郎', true],
    ['山田^太郎', 'Yamada^Tarou=山田^太郎=やまだ^たろう', true],
    ['山田^太郎', 'Tanaka^Hana=田中^花子', false],
    ['山田*', 'Yamada^Tarou=山田^太郎', true],
    ['山田*', '田中^太郎', false],
    ['山田', 'Yamada^Tarou=山田^太郎', true],
    ['yamada^tarou=山田^太郎', 'YAMADA^TAROU=山田^太郎', true],
    ['Yamada^Tarou=山田^太郎', 'YAMADA^TAROU=山口^太郎', false],
    ['ŁĄCKA^ÓLA', 'łącka^óla', true],
    ['ŁĄCKA^OLA', 'ŁĄCKA^ÓLA^^', true],
    ['ŁĄCKA^OLA', 'ŁASKA^ÓLA', false],
    ['ﾔﾏﾀﾞ', 'ヤマダ^タロウ', true],
    ['홍^길동', 'Hong^Gildong=洪^吉洞=홍^길동', true],
    ['홍^길동', '홍^길순', false],
    // What the peer sent unreadably, or not at all, cannot be judged.
    ['山田^太郎', '\uFFFD\uFFFD^太郎', true],
    ['山田^太郎', '', true],
  ])('Q-45: of names, %s is %s: %s', (asked, stored, accepted) => {
    const step = stepFor(`PatientName=${encodeURIComponent(asked)}`, { characterSets: ['ISO_IR 6'] });
    expect(step.accepts(new Dataset().setString(Tags.PatientName, stored, 'PN'))).toBe(accepted);
  });

  test('Q-45: a name that the peer can read is left to the peer', () => {
    const step = stepFor('PatientName=DOE', latin1);
    expect(step.accepts(new Dataset().setString(Tags.PatientName, 'ROE', 'PN'))).toBe(true);
  });

  test.each<readonly [query: string, sets: readonly string[], sent: string | undefined]>([
    ['PatientName=M?ller', ['ISO_IR 192'], 'M*ller'],
    ['PatientName=M?ller', ['ISO_IR 100'], 'M?ller'],
    ['PatientName=M%3Fll?r*', ['ISO_IR 100', '\\ISO 2022 IR 149'], 'M*ll*r*'],
    ['fuzzymatching=true&PatientName=M?ller', ['ISO_IR 192'], 'M?ller'],
  ])(
    'Q-51: a single character of %s at a peer with %j is asked for as %s',
    (query, characterSets, sentAs) => {
      const step = stepFor(query, { characterSets, fuzzy: true });
      expect(step.identifier().string(Tags.PatientName)).toBe(sentAs);
      const accepts = (name: string): boolean =>
        step.accepts(new Dataset().setString(Tags.PatientName, name, 'PN'));
      // What the peer was asked for as it stands is left to it.
      expect([accepts('Müller'), accepts('Rahm')]).toEqual([true, sentAs?.includes('?') === true]);
    },
  );

  test('Q-22: of values that must all be there one that the peer can read is asked for, or none', () => {
    const trusting = { ...latin1, trustedKeys: [Tags.OtherPatientNames] };
    const asked = (values: string): FindStep =>
      stepFor(`multiplevaluematching=true&OtherPatientNames=${encodeURIComponent(values)}`, trusting);
    const step = asked('山\\Doe');
    expect(step.identifier().string(Tags.OtherPatientNames)).toBe('Doe');
    expect(asked('山\\田').identifier().string(Tags.OtherPatientNames)).toBeUndefined();
    const row = (text: string): Dataset => new Dataset().setString(Tags.OtherPatientNames, text, 'PN');
    expect(step.accepts(row('Doe\\山'))).toBe(true);
    expect(step.accepts(row('Doe\\田'))).toBe(false);
  });

  test('by policy it is the client’s error, which names the attribute and never the value', () => {
    const asking: Asking = { ...latin1, unencodable: 'reject' };
    expect(codeOf(() => stepFor(`PatientName=${kanji}`, asking))).toBe('bad-request');
    expect(() => stepFor(`PatientName=${kanji}`, asking)).toThrow(/^PatientName holds characters/);
    expect(sent(stepFor('PatientName=%C3%A9', asking))).toContain('\xE9');
  });
});
