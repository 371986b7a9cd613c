import { describe, expect, test } from '@jest/globals';
import { baselineQueryOptions } from '../../../src/core/index.js';
import { Dataset, Tags, type Tag, type Vr } from '../../../src/dicom/index.js';
import type { MatchingKey, SearchLevel, SearchRequest } from '../../../src/dicomweb/index.js';
import {
  defaultPeerQueryProfile,
  planSearch,
  requireUniqueKey,
  uniqueKey,
  unverifiedWarnings,
  usesQueryOptions,
  type FindStep,
  type PeerQueryProfile,
  type SearchPlan,
} from '../../../src/query/index.js';
import { codeOf } from './code-of.js';

function request(level: SearchLevel, changes: Partial<SearchRequest> = {}): SearchRequest {
  return {
    level,
    matchingKeys: [],
    includeFields: [],
    includeAll: false,
    offset: 0,
    fuzzyMatching: false,
    emptyValueMatching: false,
    multipleValueMatching: false,
    warnings: [],
    ...changes,
  };
}

function key(
  path: Tag | readonly Tag[],
  vr: Vr,
  value: string,
  values: readonly string[] = [value],
): MatchingKey {
  return { path: typeof path === 'number' ? [path] : path, vr, value, values };
}

function steps(
  asked: SearchRequest,
  profile: PeerQueryProfile = defaultPeerQueryProfile,
): readonly FindStep[] {
  return planSearch(asked, profile).steps;
}

function onlyStep(asked: SearchRequest, profile?: PeerQueryProfile): FindStep {
  const [step, ...more] = steps(asked, profile);
  if (step === undefined || more.length > 0) throw new Error('not one step');
  return step;
}

const tagsOf = (identifier: Dataset): Tag[] => [...identifier].map(({ tag }) => tag);

