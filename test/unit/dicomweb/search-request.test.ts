import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../../src/core/index.js';
import { attributeByKeyword, attributeByTag, formatTag, parseTag } from '../../../src/dicom/index.js';
import {
  acceptParameter,
  levelOf,
  parseSearch,
  type SearchLevel,
  type SearchPath,
  type SearchRequest,
} from '../../../src/dicomweb/index.js';
import { codeOf, errorOf } from './code-of.js';

const studies = (query: string): SearchRequest => parseSearch('STUDY', {}, query);
const instances = (query: string): SearchRequest => parseSearch('IMAGE', {}, query);
const path = (tags: readonly number[]): string => tags.map(formatTag).join('.');
/** As `tag=value`, or `tag=value|value` for several values. */
const keys = (request: SearchRequest): string[] =>
  request.matchingKeys.map((key) => `${path(key.path)}=${key.values.join('|')}`);
const fields = (request: SearchRequest): string[] => request.includeFields.map(path);

describe('what real clients send', () => {
  test('OHIF: the study list', () => {
    const request = studies(
      'limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060%2C00080090%2C00100030' +
        '&PatientName=*DOE*&00100020=*x*&AccessionNumber=&StudyDescription=a%20b&ModalitiesInStudy=CT%2CMR' +
        '&StudyDate=19700102-20241231&StudyInstanceUID=1.2.3%5C1.2.4',
    );
    expect(keys(request)).toEqual([
      '00100010=*DOE*',
      '00100020=*x*',
      '00080050=',
      '00081030=a b',
      '00080061=CT|MR',
      '00080020=19700102-20241231',
      '0020000D=1.2.3|1.2.4',
    ]);
    expect(request).toMatchObject({
      limit: 101,
      offset: 0,
      fuzzyMatching: false,
      includeAll: false,
      warnings: [],
    });
    expect(fields(request)).toEqual(['00081030', '00080090', '00100030']);
  });

  test('OHIF: the series of a study', () => {
    const request = parseSearch(
      'SERIES',
      { study: '1.2.3' },
      'includefield=00080021%2C00080031%2C0008103E%2C00200011',
    );
    expect(request).toMatchObject({
      level: 'SERIES',
      studyInstanceUid: '1.2.3',
      matchingKeys: [],
      offset: 0,
    });
    expect(fields(request)).toEqual(['00080021', '00080031', '0008103E', '00200011']);
    expect(request).not.toHaveProperty('limit');
  });

  test('Weasis', () => {
    expect(
      fields(studies('00100020=x&includefield=00080020,00080030&includefield=00100021&00100021=y')),
    ).toEqual(['00080020', '00080030', '00100021']);
    expect(keys(parseSearch('SERIES', { study: '1.2' }, '0020000E=1.3&includefield=00201209'))).toEqual([
      '0020000E=1.3',
    ]);
    expect(
      fields(
        parseSearch('IMAGE', { study: '1.2', series: '1.3' }, 'includefield=00080018,00200013,00081190'),
      ),
    ).toEqual(['00080018', '00200013', '00081190']);
  });

  test('nothing', () => {
    for (const query of ['', '&', '&&']) {
      expect(studies(query)).toEqual({
        level: 'STUDY',
        matchingKeys: [],
        includeFields: [],
        includeAll: false,
        offset: 0,
        fuzzyMatching: false,
        emptyValueMatching: false,
        multipleValueMatching: false,
        warnings: [],
      });
    }
  });
});

