import { afterEach, describe, expect, test } from '@jest/globals';
import { fixedFacts, openPeer } from '../../src/compose-peer.js';
import { loadConfig } from '../../src/config/index.js';
import { createDemoPacs } from '../../src/demo/index.js';
import { checkPeer, type CheckReport } from '../../src/gateway/index.js';
import { listing, selected } from '../helpers/listing.js';
import {
  accept,
  final,
  makeInstance,
  pending,
  returning,
  silence,
  startRoguePeer,
  store,
  type RoguePeerOptions,
  type Script,
} from '../helpers/rogue-peer.js';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const STUDY = '2.25.77.1';
const KeyTags = {
  StudyDate: 0x00080020,
  StudyTime: 0x00080030,
  AccessionNumber: 0x00080050,
  ModalitiesInStudy: 0x00080061,
  ReferringPhysicianName: 0x00080090,
  StudyDescription: 0x00081030,
  PatientName: 0x00100010,
  PatientID: 0x00100020,
  PatientBirthDate: 0x00100030,
  StudyInstanceUID: 0x0020000d,
  StudyID: 0x00200010,
} as const;
const ZONE = 0x00080201;
type Keyword = keyof typeof KeyTags;

/** What a PACS with one study does with keys, right but for what is named. */
interface Quirks {
  readonly row?: Readonly<Record<string, string>>;
  readonly ignores?: readonly Keyword[];
  readonly literal?: boolean;
  readonly needsPatientId?: boolean;
  readonly anyCase?: boolean;
  readonly refuses?: readonly Keyword[];
  /** Its ranges of dates and times match as one; else each for itself. */
  readonly combines?: boolean;
  /** It converts dates from the zone of a search, its own being UTC. */
  readonly converts?: boolean;
  /** `""` finds what has no value. */
  readonly findsEmpty?: boolean;
  /** It finds studies of one modality alone by that. */
  readonly oneModality?: boolean;
}

const ROW = {
  StudyInstanceUID: STUDY,
  StudyDate: '20220102',
  StudyTime: '143000',
  PatientName: 'DOE^JANE',
  PatientID: 'P-1',
  ModalitiesInStudy: 'CT',
  NumberOfStudyRelatedSeries: '1',
  NumberOfStudyRelatedInstances: '2',
} as const;

function within(range: string, value: string): boolean {
  const [from = '', to = from] = range.split('-');
  return from <= value && (to === '' || value <= to);
}

function finder(quirks: Quirks): Script {
  const row: Readonly<Record<string, string>> = { ...ROW, ...quirks.row };
  return (_request, identifier) => {
    const keys = Object.entries(KeyTags).flatMap(([keyword, tag]) => {
      const value = (identifier.get(tag) ?? '').trim();
      return value === '' ? [] : [{ keyword: keyword as Keyword, value }];
    });
    const given = (keyword: Keyword): string => keys.find((key) => key.keyword === keyword)?.value ?? '';
    if (keys.some(({ keyword }) => quirks.refuses?.includes(keyword))) return [final(0xa900)];
    const isCombined = quirks.combines === true && given('StudyTime') !== '';
    const combined = (): boolean => {
      const [from = '', to = ''] = given('StudyDate').split('-');
      const [start = '', end = ''] = given('StudyTime').split('-');
      const at = `${row['StudyDate'] ?? ''}${row['StudyTime'] ?? ''}`;
      return from + start <= at && at <= to + end;
    };
    const matches = ({ keyword, value }: { keyword: Keyword; value: string }): boolean => {
      if (quirks.ignores?.includes(keyword)) return true;
      const zone = (identifier.get(ZONE) ?? '').trim();
      if (quirks.converts === true && keyword === 'StudyDate' && zone !== '')
        // At half past two in the afternoon it is the same day in the west and the next one in the east.
        return within(value, zone.startsWith('-') ? (row[keyword] ?? '') : '20220103');
      if (quirks.findsEmpty === true && value === '""') return row[keyword] === '';
      if (keyword === 'ModalitiesInStudy' && quirks.oneModality !== true)
        return (row[keyword] ?? '').split('\\').includes(value);
      if (keyword === 'StudyDate' || keyword === 'StudyTime')
        return isCombined ? combined() : within(value, row[keyword] ?? '');
      const fold = (text: string): string => (quirks.anyCase === true ? text.toUpperCase() : text);
      const stored = fold(row[keyword] ?? '');
      const wanted = fold(value);
      if (!wanted.endsWith('*') || quirks.literal === true) return wanted === stored;
      return stored.startsWith(wanted.slice(0, -1));
    };
    const isFound = keys.every(matches) && (quirks.needsPatientId !== true || given('PatientID') !== '');
    return [...(isFound ? [pending(row)] : []), final()];
  };
}