describe('identifiers', () => {
  test('Q-01, Q-36: a study search asks for every required attribute without a value', () => {
    const identifier = onlyStep(request('STUDY')).identifier();
    expect(identifier.string(Tags.QueryRetrieveLevel)).toBe('STUDY');
    expect(tagsOf(identifier).filter((tag) => identifier.string(tag) !== undefined)).toEqual([
      Tags.QueryRetrieveLevel,
    ]);
    expect(tagsOf(identifier)).toEqual([
      Tags.StudyDate,
      Tags.StudyTime,
      Tags.AccessionNumber,
      Tags.QueryRetrieveLevel,
      Tags.ModalitiesInStudy,
      Tags.ReferringPhysicianName,
      Tags.PatientName,
      Tags.PatientID,
      Tags.PatientBirthDate,
      Tags.PatientSex,
      Tags.StudyInstanceUID,
      Tags.StudyID,
      Tags.NumberOfStudyRelatedSeries,
      Tags.NumberOfStudyRelatedInstances,
    ]);
  });

  test('Q-02, Q-37, Q-50: a series search names its study and no other attribute of it', () => {
    const identifier = onlyStep(request('SERIES', { studyInstanceUid: '1.2' })).identifier();
    expect(identifier.string(Tags.StudyInstanceUID)).toBe('1.2');
    expect(identifier.has(Tags.PatientName)).toBe(false);
    const [item] = identifier.items(Tags.RequestAttributesSequence);
    expect(item === undefined ? [] : tagsOf(item)).toEqual([
      Tags.ScheduledProcedureStepID,
      Tags.RequestedProcedureID,
    ]);
  });

  test('Q-03, Q-38, Q-50: an instance search names study and series, single-valued', () => {
    const identifier = onlyStep(
      request('IMAGE', { studyInstanceUid: '1.2', seriesInstanceUid: '1.3' }),
    ).identifier();
    expect(identifier.strings(Tags.StudyInstanceUID)).toEqual(['1.2']);
    expect(identifier.strings(Tags.SeriesInstanceUID)).toEqual(['1.3']);
    for (const tag of [Tags.SOPClassUID, Tags.Rows, Tags.NumberOfFrames])
      expect(identifier.has(tag)).toBe(true);
  });

  test('Q-40: instance availability, time zone and what the gateway writes itself are never asked for', () => {
    const never = [
      Tags.InstanceAvailability,
      Tags.TimezoneOffsetFromUTC,
      Tags.RetrieveURL,
      Tags.SpecificCharacterSet,
    ];
    const identifier = onlyStep(
      request('STUDY', { includeAll: true, includeFields: never.map((tag) => [tag]) }),
    ).identifier();
    expect(never.filter((tag) => identifier.has(tag))).toEqual([]);
  });

  test('Q-13, Q-52: a list of UIDs stays whole', () => {
    const uids = Array.from({ length: 100 }, (_, index) => `1.2.840.99999.${index}`);
    const asked = request('STUDY', {
      matchingKeys: [key(Tags.StudyInstanceUID, 'UI', uids.join('\\'), uids)],
    });
    expect(onlyStep(asked).identifier().strings(Tags.StudyInstanceUID)).toEqual(uids);
  });

  const matchesModalities = { ...defaultPeerQueryProfile, trustedKeys: [Tags.ModalitiesInStudy] };

  test('Q-46: one modality is asked for where it is matched, of several none, for C-FIND knows no alternatives', () => {
    const asked = (...values: string[]): Dataset => stepFor(values, matchesModalities).identifier();
    const stepFor = (values: string[], profile?: PeerQueryProfile): FindStep =>
      onlyStep(
        request('STUDY', { matchingKeys: [key(Tags.ModalitiesInStudy, 'CS', values.join('\\'), values)] }),
        profile,
      );
    expect(stepFor(['CT']).identifier().get(Tags.ModalitiesInStudy)?.value).toHaveLength(0);
    expect([...stepFor(['CT']).unasked]).toEqual([Tags.ModalitiesInStudy]);
    expect(asked('CT').strings(Tags.ModalitiesInStudy)).toEqual(['CT']);
    expect(asked('CT', 'MR').get(Tags.ModalitiesInStudy)?.value).toHaveLength(0);
  });

  test('Q-46: a modality is not sent to a peer that would match it wrongly, but filtered by', () => {
    const asked = request('STUDY', { matchingKeys: [key(Tags.ModalitiesInStudy, 'CS', 'CT')] });
    const step = onlyStep(asked, { ...defaultPeerQueryProfile, unsentKeys: [Tags.ModalitiesInStudy] });
    expect(step.identifier().get(Tags.ModalitiesInStudy)?.value).toHaveLength(0);
    expect(step.accepts(new Dataset().setString(Tags.ModalitiesInStudy, ['CT', 'SR'], 'CS'))).toBe(true);
    expect(step.accepts(new Dataset().setString(Tags.ModalitiesInStudy, 'MR', 'CS'))).toBe(false);
  });

  test('Q-22: of modalities that must all be there one is asked for', () => {
    const { identifier, accepts } = onlyStep(
      request('STUDY', {
        multipleValueMatching: true,
        matchingKeys: [key(Tags.ModalitiesInStudy, 'CS', 'CT\\PT', ['CT', 'PT'])],
      }),
      matchesModalities,
    );
    expect(identifier().strings(Tags.ModalitiesInStudy)).toEqual(['CT']);
    expect(accepts(new Dataset().setString(Tags.ModalitiesInStudy, 'CT', 'CS'))).toBe(false);
    expect(accepts(new Dataset().setString(Tags.ModalitiesInStudy, ['CT', 'PT'], 'CS'))).toBe(true);
  });

  test('Q-18: include fields become keys without a value, within sequences in one item', () => {
    const identifier = onlyStep(
      request('STUDY', {
        matchingKeys: [key([Tags.ProcedureCodeSequence, Tags.CodeValue], 'SH', 'X')],
        includeFields: [
          [Tags.StudyDescription],
          [Tags.ProcedureCodeSequence, Tags.CodeMeaning],
          [Tags.ProcedureCodeSequence],
        ],
      }),
    ).identifier();
    expect(identifier.get(Tags.StudyDescription)?.vr).toBe('LO');
    const items = identifier.items(Tags.ProcedureCodeSequence);
    expect(items).toHaveLength(1);
    expect(items[0]?.string(Tags.CodeValue)).toBe('X');
    expect(items[0]?.has(Tags.CodeMeaning)).toBe(true);
  });

  test('Q-18: a sequence that is asked for as a whole has no item that would select from it', () => {
    const identifierOf = (includeFields: readonly (readonly Tag[])[]): Dataset =>
      onlyStep(request('SERIES', { studyInstanceUid: '1.2', includeFields })).identifier();
    const sequence = Tags.RequestAttributesSequence;
    expect(identifierOf([]).items(sequence)).toHaveLength(1);
    expect(identifierOf([[sequence]]).has(sequence)).toBe(true);
    expect(identifierOf([[sequence]]).items(sequence)).toEqual([]);
    expect(
      identifierOf([[sequence, Tags.CodeValue]])
        .items(sequence)[0]
        ?.has(Tags.CodeValue),
    ).toBe(true);
  });

  test('Q-19: includefield=all asks for the optional attributes of the level and of no other', () => {
    const identifier = onlyStep(request('STUDY', { includeAll: true })).identifier();
    expect(identifier.has(Tags.StudyDescription)).toBe(true);
    expect(identifier.has(Tags.SeriesDescription)).toBe(false);
  });

  test('Q-17, Q-43: a private attribute is asked for with its creator; of how many values it is nobody knows, so it is filtered', () => {
    const step = onlyStep(
      request('SERIES', {
        studyInstanceUid: '1.2',
        matchingKeys: [key(0x00230010, 'LO', 'Acme'), key(0x00231002, 'UN', 'x')],
      }),
    );
    const identifier = step.identifier();
    expect(identifier.string(0x00230010)).toBe('Acme');
    expect(identifier.get(0x00231002)).toMatchObject({ vr: 'LO', value: Buffer.alloc(0) });
    const row = (value: string): Dataset =>
      new Dataset().setString(0x00230010, 'Acme', 'LO').setString(0x00231002, value, 'LO');
    expect(['x', 'w\\x', 'y'].map((value) => step.accepts(row(value)))).toEqual([true, true, false]);
  });

  test('Q-17: a private attribute and its creator that come as UN are compared as text, but for bytes that are none', () => {
    const step = onlyStep(
      request('SERIES', {
        studyInstanceUid: '1.2',
        matchingKeys: [key(0x00230010, 'LO', 'Acme'), key(0x00231002, 'UN', 'x')],
      }),
    );
    const verdict = (creator: Buffer, value: Buffer): unknown => {
      const row = new Dataset().setBytes(0x00230010, 'UN', creator).setBytes(0x00231002, 'UN', value);
      return step.accepts(row) && step.unverified(row);
    };
    const [acme, text] = [Buffer.from('Acme'), (value: string) => Buffer.from(value, 'latin1')];
    expect(verdict(acme, text('x '))).toEqual([]);
    expect(verdict(acme, text('x\0'))).toEqual([]);
    expect(verdict(acme, text('w\\x '))).toEqual([]);
    expect(verdict(acme, text('y '))).toBe(false);
    expect(verdict(text('Other '), text('x '))).toBe(false);
    expect(verdict(acme, text('\x01\x02\x03\x04'))).toEqual([0x00231002]);
  });

  describe('Q-43: keys that peers are known to find too little by', () => {
    const numbers: readonly (readonly [Tag, Vr, string])[] = [
      [Tags.InstanceNumber, 'IS', '1'],
      [Tags.SliceThickness, 'DS', '2.5'],
      [Tags.Rows, 'US', '512'],
    ];
    const several: readonly (readonly [Tag, Vr, string])[] = [
      [Tags.ImageType, 'CS', 'PRIMARY'],
      [0x00080008, 'CS', 'PRIM*'],
    ];
    const stepOf = (
      [tag, vr, value]: readonly [Tag, Vr, string],
      profile: Partial<PeerQueryProfile> = {},
    ): FindStep =>
      onlyStep(
        request('IMAGE', {
          studyInstanceUid: '1.2',
          seriesInstanceUid: '1.3',
          matchingKeys: [key(tag, vr, value), key(Tags.SOPInstanceUID, 'UI', '1.4')],
        }),
        { ...defaultPeerQueryProfile, ...profile },
      );

    test.each([...numbers, ...several])('%s of VR %s is asked for without %s', (tag, vr, value) => {
      const step = stepOf([tag, vr, value]);
      const identifier = step.identifier();
      expect([identifier.has(tag), identifier.string(tag)]).toEqual([true, undefined]);
      expect(identifier.string(Tags.SOPInstanceUID)).toBe('1.4');
      expect([...step.unasked]).toEqual([tag]);
    });

    test.each([...numbers, ...several])(
      '%s of VR %s is sent to a peer that is trusted with it',
      (tag, vr, value) => {
        const step = stepOf([tag, vr, value], { trustedKeys: [tag] });
        expect(step.identifier().string(tag)).toBe(value);
        expect(step.unasked.size).toBe(0);
      },
    );

    test.each<readonly [asked: readonly [Tag, Vr, string], stored: string, accepted: boolean]>([
      [[Tags.InstanceNumber, 'IS', '1'], ' 1', true],
      [[Tags.InstanceNumber, 'IS', '1'], '001', true],
      [[Tags.InstanceNumber, 'IS', '+01'], '1', true],
      [[Tags.InstanceNumber, 'IS', '1'], '10', false],
      [[Tags.InstanceNumber, 'IS', '1'], 'N/A', false],
      [[Tags.InstanceNumber, 'IS', '1'], '', true],
      [[Tags.SliceThickness, 'DS', '2.5'], '2.50 ', true],
      [[Tags.SliceThickness, 'DS', '2.5'], '25E-1', true],
      [[Tags.SliceThickness, 'DS', '2.5'], '2.51', false],
      [[Tags.PixelSpacing, 'DS', '0.5'], '0.25\\0.5', true],
      [[Tags.Rows, 'US', '0512'], '512', true],
      [[0x00189073, 'FD', '0.1'], '0.1', true],
      [[0x0018605a, 'FL', '0.1'], '0.1', true],
      [[0x00080301, 'US', '7'], '8', false],
      [[0x00480302, 'UV', '9007199254740993'], '9007199254740992', false],
      [[Tags.ImageType, 'CS', 'PRIMARY'], 'ORIGINAL\\PRIMARY\\AXIAL', true],
      [[Tags.ImageType, 'CS', 'AX*'], 'ORIGINAL\\PRIMARY\\AXIAL', true],
      [[Tags.ImageType, 'CS', 'PRIMARY'], 'ORIGINAL\\SECONDARY', false],
    ])('Q-15: of %j, %j is accepted: %s', (asked, stored, accepted) => {
      const [tag, vr] = asked;
      const step = stepOf(asked);
      const row = new Dataset().setString(tag, stored, vr);
      expect([step.accepts(row), step.isInVain(row)]).toEqual([accepted, !accepted]);
    });

    test('a date of several values is one of them', () => {
      const dates = key(0x00181200, 'DA', '20200101-20201231');
      const step = onlyStep(request('SERIES', { studyInstanceUid: '1.2', matchingKeys: [dates] }));
      const accepts = (text: string): boolean =>
        step.accepts(new Dataset().setString(0x00181200, text, 'DA'));
      expect(accepts('20190101\\20200601')).toBe(true);
      expect(accepts('20190101\\20210601')).toBe(false);
    });

    test('Q-22: a list whose matching was negotiated is sent', () => {
      const asked = request('IMAGE', {
        studyInstanceUid: '1.2',
        seriesInstanceUid: '1.3',
        multipleValueMatching: true,
        matchingKeys: [key(Tags.ImageType, 'CS', 'A\\B', ['A', 'B'])],
      });
      const options = { ...baselineQueryOptions, multipleValue: true };
      const [step] = planSearch(asked, defaultPeerQueryProfile, options).steps;
      expect(step?.identifier().strings(Tags.ImageType)).toEqual(['A', 'B']);
    });
  });

  test('Q-21: empty value matching is asked of no peer that has not accepted it, and the value is literal without its parameter', () => {
    const asked = (emptyValueMatching: boolean): Dataset =>
      onlyStep(
        request('STUDY', { emptyValueMatching, matchingKeys: [key(Tags.AccessionNumber, 'SH', '""')] }),
      ).identifier();
    expect(asked(true).string(Tags.AccessionNumber)).toBeUndefined();
    expect(asked(false).string(Tags.AccessionNumber)).toBe('""');
  });

  test('Q-21: an empty date is no span, its time is matched by itself, and an empty value selects nothing', () => {
    const keys = [key(Tags.StudyDate, 'DA', '""'), key(Tags.StudyTime, 'TM', '1000-1100')];
    const step = onlyStep(request('STUDY', { emptyValueMatching: true, matchingKeys: keys }));
    expect(step.identifier().string(Tags.StudyDate)).toBeUndefined();
    const row = (date: string, time: string): Dataset =>
      new Dataset()
        .setString(Tags.StudyDate, date === '' ? [] : date, 'DA')
        .setString(Tags.StudyTime, time, 'TM');
    expect(step.accepts(row('', '1030'))).toBe(true);
    expect(step.accepts(row('20240101', '1030'))).toBe(false);
    expect(step.accepts(row('', '1130'))).toBe(false);
    const unselective = request('SERIES', {
      emptyValueMatching: true,
      matchingKeys: [key(Tags.PatientID, 'LO', '""')],
    });
    expect(codeOf(() => steps(unselective))).toBe('query-too-broad');
  });

  test('Q-21, Q-43: what could not be checked is named, and that empty values were not matched is told', () => {
    const plan = planSearch(
      request('STUDY', {
        emptyValueMatching: true,
        matchingKeys: [key(Tags.PatientComments, 'LT', '""'), key(Tags.StudyDescription, 'LO', 'x')],
      }),
      defaultPeerQueryProfile,
    );
    expect(unverifiedWarnings([], plan)).toEqual([]);
    expect(unverifiedWarnings([Tags.StudyDescription], plan)).toHaveLength(1);
    expect(unverifiedWarnings([Tags.PatientComments, Tags.PatientComments], plan)).toEqual([
      expect.stringMatching(/whether PatientComments matches/),
      'The emptyvaluematching parameter is not supported by the archive. Empty Value Matching has been performed on what it returned.',
    ]);
  });

  test('Q-42: what can be completed of results is what they hold', () => {
    const { STUDY, SERIES } = planSearch(
      request('SERIES', { studyInstanceUid: '1.2' }),
      defaultPeerQueryProfile,
    ).completion;
    expect([STUDY, SERIES]).toEqual([[], [Tags.NumberOfSeriesRelatedInstances]]);
    const studies = planSearch(request('STUDY'), defaultPeerQueryProfile).completion;
    expect(studies).toEqual({
      STUDY: [Tags.ModalitiesInStudy, Tags.NumberOfStudyRelatedSeries, Tags.NumberOfStudyRelatedInstances],
      SERIES: [],
      untold: [],
    });
    const images = request('IMAGE', { matchingKeys: [key(Tags.PatientID, 'LO', 'P')] });
    expect(planSearch(images, defaultPeerQueryProfile).completion).toEqual({
      STUDY: [Tags.ModalitiesInStudy, Tags.NumberOfStudyRelatedSeries],
      SERIES: [],
      untold: [Tags.NumberOfStudyRelatedInstances, Tags.NumberOfSeriesRelatedInstances],
    });
    const bySopClass = { ...images, includeFields: [[Tags.SOPClassUID]] };
    expect(planSearch(bySopClass, defaultPeerQueryProfile).completion.untold).toContain(Tags.SOPClassUID);
    const asked = request('STUDY', { includeFields: [[Tags.SOPClassesInStudy]] });
    expect(planSearch(asked, defaultPeerQueryProfile).completion.STUDY).toContain(Tags.SOPClassesInStudy);
  });

  test('Q-51: a peer that names its character set only if asked is asked', () => {
    const identifier = onlyStep(request('STUDY'), {
      ...defaultPeerQueryProfile,
      characterSetReturnKey: true,
    }).identifier();
    expect(identifier.has(Tags.SpecificCharacterSet)).toBe(true);
  });

  test('Q-51: an identifier is encoded in the character sets of the peer, also within sequences', () => {
    const identifier = onlyStep(
      request('STUDY', { matchingKeys: [key([Tags.ProcedureCodeSequence, Tags.CodeMeaning], 'LO', 'é')] }),
      { ...defaultPeerQueryProfile, characterSets: ['ISO_IR 100'] },
    ).identifier();
    expect(identifier.encodingCharacterSets).toEqual(['ISO_IR 100']);
    expect(identifier.items(Tags.ProcedureCodeSequence)[0]?.encodingCharacterSets).toEqual(['ISO_IR 100']);
  });
});