describe('Q-10: attributes', () => {
  test('a tag in any case and a keyword are the same', () => {
    for (const name of ['0020000D', '0020000d', 'StudyInstanceUID']) {
      expect(studies(`${name}=1.2`).matchingKeys).toEqual([
        { path: [0x0020000d], vr: 'UI', value: '1.2', values: ['1.2'] },
      ]);
    }
  });

  test.each([
    'PatientNam=x',
    'PATIENTNAME=x',
    'Patientname=x',
    '0010001=x',
    '001000100=x',
    '0010,0010=x',
    '0x00100010=x',
    '(0010,0010)x.y=x',
    '00101999=x',
    '.=x',
    'PatientName.=x',
    '.PatientName=x',
  ])('%s is a client error', (query) => {
    expect(codeOf(() => studies(query))).toBe('bad-request');
  });

  test.each(['00000100=x', '00020010=1.2', '00080000=1', '00080052=STUDY', 'QueryRetrieveLevel=STUDY'])(
    'Q-34: %s is nothing that a dataset can be matched by',
    (query) => {
      expect(codeOf(() => studies(query))).toBe('bad-request');
    },
  );

  test('a repeating group keeps its own tag', () => {
    expect(keys(instances('60020010=512'))).toEqual(['60020010=512']);
  });
});

describe('Q-11: paths through sequences', () => {
  test.each([
    ['00101002.00100020=x', '00101002.00100020=x'],
    ['OtherPatientIDsSequence.PatientID=x', '00101002.00100020=x'],
    ['00101002.PatientID=x', '00101002.00100020=x'],
  ])('%s', (query, expected) => {
    expect(keys(studies(query))).toEqual([expected]);
  });

  test('several paths into one sequence, and deeper', () => {
    expect(
      keys(
        parseSearch(
          'SERIES',
          { study: '1.2' },
          'RequestAttributesSequence.ScheduledProcedureStepID=1&00400275.00401001=2' +
            '&RequestAttributesSequence.ScheduledProtocolCodeSequence.CodeValue=3',
        ),
      ),
    ).toEqual(['00400275.00400009=1', '00400275.00401001=2', '00400275.00400008.00080100=3']);
  });

  test.each([
    'PatientName.PatientID=x',
    'OtherPatientIDsSequence=x',
    'OtherPatientIDsSequence=',
    'OtherPatientIDsSequence.PatientNam=x',
    `${'OtherPatientIDsSequence.'.repeat(64)}PatientID=x`,
  ])('%s is a client error', (query) => {
    expect(codeOf(() => studies(query))).toBe('bad-request');
  });
});

describe('Q-12: one attribute, one value', () => {
  test.each([
    'PatientID=a&PatientID=b',
    'PatientID=a&00100020=a',
    'PatientID=&PatientID=',
    'limit=1&limit=1',
    'fuzzymatching=true&fuzzymatching=true',
    'accept=a/b&accept=a/b',
    'TimezoneOffsetFromUTC=%2B0100&00080201=%2B0100',
    'PatientID=a%5Cb',
    'PatientName=A%5CB',
    'StudyDate=20240101%5C20240102',
  ])('%s is a client error', (query) => {
    expect(codeOf(() => studies(query))).toBe('bad-request');
  });
});