async function check(
  address: string,
  {
    extra = '',
    patientId,
    study = STUDY,
    firstResponse = '20s',
  }: { extra?: string; patientId?: string; study?: string; firstResponse?: string } = {},
): Promise<CheckReport> {
  const file = `peers: { main: { address: "${address}", timeouts: { connect: 20s, association: 20s, firstResponse: ${firstResponse} } ${extra} } }`;
  const config = loadConfig({ file, env: {} });
  const settings = config.peers['main'];
  if (settings === undefined) throw new Error('no peer');
  const deps = { observe: (): void => undefined, storageScp: undefined };
  return checkPeer(
    {
      name: 'main',
      associations: settings.associations,
      study: { studyInstanceUid: study, patientId, relearnMs: settings.relearnAfter },
      fixed: fixedFacts(settings),
      untried: { move: { reason: 'there is no listener', mayWork: false } },
      open: (_way, known) => openPeer(config, 'main', { ...settings, retrieve: 'get' }, { ...deps, known }),
      moveHint: '',
    },
    { requestId: 'check', signal: AbortSignal.timeout(10_000) },
  );
}

async function checkQuirks(
  quirks: Quirks,
  options: Parameters<typeof check>[1] = {},
  peerOptions: RoguePeerOptions = {},
): Promise<CheckReport> {
  const peer = await startRoguePeer({ onFind: finder(quirks), ...peerOptions });
  closers.push(() => peer.close());
  return check(`ROGUE@127.0.0.1:${peer.address.port}`, options);
}

const UNTRIED =
  'whether it finds what it should by PatientSize, PatientWeight, SeriesNumber, InstanceNumber, ImageType: the study has nothing to tell it by, so the gateway filters by that itself';

const UNTRIED_MODALITIES =
  'whether it finds studies by each of their ModalitiesInStudy: it needs a study of several, which the PACS returns, so the gateway filters by that itself';
const UNTRIED_CASE =
  'whether it turns names into upper case: no instance of the study tells how the name is stored';

const valuesOf = ({ facts }: CheckReport): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(facts).map(([name, { value }]) => [name, value]));