describe('dates and times of a search', () => {
  const combined = request('STUDY', {
    matchingKeys: [key(Tags.StudyDate, 'DA', '20220101-20220103'), key(Tags.StudyTime, 'TM', '1000-1600')],
  });

  test('DT-01, DT-08: the peer is asked for the days, the filter does the rest', () => {
    const step = onlyStep(combined);
    const identifier = step.identifier();
    expect(identifier.string(Tags.StudyDate)).toBe('20220101-20220103');
    expect(identifier.get(Tags.StudyTime)?.value).toHaveLength(0);
    const row = (date: string, time: string): Dataset =>
      new Dataset().setString(Tags.StudyDate, date, 'DA').setString(Tags.StudyTime, time, 'TM');
    expect(step.accepts(row('20220102', '0330'))).toBe(true);
    expect(step.accepts(row('20220101', '0930'))).toBe(false);
  });

  test('DT-09: the partner of a date is always asked for, and its absence is told', () => {
    const asked = request('SERIES', {
      studyInstanceUid: '1.2',
      matchingKeys: [key(Tags.SeriesDate, 'DA', '20220101')],
    });
    const step = onlyStep(asked);
    expect(step.identifier().has(Tags.SeriesTime)).toBe(true);
    expect(step.unverified(new Dataset())).toEqual([Tags.SeriesDate]);
    const [warning] = unverifiedWarnings(step.unverified(new Dataset()), { emptyKeys: new Set() });
    expect(warning).toContain('SeriesDate');
    const step2 = onlyStep(combined);
    expect(step2.unverified(new Dataset().setString(Tags.StudyDate, '20220101', 'DA'))).toEqual([
      Tags.StudyDate,
    ]);
  });

  test('DT-10: pairs are planned each on its own', () => {
    const step = onlyStep(
      request('SERIES', {
        studyInstanceUid: '1.2',
        matchingKeys: [
          key(Tags.SeriesDate, 'DA', '20220101'),
          key(Tags.PerformedProcedureStepStartDate, 'DA', '20220102'),
          key(Tags.PerformedProcedureStepStartTime, 'TM', '10'),
        ],
      }),
    );
    const identifier = step.identifier();
    expect(identifier.string(Tags.SeriesDate)).toBe('20220101');
    expect(identifier.string(Tags.PerformedProcedureStepStartDate)).toBe('20220102');
    expect(identifier.string(Tags.PerformedProcedureStepStartTime)).toBeUndefined();
  });

  test('DT-40, DT-41: a zone shifts what is asked, or warns where the peer has none; a birth has no zone', () => {
    const asked = request('STUDY', {
      timezoneOffset: '+0200',
      matchingKeys: [key(Tags.StudyDate, 'DA', '20220102'), key(Tags.PatientBirthDate, 'DA', '19700101')],
    });
    const zoned = { ...defaultPeerQueryProfile, timezone: '+0000' };
    const identifier = onlyStep(asked, zoned).identifier();
    expect(identifier.string(Tags.StudyDate)).toBe('20220101-20220102');
    expect(identifier.string(Tags.PatientBirthDate)).toBe('19700101');
    expect(planSearch(asked, zoned).warnings).toEqual([]);
    expect(planSearch(asked, defaultPeerQueryProfile).warnings).toHaveLength(1);
    expect(planSearch({ ...asked, matchingKeys: [] }, defaultPeerQueryProfile).warnings).toEqual([]);
  });

  test('DT-40: a malformed zone, date or time is a client error', () => {
    expect(codeOf(() => steps(request('STUDY', { timezoneOffset: '+1500' })))).toBe('bad-request');
    for (const bad of [key(Tags.StudyDate, 'DA', '2022'), key(Tags.AcquisitionDateTime, 'DT', 'x')]) {
      expect(codeOf(() => steps(request('STUDY', { matchingKeys: [bad] })))).toBe('bad-request');
    }
  });

  test('DT-32, DT-42: a value with an offset is compared in the zone of the peer, whatever the request says of its own', () => {
    const path = Tags.AcquisitionDateTime;
    const value = '20220101100000+0200-20220101120000+0200';
    const asked = request('IMAGE', {
      studyInstanceUid: '1.2',
      seriesInstanceUid: '1.3',
      matchingKeys: [key(path, 'DT', value)],
    });
    const verdicts = (timezone?: string): unknown[] => {
      const step = onlyStep(asked, { ...defaultPeerQueryProfile, ...(timezone && { timezone }) });
      return ['20220101093000', '20220101113000', '20220103'].map((at) => {
        const row = new Dataset().setString(path, at, 'DT');
        return [step.accepts(row), step.unverified(row).length];
      });
    };
    expect(verdicts('+0100')).toEqual([
      [true, 0],
      [false, 0],
      [false, 0],
    ]);
    // Nobody knows the instant of what is stored, but that it is days away.
    expect(verdicts()).toEqual([
      [true, 1],
      [true, 1],
      [false, 0],
    ]);
  });

  test('DT-45: a value without an offset is compared as written where the request has no zone', () => {
    const asked = request('IMAGE', {
      studyInstanceUid: '1.2',
      seriesInstanceUid: '1.3',
      matchingKeys: [key(Tags.AcquisitionDateTime, 'DT', '20220101100000-20220101120000')],
    });
    const step = onlyStep(asked, { ...defaultPeerQueryProfile, timezone: '+0100' });
    const row = (at: string): Dataset => new Dataset().setString(Tags.AcquisitionDateTime, at, 'DT');
    expect([step.accepts(row('20220101110000+0900')), step.accepts(row('20220101130000'))]).toEqual([
      true,
      false,
    ]);
  });

  test('DT-43: a date that has no partner is kept where its time would decide, and that is told', () => {
    const [sequence, date] = [Tags.RequestAttributesSequence, 0x00400002];
    const asked = request('SERIES', {
      studyInstanceUid: '1.2',
      timezoneOffset: '-0500',
      matchingKeys: [key([sequence, date], 'DA', '20220102')],
    });
    const step = onlyStep(asked, {
      characterSetReturnKey: false,
      dateTime: { upper: 'ceil', unknown: 'exclude', mixed: 'strict' },
      timezone: '+0100',
    });
    const judged = (value: string): unknown => {
      const row = new Dataset().setItems(sequence, [new Dataset().setString(date, value, 'DA')]);
      return [step.accepts(row), step.unverified(row).length];
    };
    expect(['20220101', '20220102', '20220103', '20220104'].map(judged)).toEqual([
      [false, 0],
      [true, 1],
      [true, 1],
      [false, 0],
    ]);
  });

  test('DT-21: a time that has no partner is widened to whole seconds', () => {
    const path = [Tags.RequestAttributesSequence, Tags.StudyTime];
    const step = onlyStep(
      request('SERIES', { studyInstanceUid: '1.2', matchingKeys: [key(path, 'TM', '1000-1600')] }),
    );
    expect(step.identifier().items(Tags.RequestAttributesSequence)[0]?.string(Tags.StudyTime)).toBe(
      '1000-160100',
    );
  });
});