describe('Q-13: UID lists and encoding', () => {
  test.each([
    ['1.2,1.3', ['1.2', '1.3']],
    ['1.2%2C1.3', ['1.2', '1.3']],
    ['1.2%5C1.3', ['1.2', '1.3']],
    ['1.2\\1.3', ['1.2', '1.3']],
    ['1.2%5c1.3,1.4', ['1.2', '1.3', '1.4']],
    ['1.2', ['1.2']],
    ['', ['']],
  ])('StudyInstanceUID=%s', (value, values) => {
    expect(studies(`StudyInstanceUID=${value}`).matchingKeys).toEqual([
      { path: [0x0020000d], vr: 'UI', value: values.join('\\'), values },
    ]);
  });

  test('a list of 1,000 UIDs stays a list', () => {
    const uids = Array.from({ length: 1_000 }, (_, index) => `1.2.840.${index}`);
    expect(studies(`StudyInstanceUID=${uids.join(',')}`).matchingKeys[0]?.values).toEqual(uids);
  });

  test.each([
    '1.2.',
    '1..2',
    '1.02',
    'x',
    '1.2,',
    ',1.2',
    '1.2,,1.3',
    '1.2,x',
    '1.2 ',
    '*',
    '1.2*',
    '1.?',
    `1.${'2'.repeat(63)}`,
  ])('StudyInstanceUID=%s is a client error', (value) => {
    expect(codeOf(() => studies(`StudyInstanceUID=${value}`))).toBe('bad-request');
  });

  /** Every character that has a meaning somewhere, raw and encoded, in a text value. */
  test.each([
    ['DOE,JANE', 'DOE,JANE'],
    ['DOE%2CJANE', 'DOE,JANE'],
    ['DOE^JANE', 'DOE^JANE'],
    ['DOE%5EJANE', 'DOE^JANE'],
    ['Yamada^Tarou=a=b', 'Yamada^Tarou=a=b'],
    ['Yamada%5ETarou%3Da', 'Yamada^Tarou=a'],
    ['*', '*'],
    ['%2A', '*'],
    ['D*?', 'D*?'],
    ['D%2A%3F', 'D*?'],
    ['JANE+DOE', 'JANE DOE'],
    ['JANE%20DOE', 'JANE DOE'],
    ['JANE%2BDOE', 'JANE+DOE'],
    ['A%26B', 'A&B'],
    ['A%23B', 'A#B'],
    ['A%5BB%5D', 'A[B]'],
    ['100%25', '100%'],
    ['%252C', '%2C'],
    ['%25C3%25A9', '%C3%A9'],
    ['M%C3%BCller', 'Müller'],
    ['Müller', 'Müller'],
    ['%E5%B1%B1%E7%94%B0', '山田'],
    ['%F0%9F%98%80', '\u{1F600}'],
    ['%22', '"'],
    ['a;b', 'a;b'],
    ['%2F%3F', '/?'],
  ])('PatientName=%s is read as %s', (raw, value) => {
    expect(studies(`PatientName=${raw}`).matchingKeys[0]).toMatchObject({ value, values: [value] });
  });

  test('H-05, DT-33: a raw plus is a plus where text has no place', () => {
    expect(keys(instances('AcquisitionDateTime=20240101+0100'))).toEqual(['0008002A=20240101+0100']);
    expect(keys(instances('InstanceNumber=+5'))).toEqual(['00200013=+5']);
    expect(studies('accept=application/dicom+json').accept).toBe('application/dicom+json');
    expect(studies('accept=application%2Fdicom%2Bjson').accept).toBe('application/dicom+json');
  });

  test.each(['%', '%2', '%zz', '%C3', '%FF', '%C0%AF', '%ED%A0%80', 'a%'])(
    'PatientName=%s is no percent-encoded UTF-8',
    (raw) => {
      expect(codeOf(() => studies(`PatientName=${raw}`))).toBe('bad-request');
      expect(codeOf(() => studies(`${raw}=x`))).toBe('bad-request');
      expect(codeOf(() => studies(`accept=${raw}`))).toBe('bad-request');
      expect(codeOf(() => studies(`includefield=${raw}`))).toBe('bad-request');
    },
  );

  test('any value that is encoded comes back as it was, however the encoder writes a space', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((value) => /^[\P{Cc}]+$/u.test(value) && !value.includes('\\') && value !== '""');
    fc.assert(
      fc.property(text, fc.boolean(), (value, form) => {
        const encoded = form
          ? new URLSearchParams({ v: value }).toString().slice(2)
          : encodeURIComponent(value);
        expect(studies(`PatientName=${encoded}`).matchingKeys[0]?.value).toBe(value);
      }),
    );
  });

  test('whatever comes is a search or a client error', () => {
    const soup = fc.array(
      fc.constantFrom(
        '&',
        '=',
        ',',
        '%',
        '%2C',
        '%5C',
        '+',
        '.',
        '*',
        'PatientID',
        '00100010',
        'includefield',
        'all',
        'limit',
        '1',
        '\\',
        '\u0000',
        'é',
        '"',
      ),
      { maxLength: 15 },
    );
    fc.assert(
      fc.property(soup, (parts) => {
        try {
          studies(parts.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
          expect(error).toHaveProperty('code', 'bad-request');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('Q-14: matching by value representation', () => {
  test.each([
    ['AE', 'ScheduledStationAETitle=A*', 'A*'],
    ['CS', 'Modality=C?', 'C?'],
    ['LO', 'SeriesDescription=*x*', '*x*'],
    ['LT', 'ImageComments=a%0D%0A*', 'a\r\n*'],
    ['PN', 'OperatorsName=A*', 'A*'],
    ['SH', 'StationName=*', '*'],
    ['ST', 'DerivationDescription=a%5Cb*', 'a\\b*'],
    ['UT', 'TextValue=a%09b%0Cc', 'a\tb\fc'],
    ['UR', 'CodingSchemeURL=http://x/*', 'http://x/*'],
    ['DA', 'SeriesDate=20240101-', '20240101-'],
    ['DA', 'SeriesDate=2024.01.01', '2024.01.01'],
    ['TM', 'SeriesTime=-101112.123456', '-101112.123456'],
    ['TM', 'SeriesTime=10:11:12', '10:11:12'],
    ['DT', 'AcquisitionDateTime=2022-0500-2023%2B0100', '2022-0500-2023+0100'],
    ['IS', 'InstanceNumber=007', '007'],
    ['IS', 'InstanceNumber=-7', '-7'],
    ['DS', 'SliceThickness=1.5e-3', '1.5e-3'],
    ['DS', 'SliceThickness=.5', '.5'],
    ['US', 'Rows=512', '512'],
    ['FD', 'ReconstructionDiameter=5', '5'],
    ['AT', 'FrameIncrementPointer=00181063', '00181063'],
    ['AS', 'PatientAge=042Y', '042Y'],
    ['DA', 'SeriesDate=', ''],
    ['IS', 'InstanceNumber=', ''],
    ['IS', 'InstanceNumber', ''],
  ])('%s: %s', (_vr, query, value) => {
    expect(instances(query).matchingKeys[0]).toMatchObject({ value, values: [value] });
  });

  test.each([
    'SeriesDate=2024*',
    'SeriesDate=*',
    'SeriesDate=2024010?',
    'SeriesDate=today',
    'SeriesTime=1*',
    'AcquisitionDateTime=2024*',
    'InstanceNumber=*',
    'InstanceNumber=1?',
    'InstanceNumber=1.5',
    'InstanceNumber=abc',
    'InstanceNumber=1-5',
    'SliceThickness=1*',
    'SliceThickness=.',
    'SliceThickness=1e',
    'Rows=5*',
    'FrameIncrementPointer=0018',
    'PatientAge=42',
    'PatientAge=*',
    'Modality=ct',
    'Modality=CT,MR',
    'Modality=CT%5CMR',
    'ModalitiesInStudy=CT,mr',
    'PatientName=a%0Ab',
    'PatientName=a%00b',
    'PatientName=a%1B%24Bb',
    'PatientName=a%7Fb',
    'PatientName=a%C2%85b',
    'ImageComments=a%00b',
    'ImageComments=a%1Bb',
    'ICCProfile=x',
    'RedPaletteColorLookupTableData=x',
    'PixelData=x',
  ])('%s is a client error', (query) => {
    expect(codeOf(() => instances(query))).toBe('bad-request');
  });

  test('a list of modalities matches by any, whichever way it is joined', () => {
    for (const value of ['CT,MR', 'CT%2CMR', 'CT%5CMR', 'CT\\MR']) {
      expect(studies(`ModalitiesInStudy=${value}`).matchingKeys[0]).toMatchObject({
        value: 'CT\\MR',
        values: ['CT', 'MR'],
      });
    }
  });

  test('a message names the attribute and never the value', () => {
    const error = errorOf(() => studies('PatientName=Secret%5CName'));
    expect(error.message).toContain('PatientName');
    expect(error.message).not.toContain('Secret');
    expect(errorOf(() => studies('PatientBirthDate=Secret')).message).toBe(
      'PatientBirthDate takes a date or time, or a range of them.',
    );
    expect(errorOf(() => studies('Secret^Name=x')).message).not.toContain('Secret');
  });
});

describe('Q-16: levels', () => {
  const resources: [string, SearchLevel, SearchPath, string][] = [
    ['/studies', 'STUDY', {}, 'PS'],
    ['/series', 'SERIES', {}, 'PSE'],
    ['/instances', 'IMAGE', {}, 'PSEI'],
    ['/studies/{s}/series', 'SERIES', { study: '1.2' }, 'E'],
    ['/studies/{s}/instances', 'IMAGE', { study: '1.2' }, 'EI'],
    ['/studies/{s}/series/{r}/instances', 'IMAGE', { study: '1.2', series: '1.3' }, 'I'],
  ];
  const examples: Record<string, string[]> = {
    P: ['PatientID=x', 'PatientName=x', 'IssuerOfPatientID=x', 'OtherPatientIDsSequence.PatientID=x'],
    S: [
      'StudyDate=2024',
      'AccessionNumber=x',
      'ModalitiesInStudy=CT',
      'ReferringPhysicianName=x',
      'StudyID=1',
      'StudyDescription=x',
      'PatientAge=001Y',
      'RequestedProcedureDescription=x',
    ],
    E: [
      'Modality=CT',
      'SeriesNumber=1',
      'PerformedProcedureStepStartDate=2024',
      'BodyPartExamined=X',
      'RequestAttributesSequence.RequestedProcedureID=x',
    ],
    I: ['SOPInstanceUID=1.2', 'SOPClassUID=1.2', 'InstanceNumber=1', 'Rows=1', 'ContentDate=2024'],
  };

  test.each(resources)('%s', (_name, level, params, allowed) => {
    for (const [letter, queries] of Object.entries(examples)) {
      for (const query of queries) {
        if (allowed.includes(letter)) expect(parseSearch(level, params, query).matchingKeys).toHaveLength(1);
        else {
          const error = errorOf(() => parseSearch(level, params, query));
          expect(error.code).toBe('bad-request');
          expect(error.message).toContain(query.split('=')[0]);
        }
      }
    }
  });

  test('the UIDs of the path may be said again but not contradicted', () => {
    expect(parseSearch('SERIES', { study: '1.2' }, 'StudyInstanceUID=1.2').matchingKeys).toEqual([]);
    expect(codeOf(() => parseSearch('SERIES', { study: '1.2' }, 'StudyInstanceUID=1.3'))).toBe('bad-request');
    expect(
      parseSearch('IMAGE', { study: '1.2', series: '1.3' }, 'SeriesInstanceUID=1.3').matchingKeys,
    ).toEqual([]);
    expect(codeOf(() => parseSearch('STUDY', {}, 'SeriesInstanceUID=1.3'))).toBe('bad-request');
  });

  test.each<[SearchPath]>([[{ study: 'x' }], [{ study: '1.2', series: '1..' }], [{ study: '' }]])(
    'W-10: the path %o is a client error',
    (params) => {
      expect(codeOf(() => parseSearch('IMAGE', params, ''))).toBe('bad-request');
    },
  );

  test.each<[string, string]>([
    ['PatientName', 'PATIENT'],
    ['PatientComments', 'PATIENT'],
    ['PatientAge', 'STUDY'],
    ['StudyInstanceUID', 'STUDY'],
    ['NumberOfStudyRelatedInstances', 'STUDY'],
    ['AdmissionID', 'STUDY'],
    ['SeriesInstanceUID', 'SERIES'],
    ['RequestAttributesSequence', 'SERIES'],
    ['AnatomicalOrientationType', 'SERIES'],
    ['SOPInstanceUID', 'IMAGE'],
    ['AvailableTransferSyntaxUID', 'IMAGE'],
    ['PixelData', 'IMAGE'],
  ])('%s belongs to %s', (keyword, level) => {
    expect(levelOf(attributeByKeyword(keyword)?.tag ?? 0)).toBe(level);
  });

  test('Q-39: what must be matched at a level belongs to it', () => {
    const required: Record<string, string[]> = {
      STUDY: ['00080020', '00080030', '00080050', '00080061', '00080090', '0020000D', '00200010'],
      SERIES: ['00080060', '0020000E', '00200011', '00400244', '00400245', '00400275'],
      IMAGE: ['00080016', '00080018', '00200013'],
    };
    for (const [level, tags] of Object.entries(required)) {
      for (const tag of tags) {
        expect(levelOf(parseTag(tag) ?? 0)).toBe(level);
        expect(attributeByTag(parseTag(tag) ?? 0)).toBeDefined();
      }
    }
  });
});

describe('Q-17: private attributes', () => {
  test('with their creator they are matched and returned, at any level', () => {
    const request = studies('00230010=AcmeCompany&00231002=x&includefield=00231003');
    expect(request.matchingKeys.map((key) => [path(key.path), key.vr, key.value])).toEqual([
      ['00230010', 'LO', 'AcmeCompany'],
      ['00231002', 'UN', 'x'],
    ]);
    expect(fields(request)).toEqual(['00231003']);
  });

  test('the order does not matter, and a creator in a sequence serves that sequence', () => {
    expect(keys(studies('00231002=x&00230010=A'))).toHaveLength(2);
    expect(keys(studies('00101002.00231002=x&00101002.00230010=A'))).toHaveLength(2);
  });

  test.each([
    '00231002=x',
    '00230011=AcmeCompany&00231002=x',
    '00230010=&00231002=x',
    '00250010=AcmeCompany&00231002=x',
    'includefield=00231002',
    '00230010=A&00101002.00231002=x',
    '00230010=A&includefield=OtherPatientIDsSequence.00231002',
  ])('%s lacks the creator', (query) => {
    expect(errorOf(() => studies(query)).message).toContain('Private Creator');
  });
});

describe('Q-18, Q-19: includefield', () => {
  test.each([
    ['includefield=00081030,PatientAge', ['00081030', '00101010']],
    ['includefield=00081030%2CPatientAge', ['00081030', '00101010']],
    ['includefield=00081030&includefield=PatientAge', ['00081030', '00101010']],
    ['includefield=00081030&includefield=StudyDescription', ['00081030']],
    ['includefield=OtherPatientIDsSequence', ['00101002']],
    ['includefield=OtherPatientIDsSequence.PatientID', ['00101002.00100020']],
    ['includefield=', []],
    ['includefield=,StudyDescription,', ['00081030']],
    ['includefield=00101999', ['00101999']],
  ])('%s', (query, expected) => {
    expect(studies(query)).toMatchObject({ includeAll: false });
    expect(fields(studies(query))).toEqual(expected);
  });

  test('all', () => {
    expect(studies('includefield=all')).toMatchObject({ includeAll: true, includeFields: [] });
    expect(studies('includefield=%61ll')).toMatchObject({ includeAll: true });
  });

  test.each([
    'includefield=all,StudyDescription',
    'includefield=all&includefield=StudyDescription',
    'includefield=all&includefield=all',
    'includefield=All',
    'includefield=ALL',
    'includefield=StudyDescriptio',
    'includefield=0008103',
    'includefield=PatientName.PatientID',
  ])('%s is a client error', (query) => {
    expect(codeOf(() => studies(query))).toBe('bad-request');
  });

  test('Q-19: attributes of a lower level are silently left out, those of a higher level are not', () => {
    const query = 'includefield=PatientID,StudyDescription,Modality,SOPClassUID,RetrieveURL';
    expect(fields(studies(query))).toEqual(['00100020', '00081030', '00081190']);
    expect(fields(parseSearch('SERIES', { study: '1.2' }, query))).toEqual([
      '00100020',
      '00081030',
      '00080060',
      '00081190',
    ]);
    expect(fields(parseSearch('IMAGE', { study: '1.2', series: '1.3' }, query))).toHaveLength(5);
  });

  test('Q-34: what no identifier can hold is left out', () => {
    expect(fields(instances('includefield=00020010,00080000,00080052,00000100,SOPClassUID'))).toEqual([
      '00080016',
    ]);
  });
});

describe('Q-20 to Q-22: matching behaviours', () => {
  test('Q-20: fuzzymatching is read', () => {
    expect(studies('fuzzymatching=true')).toMatchObject({ fuzzyMatching: true, warnings: [] });
    expect(studies('fuzzymatching=false')).toMatchObject({ fuzzyMatching: false, warnings: [] });
  });

  test('Q-21: emptyvaluematching is read; the gateway does it', () => {
    expect(studies('emptyvaluematching=true')).toMatchObject({ emptyValueMatching: true, warnings: [] });
    expect(studies('emptyvaluematching=false')).toMatchObject({ emptyValueMatching: false, warnings: [] });
  });

  test.each(['fuzzymatching', 'emptyvaluematching', 'multiplevaluematching'])(
    'Q-20: %s takes true or false',
    (name) => {
      for (const value of ['', 'TRUE', '1', 'yes', 'true ', 'true,false']) {
        expect(codeOf(() => studies(`${name}=${value}`))).toBe('bad-request');
      }
      expect(codeOf(() => studies(name))).toBe('bad-request');
    },
  );

  test('Q-21: two double quotes are asked for with emptyvaluematching, never taken for something else', () => {
    expect(studies('PatientID=%22%22&emptyvaluematching=true').matchingKeys[0]?.value).toBe('""');
    expect(studies('StudyDate=%22%22&emptyvaluematching=true').matchingKeys[0]?.value).toBe('""');
    expect(codeOf(() => studies('PatientID=%22%22'))).toBe('bad-request');
  });

  test('Q-22: with multiplevaluematching a list of values is one, without wildcards', () => {
    const request = studies('multiplevaluematching=true&ModalitiesInStudy=CT%5CPT&00100020=a%5Cb');
    expect(keys(request)).toEqual(['00080061=CT|PT', '00100020=a|b']);
    expect(request).toMatchObject({ multipleValueMatching: true, warnings: [] });
    expect(codeOf(() => studies('multiplevaluematching=true&PatientID=a*%5Cb'))).toBe('bad-request');
    expect(codeOf(() => studies('multiplevaluematching=true&StudyDate=2024%5C2025'))).toBe('bad-request');
  });

  test('Q-22: a list of names cannot be filtered, which is told', () => {
    expect(studies('multiplevaluematching=true&ReferringPhysicianName=A%5CB').warnings).toEqual([
      'The multiplevaluematching parameter is not supported. Multiple Value Matching has not been performed.',
    ]);
  });
});

test('Q-27: the attributes of a Repository Query are no keys of the Study Root', () => {
  for (const name of ['0008041C', '00080429']) expect(codeOf(() => studies(`${name}=1`))).toBe('bad-request');
});

describe('Q-23: limit and offset', () => {
  test.each([
    ['limit=0', { limit: 0, offset: 0 }],
    ['limit=10&offset=20', { limit: 10, offset: 20 }],
    ['offset=007', { offset: 7 }],
    [`limit=${'9'.repeat(400)}`, { limit: Number.MAX_SAFE_INTEGER }],
  ])('%s', (query, expected) => {
    expect(studies(query)).toMatchObject(expected);
  });

  test.each(['-1', '', 'x', '1.5', '1e3', '+1', ' 1', '%201', '0x1', '१', 'NaN', 'Infinity'])(
    '%s is a client error',
    (value) => {
      expect(codeOf(() => studies(`limit=${value}`))).toBe('bad-request');
      expect(codeOf(() => studies(`offset=${value}`))).toBe('bad-request');
    },
  );
});

describe('Q-28, DT-40: the time zone of the query', () => {
  test.each([
    ['TimezoneOffsetFromUTC=%2B0100', '+0100'],
    ['TimezoneOffsetFromUTC=+0100', '+0100'],
    ['00080201=%200100', '+0100'],
    ['00080201=-1200', '-1200'],
    ['00080201=%2B1400', '+1400'],
    ['00080201=-0330', '-0330'],
  ])('%s is %s and no matching key', (query, timezoneOffset) => {
    expect(parseSearch('SERIES', { study: '1.2' }, query)).toMatchObject({
      timezoneOffset,
      matchingKeys: [],
    });
  });

  test.each(['', '0100', '%2B01', '%2B1401', '-1201', '%2B0160', 'Z', 'Europe/Berlin', '*'])(
    '%s is a client error',
    (value) => {
      expect(codeOf(() => studies(`TimezoneOffsetFromUTC=${value}`))).toBe('bad-request');
    },
  );
});

describe('H-02: other parameters', () => {
  const ignored = (names: string): string =>
    `What is neither a supported parameter nor an attribute was ignored: ${names}`;

  test.each([
    ['_=1', '_'],
    ['orderby=x', 'orderby'],
    ['access_token=secret', 'access_token'],
    ['orderby=x&orderby=y&_=1', 'orderby, _'],
    ['Ünknown=x', '?nknown'],
    ['a%0D%0Ab%22%5C=1', 'a??b??'],
    ['%20=1', '?'],
    [`${'x'.repeat(33)}=1`, `${'x'.repeat(32)}...`],
    ['a=1&b=1&c=1&d=1&e=1&f=1&g=1', 'a, b, c, d, e and 2 more'],
    ['=x', 'one without a name or a value'],
    // It may be the rest of a value.
    ['pretty', 'one without a name or a value'],
    ['StudyID=x&jane^doe', 'one without a name or a value'],
  ])('%s is ignored with a warning that names it, and no value', (query, names) => {
    expect(studies(`${query}&PatientID=x`)).toMatchObject({
      matchingKeys: expect.arrayContaining([expect.objectContaining({ value: 'x' })]),
      warnings: [ignored(names)],
    });
  });

  test('H-12: charset is known, SpecificCharacterSet is told to be of no effect', () => {
    expect(studies('charset=utf-8').warnings).toEqual([]);
    expect(studies('SpecificCharacterSet=ISO_IR%20192')).toMatchObject({
      matchingKeys: [],
      warnings: [expect.stringContaining('SpecificCharacterSet')],
    });
  });

  test('H-05: the accept parameter is found in the query of any resource', () => {
    expect(acceptParameter('')).toBeUndefined();
    expect(acceptParameter('a=b&accept=image/jpeg')).toBe('image/jpeg');
    expect(
      acceptParameter('accept=multipart%2Frelated%3B%20type%3D%22image%2Fjls%22%3B+transfer-syntax=*'),
    ).toBe('multipart/related; type="image/jls";+transfer-syntax=*');
    expect(codeOf(() => acceptParameter('accept=a/b&accept=a/b'))).toBe('bad-request');
  });
});

describe('R-03: bounds', () => {
  test('a query of more than 64 KiB is refused', () => {
    expect(studies(`PatientName=${'x'.repeat(65_536 - 12)}`).matchingKeys[0]?.value).toHaveLength(65_524);
    expect(codeOf(() => studies(`PatientName=${'x'.repeat(65_537 - 12)}`))).toBe('bad-request');
    expect(codeOf(() => studies('&'.repeat(10_000_000)))).toBe('bad-request');
  });

  test('10,000 parameters are refused before any is read', () => {
    expect(errorOf(() => studies(Array.from({ length: 10_000 }, () => '%=1').join('&'))).message).toContain(
      '1000 parameters',
    );
    expect(
      studies(Array.from({ length: 1_000 }, (_, index) => `p${index}=`).join('&')).warnings,
    ).toHaveLength(1);
  });
});