describe('check --study', () => {
  describe('Q-54: of options that a peer accepts', () => {
    const accepted = { associate: accept({ extended: returning(1, 0, 0, 1, 0, 1, 0) }) };
    const row = { AccessionNumber: '', StudyID: 'S1' };

    test('those are used that were seen to be true', async () => {
      const report = await checkQuirks({ row, converts: true, findsEmpty: true }, {}, accepted);
      expect(valuesOf(report)).toMatchObject({ timezoneProved: true, emptyValueProved: true });
      expect(report.learnt).toContainEqual(expect.stringMatching(/^converts dates and times from the zone/));
    });

    test('those are not used that it does not heed', async () => {
      const report = await checkQuirks({ row }, {}, accepted);
      expect(valuesOf(report)).toMatchObject({ timezoneProved: false, emptyValueProved: false });
      expect(report.learnt).toContainEqual(expect.stringMatching(/^does not find empty values as it should/));
    });

    test('a study that tells nothing of empty values leaves that open', async () => {
      const report = await checkQuirks({ converts: true, findsEmpty: true }, {}, accepted);
      expect(valuesOf(report)).not.toHaveProperty('emptyValueProved');
      expect(report.unknown).toContainEqual(
        expect.stringMatching(/^whether it matches empty values .*AccessionNumber/),
      );
    });
  });

  test.each([
    [false, { trustedKeys: ['ModalitiesInStudy'] }],
    [true, { ignoredKeys: ['ModalitiesInStudy'] }],
  ])('Q-46: of a study of two modalities, found by both or not (%s)', async (oneModality, expected) => {
    const report = await checkQuirks({ row: { ModalitiesInStudy: 'CT\\SR' }, oneModality });
    expect(valuesOf(report)).toMatchObject(expected);
  });

  test('of a peer that does all of it right', async () => {
    const report = await checkQuirks({});
    expect(report.steps.find(({ step }) => step === 'study')).toMatchObject({ result: 'ok' });
    expect(valuesOf(report)).toMatchObject({
      needsPatientId: false,
      literalWildcard: false,
      ignoredKeys: [],
      unreturnedKeys: [],
    });
    expect(report.facts).not.toHaveProperty('dateTimeProved');
    // A name in upper case is no proof of anything.
    expect(report.facts).not.toHaveProperty('upperCasesNames');
    expect(report.unknown).toEqual([UNTRIED_MODALITIES, UNTRIED, UNTRIED_CASE]);
    // ASCII is in every set.
    expect(report.facts).not.toHaveProperty('characterSets');
    // Of what the study has nothing to tell by nothing is said to be known.
    expect(report.facts).not.toHaveProperty('trustedKeys');
    expect(report.learnt).toEqual(
      expect.arrayContaining([
        'finds studies without a Patient ID (believed for 10 minutes)',
        'wildcards work (believed for 10 minutes)',
        'takes every key that was tried into account: a value that no study has finds nothing (believed for 10 minutes)',
        'returns modalities and counts of studies (believed for 10 minutes)',
      ]),
    );
  });

  test('tells nothing of the patient', async () => {
    const report = await checkQuirks({ ignores: ['StudyDescription'] });
    expect(JSON.stringify(report)).not.toMatch(/DOE|JANE|P-1|20220102|143000/);
  });

  test.each<[string, Quirks, Readonly<Record<string, unknown>>, RegExp]>([
    [
      'passes over keys',
      { ignores: ['ModalitiesInStudy', 'StudyDescription'] },
      { ignoredKeys: ['ModalitiesInStudy', 'StudyDescription'] },
      /^does not match by ModalitiesInStudy, StudyDescription/,
    ],
    [
      'takes * for itself',
      { literal: true },
      { literalWildcard: true },
      /^takes \* for itself: wildcards find nothing/,
    ],
    [
      'has names in lower case',
      { row: { PatientName: 'Doe^Jane' } },
      { upperCasesNames: false },
      /^does not turn names into upper case/,
    ],
    [
      'leaves out counts',
      { row: { NumberOfStudyRelatedSeries: '', NumberOfStudyRelatedInstances: '' } },
      { unreturnedKeys: ['NumberOfStudyRelatedSeries', 'NumberOfStudyRelatedInstances'] },
      /^does not return NumberOfStudyRelatedSeries, NumberOfStudyRelatedInstances/,
    ],
    [
      'answers in another character set',
      { row: { SpecificCharacterSet: 'ISO_IR 100' } },
      { characterSets: ['ISO_IR 100'] },
      /^answers in ISO_IR 100/,
    ],
  ])('of a peer that %s', async (_, quirks, facts, line) => {
    const report = await checkQuirks(quirks);
    expect(valuesOf(report)).toMatchObject(facts);
    expect(report.learnt).toContainEqual(expect.stringMatching(line));
  });

  test('of a peer that matches names in any case, and has one in lower case: it does not turn them', async () => {
    const find = finder({ anyCase: true });
    const other = pending({ ...ROW, StudyInstanceUID: '2.25.77.9', PatientName: 'Roe^Jim' });
    const onFind: Script = (request, identifier) => {
      const steps = typeof find === 'function' ? find(request, identifier) : find;
      const isByDate = [KeyTags.PatientName, KeyTags.StudyInstanceUID].every((tag) => !identifier.get(tag));
      return isByDate ? [...steps.slice(0, -1), other, final()] : steps;
    };
    const report = await checkQuirks({}, {}, { onFind });
    expect(valuesOf(report)).toMatchObject({ upperCasesNames: false, literalWildcard: false });
  });

  test('of a peer that passes over names: nothing is learnt of wildcards in them', async () => {
    const report = await checkQuirks({ ignores: ['PatientName'] });
    expect(valuesOf(report)).toMatchObject({ ignoredKeys: ['PatientName'] });
    expect(report.facts).not.toHaveProperty('literalWildcard');
  });

  test.each([
    ['by its Latin letters alone', 'Sato^Hanako', { literalWildcard: false }, undefined],
    [
      'by all of it alone',
      'whole',
      {},
      /^whether it heeds wildcards: it does not find the study by the name/,
    ],
  ])('of a name with ideographs beside Latin letters that is found %s', async (_, name, facts, unknown) => {
    const find = finder({ row: { PatientName: name } });
    const shown = { SpecificCharacterSet: '\\ISO 2022 IR 87', PatientName: 'Sato^Hanako=\x1B$B:4F#\x1B(B' };
    const onFind: Script = (request, identifier) => {
      const steps = typeof find === 'function' ? find(request, identifier) : find;
      return steps.length > 1 ? [pending({ ...ROW, ...shown }), final()] : steps;
    };
    const report = await checkQuirks({}, {}, { onFind });
    expect(valuesOf(report)).toMatchObject(facts);
    const untold = report.unknown.find((text) => text.startsWith('whether it heeds wildcards'));
    if (unknown === undefined) expect(untold).toBeUndefined();
    else expect(untold).toMatch(unknown);
  });

  test.each(['Xu', 'M\xFCller^Jana'])(
    'a name that cannot be tried is told to be so: %s',
    async (PatientName) => {
      const report = await checkQuirks({ row: { SpecificCharacterSet: 'ISO_IR 100', PatientName } });
      expect(report.unknown).toContain(
        'whether it heeds wildcards: the name of the patient of the study is shorter than three letters, or has others than plain ones',
      );
    },
  );

  test('of what every answer has it is not said that it returns it', async () => {
    const more = { SpecificCharacterSet: 'ISO_IR 100', RetrieveAETitle: 'ROGUE', StudyDescription: 'KNEE' };
    const report = await checkQuirks({ row: { QueryRetrieveLevel: 'STUDY', ...more } });
    expect(valuesOf(report)['returnedKeys']).toEqual(['StudyDescription']);
  });

  /** A peer that holds an instance of the study under a name, and shows it under another. */
  const holding = (PatientName: string, quirks: Quirks = {}): RoguePeerOptions => {
    const held = [makeInstance({ studyInstanceUid: STUDY, extra: { PatientName } })];
    const [find, list] = [finder(quirks), listing(held)];
    return {
      onFind: (request, identifier) => {
        const script = identifier.get(0x00080052) === 'STUDY' ? find : list;
        return typeof script === 'function' ? script(request, identifier) : script;
      },
      onGet: (_request, identifier) => [...selected(held, identifier).map((one) => store(one)), final()],
    };
  };

  test.each([
    ['Doe^Jane', 'DOE^JANE', true],
    ['DOE^JANE', 'DOE^JANE', undefined],
    ['Roe^Jim', 'DOE^JANE', undefined],
    ['Doe^Jane', 'Doe^Jane', false],
    // Not ASCII: it cannot be read without its character set.
    ['Doé^Jane', 'DOE^JANE', undefined],
  ])(
    'of a peer that holds %s and shows %s: turns names into upper case is %s',
    async (stored, shown, turns) => {
      const row = { PatientName: shown };
      const report = await checkQuirks({}, {}, holding(stored, { row, anyCase: true }));
      expect(report.usable).toBe(true);
      expect(valuesOf(report)['upperCasesNames']).toBe(turns);
      expect(report.unknown.filter((text) => ![UNTRIED, UNTRIED_MODALITIES].includes(text))).toEqual(
        turns === undefined ? [UNTRIED_CASE] : [],
      );
      expect(JSON.stringify(report)).not.toMatch(/jane|doé|roe\^/i);
    },
  );

  /** A peer with a series and an instance below the study, and how it compares what is stored with a key. */
  const comparing = (matches: (stored: string, key: string) => boolean, row = {}): RoguePeerOptions => {
    const find = finder({ row });
    const below = {
      SERIES: { SeriesInstanceUID: '2.25.77.2', SeriesNumber: '3' },
      IMAGE: { SOPInstanceUID: '2.25.77.3', InstanceNumber: ' 7', '00080008:CS': 'ORIGINAL\\PRIMARY' },
    };
    const tags = { SeriesNumber: 0x00200011, InstanceNumber: 0x00200013, '00080008:CS': 0x00080008 };
    const onFind: Script = (command, identifier) => {
      const level = identifier.get(0x00080052)?.trim();
      if (level !== 'SERIES' && level !== 'IMAGE')
        return typeof find === 'function' ? find(command, identifier) : find;
      const values: Readonly<Record<string, string>> = below[level];
      const isFound = Object.entries(tags).every(([name, tag]) => {
        const key = identifier.get(tag) ?? '';
        return key.trim() === '' || matches(values[name] ?? '', key);
      });
      return [...(isFound ? [pending({ StudyInstanceUID: STUDY, ...values })] : []), final()];
    };
    return { onFind };
  };
  const byRule = (stored: string, key: string): boolean =>
    stored.split('\\').some((one) => one.trim() === key.trim() || Number(one) === Number(key));

  test.each<[string, (stored: string, key: string) => boolean, readonly string[]]>([
    ['as the standard says', byRule, ['SeriesNumber', 'InstanceNumber', 'ImageType']],
    ['as text', (stored, key) => stored.split('\\').some((one) => one.trim() === key.trim()), ['ImageType']],
    [
      'all values at once',
      (stored, key) => stored === key.trim() || Number(stored) === Number(key),
      ['SeriesNumber', 'InstanceNumber'],
    ],
    ['as text, blanks too', (stored, key) => stored === key, []],
    ['nothing', () => true, []],
  ])('Q-15: of a peer that compares %s: what it is trusted with', async (_, matches, trusted) => {
    const report = await checkQuirks({}, {}, comparing(matches));
    expect(valuesOf(report)).toMatchObject({ trustedKeys: trusted });
    const doubtful = ['SeriesNumber', 'InstanceNumber', 'ImageType'].filter((one) => !trusted.includes(one));
    const { detail = '' } = report.steps.find(({ step }) => step === 'study') ?? {};
    if (doubtful.length > 0)
      expect(detail).toContain(`by ${doubtful.join(', ')} it does not find what it should`);
    else expect(detail).not.toContain('does not find');
    expect(report.unknown).toContainEqual(
      expect.stringMatching(/^whether it finds what it should by PatientSize, PatientWeight: /),
    );
  });

  test('Q-15: a number of the study itself is tried too, and not told', async () => {
    const report = await checkQuirks({}, {}, comparing(byRule, { '00101030:DS': '61.5' }));
    // The study is found by any weight: it passes it over.
    expect(report.steps.find(({ step }) => step === 'study')?.detail).toContain(
      'by PatientWeight it does not',
    );
    expect(JSON.stringify(report)).not.toContain('61.5');
  });

  test('Q-46: of a peer that misses a study by one of its modalities: it is not asked by them', async () => {
    const report = await checkQuirks({ row: { ModalitiesInStudy: 'CT\\SR' }, oneModality: true });
    expect(valuesOf(report)).toMatchObject({ ignoredKeys: ['ModalitiesInStudy'] });
  });

  test('of a peer that refuses a key: that it matches by every key is not said, and which is unknown is', async () => {
    const report = await checkQuirks({ refuses: ['StudyDescription', 'StudyID'] });
    expect(report.facts).not.toHaveProperty('ignoredKeys');
    expect(report.learnt).not.toContainEqual(expect.stringContaining('every key'));
    expect(report.unknown).toContainEqual(
      expect.stringMatching(/^whether it matches by StudyDescription, StudyID: /),
    );
  });

  test('of a peer that refuses a key and passes over another: what is known is learnt', async () => {
    const report = await checkQuirks({ refuses: ['StudyDescription'], ignores: ['StudyID'] });
    expect(valuesOf(report)).toMatchObject({ ignoredKeys: ['StudyID'] });
    expect(report.unknown).toContainEqual(expect.stringMatching(/^whether it matches by StudyDescription: /));
  });

  test('of a peer that finds nothing by the day: that proves nothing of other keys', async () => {
    const find = finder({ ignores: ['StudyID'] });
    const onFind: Script = (request, identifier) => {
      const isByDate = (identifier.get(KeyTags.StudyDate) ?? '') !== '';
      return isByDate || typeof find !== 'function' ? [final()] : find(request, identifier);
    };
    expect(valuesOf(await checkQuirks({}, {}, { onFind }))).toMatchObject({ ignoredKeys: ['StudyID'] });
  });

  test('of a peer that falls silent in the middle: what was not tried is not said to be so', async () => {
    const find = finder({});
    const onFind: Script = (request, identifier) => {
      if ((identifier.get(KeyTags.StudyDescription) ?? '') !== '') return [silence()];
      return typeof find === 'function' ? find(request, identifier) : find;
    };
    const report = await checkQuirks({}, { firstResponse: '1s' }, { onFind });
    expect(report.steps.find(({ step }) => step === 'study')).toMatchObject({ result: 'failed' });
    expect(report.facts).not.toHaveProperty('ignoredKeys');
    expect(report.unknown).toEqual([expect.stringContaining('could not be tried to the end')]);
  });

  test('of a peer that needs a Patient ID, with and without one', async () => {
    const without = await checkQuirks({ needsPatientId: true });
    expect(without.steps.find(({ step }) => step === 'study')).toMatchObject({
      result: 'failed',
      detail: expect.stringContaining('--patient'),
    });
    expect(without.facts).not.toHaveProperty('needsPatientId');
    const withId = await checkQuirks({ needsPatientId: true }, { patientId: 'P-1' });
    expect(valuesOf(withId)).toMatchObject({ needsPatientId: true, ignoredKeys: [], literalWildcard: false });
    expect(withId.learnt).toContainEqual(expect.stringMatching(/^finds no study without a Patient ID/));
  });

  test.each([
    ['does not show', {}],
    ['does not show, but others in its place', { ignores: ['StudyInstanceUID'] }],
  ] as const)('of a study that the peer %s: nothing is learnt of its searches', async (_, quirks) => {
    const report = await checkQuirks({}, { study: '2.25.1' }, holding('DOE^JANE', quirks));
    expect(report.steps.find(({ step }) => step === 'study')).toMatchObject({
      result: 'failed',
      detail: expect.stringContaining('shows no such study'),
    });
    expect(report.steps.find(({ step }) => step === 'C-FIND')?.detail).toContain(
      'not of the study that was given',
    );
    for (const name of ['needsPatientId', 'ignoredKeys', 'unreturnedKeys', 'characterSets'])
      expect(report.facts).not.toHaveProperty(name);
    expect(report.unknown).toEqual([expect.stringContaining('could not be tried to the end')]);
    // Of the peer itself all is in order.
    expect(report.usable).toBe(true);
  });

  test.each([
    [true, true],
    [false, false],
  ])('of a peer that accepts combined matching and combines: %s', async (combines, proved) => {
    const associate = accept({ extended: returning(1, 1) });
    const report = await checkQuirks({ combines }, {}, { associate });
    expect(valuesOf(report)).toMatchObject({ dateTime: true, dateTimeProved: proved });
  });

  test('says what is configured instead, and finds nothing else', async () => {
    const extra =
      ', profile: { literalWildcard: true, fuzzy: false, ignoredKeys: [StudyID] }, findLimit: 500';
    const report = await checkQuirks({}, { extra });
    expect(report.configured).toEqual([
      'ends the answer to a search after 500 rows',
      'takes * for itself: wildcards find nothing',
      'does not match by StudyID',
      'fuzzy names: no',
    ]);
    for (const name of ['literalWildcard', 'ignoredKeys', 'fuzzy'])
      expect(report.facts).not.toHaveProperty(name);
  });

  test('of the demo PACS', async () => {
    const pacs = await createDemoPacs();
    closers.push(() => pacs.close());
    const address = `${pacs.address.aeTitle}@127.0.0.1:${pacs.address.port}`;
    const report = await check(address, { study: pacs.sample.studyInstanceUid });
    expect(report.usable).toBe(true);
    expect(valuesOf(report)).toMatchObject({
      needsPatientId: false,
      unreturnedKeys: [],
      literalWildcard: false,
    });
  });
});