describe('searches over several levels', () => {
  const patient = key(Tags.PatientID, 'LO', 'P');
  const levelsOf = (asked: SearchRequest): string[] => steps(asked).map(({ level }) => level);

  test('Q-04, Q-05, Q-06: each level above that the URL does not name is walked', () => {
    expect(levelsOf(request('SERIES', { matchingKeys: [patient] }))).toEqual(['STUDY', 'SERIES']);
    expect(levelsOf(request('IMAGE', { matchingKeys: [patient] }))).toEqual(['STUDY', 'SERIES', 'IMAGE']);
    expect(levelsOf(request('IMAGE', { studyInstanceUid: '1.2' }))).toEqual(['SERIES', 'IMAGE']);
  });

  test('Q-61: every key goes to the query of its level, below the row of the level above', () => {
    const asked = request('IMAGE', {
      matchingKeys: [patient, key(Tags.Modality, 'CS', 'CT'), key(Tags.SOPClassUID, 'UI', '1.5')],
    });
    const [study, series, image] = steps(asked);
    expect(study?.identifier().string(Tags.PatientID)).toBe('P');
    expect(study?.identifier().has(Tags.Modality)).toBe(false);
    const atSeries = series?.identifier({ studyInstanceUid: '1.2' });
    expect([atSeries?.string(Tags.StudyInstanceUID), atSeries?.string(Tags.Modality)]).toEqual(['1.2', 'CT']);
    const atImage = image?.identifier({ studyInstanceUid: '1.2', seriesInstanceUid: '1.3' });
    expect([atImage?.string(Tags.SeriesInstanceUID), atImage?.string(Tags.SOPClassUID)]).toEqual([
      '1.3',
      '1.5',
    ]);
    expect(atImage?.has(Tags.PatientID)).toBe(false);
    expect(codeOf(() => image?.identifier({ studyInstanceUid: '1.2' }))).toBe('internal');
  });

  test('Q-62: a search through all studies without any key is too broad', () => {
    for (const level of ['SERIES', 'IMAGE'] as const) {
      expect(codeOf(() => steps(request(level)))).toBe('query-too-broad');
      expect(codeOf(() => steps(request(level, { matchingKeys: [key(Tags.PatientID, 'LO', '*')] })))).toBe(
        'query-too-broad',
      );
      expect(codeOf(() => steps(request(level, { matchingKeys: [patient] })))).toBeUndefined();
    }
    expect(codeOf(() => steps(request('IMAGE', { studyInstanceUid: '1.2' })))).toBeUndefined();
  });

  test('Q-62: instance keys alone do not select among all studies', () => {
    const asked = request('IMAGE', { matchingKeys: [key(Tags.SOPInstanceUID, 'UI', '1.2')] });
    expect(codeOf(() => steps(asked))).toBe('query-too-broad');
  });

  test('Q-33: include fields of a level that the URL names are fetched from that level', () => {
    const asked = request('IMAGE', {
      studyInstanceUid: '1.2',
      seriesInstanceUid: '1.3',
      includeFields: [[Tags.StudyDescription], [Tags.SeriesDescription]],
    });
    const [study, series, image] = steps(asked);
    expect(tagsOf(study?.identifier() ?? new Dataset())).toEqual([
      Tags.QueryRetrieveLevel,
      Tags.StudyDescription,
      Tags.StudyInstanceUID,
    ]);
    expect(study?.identifier().string(Tags.StudyInstanceUID)).toBe('1.2');
    expect(series?.identifier().string(Tags.SeriesInstanceUID)).toBe('1.3');
    expect(image?.level).toBe('IMAGE');
  });

  test('Q-19: an include field below the level is not asked for', () => {
    const asked = request('STUDY', { includeFields: [[Tags.Rows]] });
    expect(levelsOf(asked)).toEqual(['STUDY']);
  });
});

describe('searches over several levels at a peer that accepts relational queries', () => {
  const patient = key(Tags.PatientID, 'LO', 'P');
  const planOf = (asked: SearchRequest): SearchPlan =>
    planSearch(asked, defaultPeerQueryProfile, { ...baselineQueryOptions, relational: true });
  const row = (): Dataset =>
    new Dataset()
      .setString(Tags.StudyInstanceUID, '1.2', 'UI')
      .setString(Tags.SeriesInstanceUID, '1.3', 'UI')
      .setString(Tags.SOPInstanceUID, '1.4', 'UI');

  test('Q-05, Q-33, Q-60: series of all studies are one C-FIND with the keys and attributes of the studies', () => {
    const plan = planOf(
      request('SERIES', {
        matchingKeys: [patient, key(Tags.Modality, 'CS', 'CT'), key(Tags.StudyDate, 'DA', '20220101')],
        includeFields: [[Tags.StudyDescription]],
      }),
    );
    expect(plan.steps.map(({ level }) => level)).toEqual(['SERIES']);
    expect(plan.planned.relational).toBe(true);
    const identifier = plan.steps[0]?.identifier() ?? new Dataset();
    expect(
      [Tags.QueryRetrieveLevel, Tags.PatientID, Tags.Modality, Tags.StudyDate].map((tag) =>
        identifier.string(tag),
      ),
    ).toEqual(['SERIES', 'P', 'CT', '20220101']);
    for (const tag of [
      Tags.StudyInstanceUID,
      Tags.SeriesInstanceUID,
      Tags.PatientName,
      Tags.NumberOfStudyRelatedSeries,
      Tags.StudyDescription,
      Tags.NumberOfSeriesRelatedInstances,
    ])
      expect([tag, identifier.get(tag)?.value.length]).toEqual([tag, 0]);
    const found = row().setString(Tags.PatientName, 'A', 'PN').setString(Tags.Modality, 'CT', 'CS');
    const result = plan.project([found], () => 'url');
    expect(result['00100010']?.Value).toEqual([{ Alphabetic: 'A' }]);
    expect([result['0020000D']?.Value, result['0020000E']?.Value]).toEqual([['1.2'], ['1.3']]);
    // Required of the study and of the series, returned or not.
    expect(['00080050', '00200011'].map((tag) => result[tag]?.vr)).toEqual(['SH', 'IS']);
  });

  test('Q-04, Q-06: instances of a study, or of all, are one C-FIND', () => {
    const all = planOf(request('IMAGE', { matchingKeys: [key(Tags.SOPInstanceUID, 'UI', '1.4')] }));
    expect(all.steps.map(({ level }) => level)).toEqual(['IMAGE']);
    const result = all.project([row()], ({ sopInstanceUid }) => sopInstanceUid ?? '');
    expect(
      [result['0020000D'], result['0020000E'], result['00081190']].map((one) => one?.Value?.[0]),
    ).toEqual(['1.2', '1.3', '1.4']);
    const ofStudy = planOf(request('IMAGE', { studyInstanceUid: '1.2' }));
    const identifier = ofStudy.steps[0]?.identifier() ?? new Dataset();
    expect(ofStudy.steps).toHaveLength(1);
    expect(identifier.string(Tags.StudyInstanceUID)).toBe('1.2');
    expect([Tags.PatientName, Tags.Modality].map((tag) => identifier.has(tag))).toEqual([false, true]);
  });

  test('Q-43: the rows are filtered by the keys of every level', () => {
    const asked = request('SERIES', { matchingKeys: [patient, key(Tags.Modality, 'CS', 'CT')] });
    const [step] = planOf(asked).steps;
    const withValues = (patientId: string, modality: string): Dataset =>
      row().setString(Tags.PatientID, patientId, 'LO').setString(Tags.Modality, modality, 'CS');
    expect(
      [withValues('P', 'CT'), withValues('X', 'CT'), withValues('P', 'MR')].map((one) => step?.accepts(one)),
    ).toEqual([true, false, false]);
    expect(step?.unverified(row())).toEqual([Tags.PatientID, Tags.Modality]);
  });

  test('Q-43: what rows of studies are known to have is not known of those of series, until one of them has it', () => {
    const asked = request('SERIES', { matchingKeys: [key(Tags.StudyDescription, 'LO', 'Knee')] });
    const profile = { ...defaultPeerQueryProfile, returnedKeys: [Tags.StudyDescription] };
    const [step] = planSearch(asked, profile, { ...baselineQueryOptions, relational: true }).steps;
    const empty = (): Dataset => row().setEmpty(Tags.StudyDescription, 'LO');
    const first = empty();
    expect([step?.accepts(first), step?.unverified(first)]).toEqual([true, [Tags.StudyDescription]]);
    expect(step?.seeReturned(row().setString(Tags.StudyDescription, 'Head', 'LO'))).toEqual([]);
    expect([step?.accepts(first), step?.accepts(empty())]).toEqual([false, false]);
  });

  test('R-12: a row that does not name its study is an error, unless the URL did', () => {
    const bare = new Dataset().setString(Tags.SeriesInstanceUID, '1.3', 'UI');
    const [all] = planOf(request('SERIES', { matchingKeys: [patient] })).steps;
    expect(codeOf(() => all?.keyOf(bare))).toBe('peer-protocol');
    expect(all?.keyOf(row())).toBe('1.3');
    const [ofStudy] = planOf(request('IMAGE', { studyInstanceUid: '1.2' })).steps;
    const image = new Dataset()
      .setString(Tags.SeriesInstanceUID, '1.3', 'UI')
      .setString(Tags.SOPInstanceUID, '1.4', 'UI');
    expect(ofStudy?.keyOf(image)).toBe('1.4');
  });

  test('Q-50: where no level is to be walked the query stays hierarchical', () => {
    const asked = request('SERIES', { studyInstanceUid: '1.2', includeFields: [[Tags.StudyDescription]] });
    const plan = planOf(asked);
    expect(plan.steps.map(({ level }) => level)).toEqual(['STUDY', 'SERIES']);
    expect(plan.planned.relational).toBe(false);
    expect(planOf(request('STUDY')).planned.relational).toBe(false);
  });
});

describe('what a search makes use of beyond the baseline', () => {
  test.each<readonly [string, SearchRequest, boolean]>([
    ['plain', request('STUDY', { matchingKeys: [key(Tags.PatientID, 'LO', 'P')] }), false],
    ['by day', request('STUDY', { matchingKeys: [key(Tags.StudyDate, 'DA', '20220101')] }), false],
    [
      'by any time of a day',
      request('STUDY', {
        matchingKeys: [key(Tags.StudyDate, 'DA', '20220101'), key(Tags.StudyTime, 'TM', '')],
      }),
      false,
    ],
    [
      'by day and time',
      request('STUDY', {
        matchingKeys: [key(Tags.StudyDate, 'DA', '20220101'), key(Tags.StudyTime, 'TM', '10')],
      }),
      true,
    ],
    ['of one series', request('IMAGE', { studyInstanceUid: '1.2', seriesInstanceUid: '1.3' }), false],
    ['of one study', request('SERIES', { studyInstanceUid: '1.2' }), false],
    ['of the instances of a study', request('IMAGE', { studyInstanceUid: '1.2' }), true],
    ['of all series', request('SERIES'), true],
    ['in a zone', request('STUDY', { timezoneOffset: '+0100' }), true],
    ['fuzzy', request('STUDY', { fuzzyMatching: true }), true],
    ['for empty values', request('STUDY', { emptyValueMatching: true }), true],
    ['for several values', request('STUDY', { multipleValueMatching: true }), true],
  ])('Q-54: a search %s', (_, asked, uses) => {
    expect(usesQueryOptions(asked)).toBe(uses);
  });

  test('Q-20: fuzzy matching is made use of where it was asked for and accepted', () => {
    const options = { ...baselineQueryOptions, fuzzy: true };
    const planned = (fuzzyMatching: boolean): boolean =>
      planSearch(request('STUDY', { fuzzyMatching }), defaultPeerQueryProfile, options).planned.fuzzy;
    expect([planned(true), planned(false)]).toEqual([true, false]);
    const baseline = planSearch(request('STUDY', { fuzzyMatching: true }), defaultPeerQueryProfile);
    expect(baseline.planned).toEqual(baselineQueryOptions);
  });

  test('Q-21: empty values are asked for where that was accepted, and an empty one matches there', () => {
    const asked = request('STUDY', {
      emptyValueMatching: true,
      matchingKeys: [
        key(Tags.StudyDescription, 'LO', '""'),
        key(Tags.StudyDate, 'DA', '""'),
        key(Tags.NumberOfStudyRelatedSeries, 'IS', '""'),
      ],
    });
    const plan = planSearch(asked, defaultPeerQueryProfile, { ...baselineQueryOptions, emptyValue: true });
    expect(plan.planned).toEqual({ ...baselineQueryOptions, emptyValue: true });
    const [step] = plan.steps;
    const identifier = step?.identifier();
    const tags = [Tags.StudyDescription, Tags.StudyDate, Tags.NumberOfStudyRelatedSeries];
    expect(tags.map((tag) => identifier?.string(tag))).toEqual(['""', '""', undefined]);
    const row = new Dataset();
    for (const tag of tags) row.setEmpty(tag);
    expect([step?.accepts(row), step?.unverified(row)]).toEqual([true, [Tags.NumberOfStudyRelatedSeries]]);
    expect(step?.accepts(new Dataset().setString(Tags.StudyDescription, 'A', 'LO'))).toBe(false);
    const baseline = planSearch(asked, defaultPeerQueryProfile);
    expect(baseline.planned).toEqual(baselineQueryOptions);
    expect(tags.map((tag) => baseline.steps[0]?.identifier().string(tag))).toEqual(tags.map(() => undefined));
  });

  test('Q-22: all values that must be there are asked for where that was accepted, but modalities of a study', () => {
    const asked = request('STUDY', {
      multipleValueMatching: true,
      matchingKeys: [
        key(Tags.OtherPatientNames, 'PN', 'A\\B', ['A', 'B']),
        key(Tags.ModalitiesInStudy, 'CS', 'CT\\SR', ['CT', 'SR']),
      ],
    });
    const options = { ...baselineQueryOptions, multipleValue: true };
    const plan = planSearch(
      asked,
      { ...defaultPeerQueryProfile, trustedKeys: [Tags.ModalitiesInStudy] },
      options,
    );
    expect(plan.planned).toEqual(options);
    const identifier = plan.steps[0]?.identifier();
    expect(identifier?.strings(Tags.OtherPatientNames)).toEqual(['A', 'B']);
    expect(identifier?.strings(Tags.ModalitiesInStudy)).toEqual(['CT']);
    const row = new Dataset().setString(Tags.OtherPatientNames, 'A\\C', 'PN');
    expect(plan.steps[0]?.accepts(row)).toBe(false);
    expect(planSearch(asked, defaultPeerQueryProfile).planned).toEqual(baselineQueryOptions);
  });

  test('DT-10: only the pair that every peer matches is sliced, and each is planned by itself', () => {
    const plan = planSearch(
      request('STUDY', {
        matchingKeys: [
          key(Tags.StudyDate, 'DA', '20220101-20220103'),
          key(Tags.StudyTime, 'TM', '1000-1600'),
          key(Tags.PatientBirthDate, 'DA', '19700101-19700103'),
          key(Tags.PatientBirthTime, 'TM', '1000-1600'),
        ],
      }),
      {
        ...defaultPeerQueryProfile,
        dateTime: { ...defaultPeerQueryProfile.dateTime, plan: 'sliced', findsEmptyTimes: true },
      },
    );
    const [step] = plan.steps;
    const identifiers = step?.dates?.slices.map((slice) => step.identifier({}, { slice })) ?? [];
    expect(identifiers.map((one) => one.string(Tags.StudyDate))).toEqual([
      '20220101',
      '20220102',
      '20220103',
    ]);
    for (const one of identifiers) {
      expect(one.string(Tags.PatientBirthDate)).toBe('19700101-19700103');
      expect(one.get(Tags.PatientBirthTime)?.value).toHaveLength(0);
    }
  });

  test('DT-41: a birth is asked for a day wider where the peer is told a zone, and filtered as it is', () => {
    const asked = request('STUDY', {
      timezoneOffset: '+0200',
      matchingKeys: [key(Tags.StudyDate, 'DA', '20220102'), key(Tags.PatientBirthDate, 'DA', '19700101')],
    });
    const options = { ...baselineQueryOptions, timezone: true };
    const [step] = planSearch(asked, defaultPeerQueryProfile, options).steps;
    expect(step?.identifier().string(Tags.PatientBirthDate)).toBe('19691231-19700102');
    const born = (date: string): Dataset =>
      new Dataset()
        .setString(Tags.PatientBirthDate, date, 'DA')
        .setString(Tags.StudyDate, '20220102', 'DA')
        .setString(Tags.StudyTime, '1200', 'TM');
    expect([born('19700101'), born('19700102')].map((row) => step?.accepts(row))).toEqual([true, false]);
    const alone = { ...asked, matchingKeys: [key(Tags.PatientBirthDate, 'DA', '19700101')] };
    const [plain] = planSearch(alone, defaultPeerQueryProfile, options).steps;
    expect(plain?.identifier().has(Tags.TimezoneOffsetFromUTC)).toBe(false);
    expect(plain?.identifier().string(Tags.PatientBirthDate)).toBe('19700101');
  });
});

test('DT-41: a birth is asked for a day wider where another level of the same C-FIND tells the zone', () => {
  const asked = request('SERIES', {
    timezoneOffset: '-0500',
    matchingKeys: [
      key(Tags.PatientBirthDate, 'DA', '19700101'),
      key(Tags.PerformedProcedureStepStartDate, 'DA', '20220101'),
    ],
  });
  const options = { ...baselineQueryOptions, relational: true, timezone: true };
  const [step, ...more] = planSearch(asked, defaultPeerQueryProfile, options).steps;
  expect(more).toEqual([]);
  expect(step?.identifier().string(Tags.TimezoneOffsetFromUTC)).toBe('-0500');
  expect(step?.identifier().string(Tags.PatientBirthDate)).toBe('19691231-19700102');
});

describe('rows', () => {
  test('Q-50: a row of another study than was asked for is refused', () => {
    const step = onlyStep(request('SERIES', { studyInstanceUid: '1.2' }));
    const row = (study: string): Dataset => new Dataset().setString(Tags.StudyInstanceUID, study, 'UI');
    expect([step.accepts(row('1.2')), step.accepts(row('1.9')), step.accepts(new Dataset())]).toEqual([
      true,
      false,
      true,
    ]);
    const [, series] = steps(request('SERIES', { matchingKeys: [key(Tags.PatientID, 'LO', 'P')] }));
    expect(series?.accepts(row('1.9'), { studyInstanceUid: '1.2' })).toBe(false);
  });

  test('Q-43: keys that the peer ignored are filtered, those that it did not return are named', () => {
    const step = onlyStep(request('STUDY', { matchingKeys: [key(Tags.ModalitiesInStudy, 'CS', 'CT')] }));
    expect(step.accepts(new Dataset().setString(Tags.ModalitiesInStudy, 'MR', 'CS'))).toBe(false);
    const bare = new Dataset();
    expect([step.accepts(bare), step.unverified(bare)]).toEqual([true, [Tags.ModalitiesInStudy]]);
    expect(step.unverified(new Dataset().setString(Tags.ModalitiesInStudy, 'CT', 'CS'))).toEqual([]);
  });

  test('Q-43: a row is judged once, whoever asks for its verdict', () => {
    let looks = 0;
    class Watched extends Dataset {
      override get(tag: Tag): ReturnType<Dataset['get']> {
        looks += Number(tag === Tags.StudyDescription);
        return super.get(tag);
      }
    }
    const step = onlyStep(
      request('STUDY', {
        matchingKeys: [key(Tags.StudyDescription, 'LO', '*a*'), key(0x00104000, 'LT', '*b*')],
      }),
    );
    const row = new Watched().setString(Tags.StudyDescription, 'a');
    expect(step.accepts(row)).toBe(true);
    expect(step.unverified(row)).toEqual([0x00104000]);
    expect(looks).toBe(1);
  });

  test('R-12: a row is known by the unique key of the level that was asked, whatever level it claims', () => {
    const row = new Dataset()
      .setString(Tags.QueryRetrieveLevel, 'IMAGE', 'CS')
      .setString(Tags.StudyInstanceUID, '1.2', 'UI');
    expect([uniqueKey('STUDY', row), requireUniqueKey('STUDY', row)]).toEqual(['1.2', '1.2']);
    expect(uniqueKey('SERIES', row)).toBeUndefined();
    expect(codeOf(() => requireUniqueKey('SERIES', row))).toBe('peer-protocol');
  });
});

describe('what was learnt of a peer', () => {
  const learnt = (facts: Partial<PeerQueryProfile>): PeerQueryProfile => ({
    ...defaultPeerQueryProfile,
    ...facts,
  });
  const named = (value: string): SearchRequest =>
    request('STUDY', { matchingKeys: [key(Tags.PatientName, 'PN', value)] });

  test('a pattern is not sent to a peer that takes * for itself, and is filtered here, names too', () => {
    const step = onlyStep(named('Do*'), learnt({ literalWildcard: true }));
    expect(step.identifier().string(Tags.PatientName)).toBeUndefined();
    const row = (name: string): Dataset => new Dataset().setString(Tags.PatientName, name, 'PN');
    expect(step.accepts(row('DOE^JOHN'))).toBe(true);
    expect(step.accepts(row('ROE^JANE'))).toBe(false);
    const described = request('STUDY', { matchingKeys: [key(Tags.StudyDescription, 'LO', 'Knee*')] });
    const other = onlyStep(described, learnt({ literalWildcard: true }));
    expect(other.identifier().string(Tags.StudyDescription)).toBeUndefined();
    expect(other.accepts(new Dataset().setString(Tags.StudyDescription, 'Hip', 'LO'))).toBe(false);
    const plain = onlyStep(named('Doe^John'), learnt({ literalWildcard: true }));
    expect(plain.identifier().string(Tags.PatientName)).toBe('Doe^John');
  });

  test('names are sent in upper case to a peer that holds them so', () => {
    const step = onlyStep(named('Doe^J*'), learnt({ upperCasesNames: true }));
    expect(step.identifier().string(Tags.PatientName)).toBe('DOE^J*');
    expect(step.accepts(new Dataset().setString(Tags.PatientName, 'DOE^JOHN', 'PN'))).toBe(true);
  });

  test('a search without a patient at a peer that needs one says that finding nothing means nothing', () => {
    const blind = learnt({ needsPatientId: true });
    const warned = [expect.stringContaining('without a PatientID')];
    expect(planSearch(named('Doe'), blind).warnings).toEqual(warned);
    const identified = request('STUDY', { matchingKeys: [key(Tags.PatientID, 'LO', '1')] });
    expect(planSearch(identified, blind).warnings).toEqual([]);
    expect(planSearch(request('SERIES', { studyInstanceUid: '1.2' }), blind).warnings).toEqual([]);
    expect(planSearch(named('Doe'), defaultPeerQueryProfile).warnings).toEqual([]);
  });

  test('Q-20: that names were matched literally is told where fuzzy matching was not accepted', () => {
    const fuzzy = request('STUDY', { fuzzyMatching: true });
    const warning = 'The fuzzymatching parameter is not supported. Only literal matching has been performed.';
    expect(planSearch(fuzzy, defaultPeerQueryProfile).warnings).toEqual([warning]);
    const accepted = { ...baselineQueryOptions, fuzzy: true };
    const plan = planSearch(fuzzy, defaultPeerQueryProfile, accepted);
    expect(plan.warnings).toEqual([]);
    expect(plan.planned.fuzzy).toBe(true);
  });
});

describe('Q-45: names of which the peer is not asked for all', () => {
  const named = (name: string): Dataset =>
    new Dataset().setString(Tags.StudyInstanceUID, '1.2', 'UI').setString(Tags.PatientName, name, 'PN');

  test('are filtered where the key is not sent', () => {
    const asked = request('STUDY', { matchingKeys: [key(Tags.PatientName, 'PN', 'DOE*')] });
    const { steps } = planSearch(asked, { ...defaultPeerQueryProfile, unsentKeys: [Tags.PatientName] });
    expect(steps[0]?.identifier().string(Tags.PatientName)).toBeUndefined();
    expect(['DOE^JANE', 'ROE^JANE'].map((name) => steps[0]?.accepts(named(name)))).toEqual([true, false]);
  });

  test('are filtered by every value of a list, of which one at most is sent', () => {
    for (const values of [
      ['DOE*', 'JANE'],
      ['DOE', 'JANE'],
    ]) {
      const name = { ...key(Tags.PatientName, 'PN', values.join('\\')), values };
      const asked = request('STUDY', { matchingKeys: [name], multipleValueMatching: true });
      const { steps } = planSearch(asked, defaultPeerQueryProfile);
      expect(['DOE^JANE', 'DOE^ANN', 'ROE^ANN'].map((one) => steps[0]?.accepts(named(one)))).toEqual([
        true,
        false,
        false,
      ]);
    }
  });

  test('are never lost where only similar ones are asked for, but told', () => {
    const asked = request('STUDY', {
      matchingKeys: [key(Tags.PatientName, 'PN', 'DOE*')],
      fuzzyMatching: true,
    });
    const profile = { ...defaultPeerQueryProfile, literalWildcard: true };
    const { steps } = planSearch(asked, profile, { ...baselineQueryOptions, fuzzy: true });
    const similar = named('DOW^JANE');
    expect(steps[0]?.accepts(similar)).toBe(true);
    expect(steps[0]?.unverified(similar)).toEqual([Tags.PatientName]);
  });

  test('are sent in upper case without characters that only their upper case lacks', () => {
    const asked = request('STUDY', { matchingKeys: [key(Tags.PatientName, 'PN', 'Strauß^Léÿ')] });
    const profile = { ...defaultPeerQueryProfile, upperCasesNames: true, characterSets: ['ISO_IR 100'] };
    const { steps } = planSearch(asked, profile);
    expect(steps[0]?.identifier().string(Tags.PatientName)).toBe('STRAU*^LÉ*');
    expect(['STRAUSS^LÉY', 'STRAUß^LÉÿ'].map((name) => steps[0]?.accepts(named(name)))).toContain(true);
  });
});

test('Q-55: a list of studies of a relational search is asked for in pieces as well', () => {
  const uids = ['1.2.1', '1.2.2'];
  const list = { ...key(Tags.StudyInstanceUID, 'UI', uids.join('\\')), values: uids };
  const plan = planSearch(request('SERIES', { matchingKeys: [list] }), defaultPeerQueryProfile, {
    ...baselineQueryOptions,
    relational: true,
  });
  const [step] = plan.steps;
  const row = new Dataset()
    .setString(Tags.StudyInstanceUID, '1.2.1', 'UI')
    .setString(Tags.SeriesInstanceUID, '1.3', 'UI');
  expect(step?.uids).toEqual(uids);
  expect(step?.uidOf(row)).toBe('1.2.1');
  const identifier = step?.identifier({}, { uids: ['1.2.2'] });
  expect(identifier?.strings(Tags.StudyInstanceUID)).toEqual(['1.2.2']);
  expect(identifier?.get(Tags.SeriesInstanceUID)?.value.length).toBe(0);
});

describe('keys that archives compute', () => {
  test.each([
    ['C*', [true, false, false]],
    ['?R', [true, true, false]],
    ['*', [true, true, true]],
  ])('Q-46: the pattern %s of modalities is filtered by and never sent', (pattern, expected) => {
    const step = onlyStep(request('STUDY', { matchingKeys: [key(Tags.ModalitiesInStudy, 'CS', pattern)] }));
    expect(step.identifier().get(Tags.ModalitiesInStudy)?.value).toHaveLength(0);
    const row = (modalities: readonly string[]): Dataset =>
      new Dataset().setString(Tags.ModalitiesInStudy, modalities, 'CS');
    expect([['SR', 'CT'], ['MR'], ['PT']].map((one) => step.accepts(row(one)))).toEqual(expected);
  });

  test('Q-43: are filtered by and never sent with a value', () => {
    const asked = request('STUDY', {
      matchingKeys: [
        key(Tags.NumberOfStudyRelatedInstances, 'IS', '4'),
        key(Tags.SOPClassesInStudy, 'UI', '1.2.840.10008.5.1.4.1.1.7'),
      ],
    });
    const step = onlyStep(asked);
    expect(step.identifier().string(Tags.NumberOfStudyRelatedInstances)).toBeUndefined();
    expect(step.identifier().has(Tags.SOPClassesInStudy)).toBe(true);
    const row = new Dataset()
      .setString(Tags.NumberOfStudyRelatedInstances, '5', 'IS')
      .setString(Tags.SOPClassesInStudy, '1.2.840.10008.5.1.4.1.1.7', 'UI');
    expect(step.accepts(row)).toBe(false);
  });

  test('as are those that the peer is known to pass over, dates too', () => {
    const unsentKeys = [Tags.StudyDate, Tags.StudyDescription];
    const asked = request('STUDY', {
      matchingKeys: [key(Tags.StudyDate, 'DA', '20240101'), key(Tags.StudyDescription, 'LO', 'Knee')],
    });
    const step = onlyStep(asked, { ...defaultPeerQueryProfile, unsentKeys });
    expect(step.identifier().has(Tags.StudyDate)).toBe(true);
    expect(step.identifier().string(Tags.StudyDate)).toBeUndefined();
    expect(step.identifier().string(Tags.StudyDescription)).toBeUndefined();
    expect(step.accepts(new Dataset().setString(Tags.StudyDate, '20240102', 'DA'))).toBe(false);
  });
});

describe('2.1: plans for a peer of the Patient Root', () => {
  const profile: PeerQueryProfile = { ...defaultPeerQueryProfile, root: 'patient' };
  const relational = { ...baselineQueryOptions, relational: true };
  const byName = key(Tags.PatientName, 'PN', 'DOE*');
  const byBirth = key(Tags.PatientBirthDate, 'DA', '19700101');
  const byDate = key(Tags.StudyDate, 'DA', '20240101');
  const levelsOf = (plan: SearchPlan): unknown => plan.steps.map(({ level }) => level);

  test('a search for studies begins with the patients, whose keys stand there alone', () => {
    const plan = planSearch(request('STUDY', { matchingKeys: [byName, byBirth, byDate] }), profile);
    expect(levelsOf(plan)).toEqual(['PATIENT', 'STUDY']);
    expect(plan.root).toBe('patient');
    const [patients, studies] = plan.steps;
    const asked = patients?.identifier();
    expect(asked?.string(Tags.QueryRetrieveLevel)).toBe('PATIENT');
    expect(asked?.string(Tags.PatientName)).toBe('DOE*');
    expect(asked?.string(Tags.PatientBirthDate)).toBe('19700101');
    for (const tag of [Tags.PatientID, Tags.PatientSex]) expect(asked?.has(tag)).toBe(true);
    for (const tag of [Tags.StudyDate, Tags.StudyInstanceUID]) expect(asked?.has(tag)).toBe(false);
    const below = studies?.identifier({ patientId: 'P1' });
    expect(below?.string(Tags.PatientID)).toBe('P1');
    expect(below?.string(Tags.StudyDate)).toBe('20240101');
    for (const tag of [Tags.PatientName, Tags.PatientBirthDate, Tags.PatientSex])
      expect(below?.has(tag)).toBe(false);
  });

  test('Q-50: each level below has the unique keys of all levels above', () => {
    const plan = planSearch(request('IMAGE', { matchingKeys: [byName] }), profile);
    expect(levelsOf(plan)).toEqual(['PATIENT', 'STUDY', 'SERIES', 'IMAGE']);
    const parent = { patientId: 'P1', studyInstanceUid: '1.2', seriesInstanceUid: '1.3' };
    const identifier = plan.steps[3]?.identifier(parent);
    expect(identifier?.string(Tags.PatientID)).toBe('P1');
    expect(identifier?.string(Tags.StudyInstanceUID)).toBe('1.2');
    expect(identifier?.string(Tags.SeriesInstanceUID)).toBe('1.3');
    expect(codeOf(() => plan.steps[2]?.identifier({ studyInstanceUid: '1.2' }))).toBe('internal');
  });

  test('a row of a patient and one of a study are one result', () => {
    const plan = planSearch(request('STUDY', { includeAll: true }), profile);
    const patient = new Dataset()
      .setString(Tags.PatientID, 'P1')
      .setString(Tags.PatientName, 'DOE^J')
      .setString(Tags.IssuerOfPatientID, 'HOSPITAL')
      .setString(Tags.StudyInstanceUID, '9.9');
    const study = new Dataset().setString(Tags.StudyInstanceUID, '1.2').setString(Tags.StudyDate, '20240101');
    expect(plan.project([patient, study], () => '')).toMatchObject({
      '00100010': { Value: [{ Alphabetic: 'DOE^J' }] },
      '00100020': { Value: ['P1'] },
      '00100021': { Value: ['HOSPITAL'] },
      '0020000D': { Value: ['1.2'] },
      '00080020': { Value: ['20240101'] },
    });
  });

  test('studies of another patient, from a peer that passes over the Patient ID, are left out', () => {
    const [, studies] = planSearch(request('STUDY'), profile).steps;
    const of = (id: string): Dataset =>
      new Dataset().setString(Tags.StudyInstanceUID, '1.2').setString(Tags.PatientID, id);
    expect(studies?.accepts(of('P1'), { patientId: 'P1' })).toBe(true);
    expect(studies?.accepts(of('P2'), { patientId: 'P1' })).toBe(false);
  });

  test.each([
    ['a study that the URL names', request('SERIES', { studyInstanceUid: '1.2' }), ['SERIES']],
    [
      'studies that a key names',
      request('STUDY', { matchingKeys: [key(Tags.StudyInstanceUID, 'UI', '1.2')] }),
      ['STUDY'],
    ],
  ])('%s: no patients are asked for, and the identifier is made for no model', (_what, asked, levels) => {
    const plan = planSearch(asked, profile);
    expect(levelsOf(plan)).toEqual(levels);
    expect(plan.root).toBeUndefined();
  });

  test('Q-53: with relational queries patients are attributes of their studies', () => {
    const plan = planSearch(request('STUDY', { matchingKeys: [byName] }), profile, relational);
    expect(levelsOf(plan)).toEqual(['STUDY']);
    expect(plan.planned.relational).toBe(true);
    expect(plan.root).toBe('patient');
    expect(plan.steps[0]?.identifier().string(Tags.PatientName)).toBe('DOE*');
  });

  test('Q-62: series of all studies need a key that selects patients, studies or series', () => {
    expect(codeOf(() => planSearch(request('SERIES'), profile))).toBe('query-too-broad');
    expect(levelsOf(planSearch(request('SERIES', { matchingKeys: [byName] }), profile))).toEqual([
      'PATIENT',
      'STUDY',
      'SERIES',
    ]);
  });

  test('the Study Root knows no level of patients', () => {
    const plan = planSearch(request('STUDY', { matchingKeys: [byName] }), { ...profile, root: 'study' });
    expect(levelsOf(plan)).toEqual(['STUDY']);
    expect(plan.root).toBeUndefined();
  });
});
