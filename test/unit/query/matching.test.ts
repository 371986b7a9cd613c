import { describe, expect, test } from '@jest/globals';
import { Dataset, Tags, type Tag, type Vr } from '../../../src/dicom/index.js';
import type { MatchingKey } from '../../../src/dicomweb/index.js';
import { matches, type MatchingOptions } from '../../../src/query/index.js';
import { createMatcher } from '../../../src/query/matching.js';

const options: MatchingOptions = {
  dateTime: { upper: 'ceil', unknown: 'match', mixed: 'strict' },
  isRequired: (tag) => tag === Tags.PatientID,
};

function key(
  path: Tag | readonly Tag[],
  vr: Vr,
  value: string,
  values: readonly string[] = [value],
): MatchingKey {
  return { path: typeof path === 'number' ? [path] : path, vr, value, values };
}

function row(tag: Tag, vr: Vr, value: string | readonly string[]): Dataset {
  return new Dataset().setString(tag, value, vr);
}

describe('text', () => {
  test.each([
    ['CT*', 'CT', true],
    ['CT*', 'CTX', true],
    ['*X', 'CTX', true],
    ['C?X', 'CTX', true],
    ['C?', 'CTX', false],
    ['*a*b*', 'xxaxxbxx', true],
    ['*a*b*', 'xxbxxaxx', false],
    ['a', 'A', false],
    ['M?ller', 'Müller', true],
    ['Müller', 'Müller', true],
    ['Muller', 'Mxller', false],
    ['?', '😀', true],
    ['abc', 'abc  ', true],
    [' abc', 'abc', true],
    ['a.c', 'abc', false],
  ])('Q-14, Q-15: %p against %p is %p', (asked, stored, result) => {
    const verdict = matches(row(Tags.PatientID, 'LO', stored), key(Tags.PatientID, 'LO', asked), options);
    expect(verdict).toBe(result ? 'match' : 'no-match');
  });

  // A peer that does not say that it answers in UTF-8 gets two or three of them for each character.
  test.each([
    ['Müller', 'M\uFFFDller', 'unverified'],
    ['Schädel', 'Sch\uFFFD\uFFFDdel', 'unverified'],
    ['腹部CT', '\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDCT', 'unverified'],
    ['?部CT', '\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDCT', 'unverified'],
    ['*部*', 'CT \uFFFD\uFFFD\uFFFD', 'unverified'],
    ['CT 部*', 'CT \uFFFD\uFFFD\uFFFD 1', 'unverified'],
    ['*部 12', '\uFFFD\uFFFD\uFFFD 12', 'unverified'],
    // In Shift_JIS the second half of a character may be a letter, in UTF-8 an accent that stands apart ends one.
    ['表示', '\uFFFD\\\uFFFD\uFFFD', 'unverified'],
    ['Schädel', 'Scha\uFFFD\uFFFDdel', 'unverified'],
    // What can be read rules it out, or in.
    ['Schädel', 'MR\uFFFD\uFFFDdel', 'no-match'],
    ['CT*', 'MR \uFFFD\uFFFD', 'no-match'],
    ['*12', '\uFFFD\uFFFD 13', 'no-match'],
    ['äb', 'Thorax \uFFFD\uFFFD', 'no-match'],
    ['Sch*', 'Sch\uFFFD\uFFFDdel', 'match'],
    ['*del', 'Sch\uFFFD\uFFFDdel', 'match'],
  ])('J-16, Q-43: %p against unreadable %p is %s', (asked, stored, verdict) => {
    const tag = Tags.StudyDescription;
    expect(matches(row(tag, 'LO', stored), key(tag, 'LO', asked), options)).toBe(verdict);
  });

  test('J-16: a name that came unreadably is kept, where the peer was asked for more as well', () => {
    const tag = Tags.ReferringPhysicianName;
    const widened = { ...options, isWidened: () => true };
    const asked = key(tag, 'PN', '山田^太郎');
    expect(matches(row(tag, 'PN', '\uFFFD\uFFFD\uFFFD^\uFFFD\uFFFD'), asked, widened)).toBe('unverified');
    expect(matches(row(tag, 'PN', '田中^太郎'), asked, widened)).toBe('no-match');
  });

  test('Q-14: patterns longer than a machine word match as any other', () => {
    const tag = Tags.PatientComments;
    const verdict = (asked: string, stored: string): string =>
      matches(row(tag, 'LT', stored), key(tag, 'LT', asked), options);
    for (const length of [31, 32, 33, 63, 64, 65, 1000]) {
      const text = 'ab'.repeat(length).slice(0, length);
      expect(verdict(`*${text}c*`, `xx${text}${text}cyy`)).toBe('match');
      expect(verdict(`*${text}c`, `${text}d`)).toBe('no-match');
      expect(verdict(`${'?'.repeat(length)}*c`, `${text}c`)).toBe('match');
      expect(verdict(`${'?'.repeat(length)}?c`, `${text}c`)).toBe('no-match');
    }
  });

  test('Q-14: a hostile pattern costs no more than pattern times text', () => {
    const stored = row(Tags.PatientID, 'LO', 'a'.repeat(5000));
    expect(matches(stored, key(Tags.PatientID, 'LO', 'a*'.repeat(200) + 'b'), options)).toBe('no-match');
  });

  test('any of several stored values matches, and so does their whole text', () => {
    const stored = row(Tags.ImageType, 'CS', ['ORIGINAL', 'PRIMARY']);
    expect(matches(stored, key(Tags.ImageType, 'CS', 'PRIMARY'), options)).toBe('match');
    expect(matches(stored, key(Tags.ImageType, 'CS', 'ORIGINAL\\PRIMARY'), options)).toBe('match');
    expect(matches(stored, key(Tags.ImageType, 'CS', 'DERIVED'), options)).toBe('no-match');
  });

  test('Q-15, Q-45: a name is never filtered more strictly than by the peer', () => {
    const stored = row(Tags.ReferringPhysicianName, 'PN', 'Müller^Anna');
    expect(matches(stored, key(Tags.ReferringPhysicianName, 'PN', 'MULLER^A*'), options)).toBe('match');
    expect(matches(new Dataset(), key(Tags.ReferringPhysicianName, 'PN', 'MULLER'), options)).toBe(
      'unverified',
    );
  });
});

describe('Q-45: names', () => {
  const asked = (value: string): MatchingKey => key(Tags.ReferringPhysicianName, 'PN', value);
  const named = (value: string): Dataset => row(Tags.ReferringPhysicianName, 'PN', value);

  test.each([
    ['smith', 'Smith^John'],
    ['SMITH^J*', 'smith^john^^dr'],
    ['john smith', 'Smith^John'],
    ['smith^john', 'SMITH JOHN'],
    ['Müller', 'MULLER^ANNA'],
    ['*mit*', 'Smith^John'],
    ['Yamada^Tarou=山田^太郎', 'yamada^tarou'],
    ['山田*', 'Yamada^Tarou=山田^太郎=やまだ^たろう'],
    ['Sm?th^*', 'Smyth^Ann'],
  ])('%p is like %p', (pattern, stored) => {
    expect(matches(named(stored), asked(pattern), options)).toBe('match');
  });

  test('one that is nothing like it is kept, but not known to match, unless similar names do', () => {
    expect(matches(named('JONES^ANN'), asked('SMITH^J*'), options)).toBe('unverified');
    expect(matches(named('JONES^ANN'), asked('SMITH*'), { ...options, isRequired: () => true })).toBe(
      'unverified',
    );
    expect(matches(named('JONES^ANN'), asked('SMITH*'), { ...options, fuzzyMatching: true })).toBe('match');
  });
});

describe('Q-21: empty values', () => {
  const empty: MatchingOptions = { ...options, emptyValueMatching: true };
  const asked = (tag: Tag, vr: Vr): MatchingKey => key(tag, vr, '""');

  test.each<readonly [string, Dataset, string]>([
    ['a value', row(Tags.PatientID, 'LO', 'P'), 'no-match'],
    ['none', new Dataset().setEmpty(Tags.PatientID, 'LO'), 'match'],
    ['blanks', new Dataset().setBytes(Tags.PatientID, 'LO', Buffer.from('  ')), 'match'],
    ['NULs', new Dataset().setBytes(Tags.PatientID, 'LO', Buffer.from('\0\0')), 'match'],
    ['nothing returned', new Dataset(), 'unverified'],
  ])('of an attribute that the peer must know: %s', (_what, stored, verdict) => {
    expect(matches(stored, asked(Tags.PatientID, 'LO'), empty)).toBe(verdict);
  });

  test('blanks in place of a date, a time or a number are no value', () => {
    for (const [tag, vr] of [
      [Tags.StudyDate, 'DA'],
      [Tags.StudyTime, 'TM'],
      [Tags.NumberOfFrames, 'IS'],
    ] as const) {
      const stored = new Dataset().setBytes(tag, vr, Buffer.from('        '));
      expect(matches(stored, asked(tag, vr), { ...empty, isRequired: () => true })).toBe('match');
    }
  });

  test('of any other, none may mean that the peer does not know it', () => {
    const tag = Tags.StudyDescription;
    expect(matches(new Dataset().setEmpty(tag, 'LO'), asked(tag, 'LO'), empty)).toBe('unverified');
    expect(matches(row(tag, 'LO', 'x'), asked(tag, 'LO'), empty)).toBe('no-match');
  });

  test('dates, numbers, names and bytes have values too', () => {
    expect(matches(row(Tags.StudyDate, 'DA', '20240101'), asked(Tags.StudyDate, 'DA'), empty)).toBe(
      'no-match',
    );
    expect(matches(row(Tags.PatientName, 'PN', 'A^B'), asked(Tags.PatientName, 'PN'), empty)).toBe(
      'no-match',
    );
    expect(matches(row(Tags.Rows, 'US', '512'), asked(Tags.Rows, 'US'), empty)).toBe('no-match');
  });
});

describe('lists', () => {
  const modalities = row(Tags.ModalitiesInStudy, 'CS', ['CT', 'SR']);

  test('Q-46: any modality of the study matches any of the list', () => {
    const asked = (...values: string[]): MatchingKey =>
      key(Tags.ModalitiesInStudy, 'CS', values.join('\\'), values);
    expect(matches(modalities, asked('MR', 'SR'), options)).toBe('match');
    expect(matches(modalities, asked('MR', 'US'), options)).toBe('no-match');
    expect(matches(modalities, asked('S?'), options)).toBe('match');
  });

  test('Q-22: with multiple value matching all of the list must be there', () => {
    const all = { ...options, multipleValueMatching: true };
    expect(matches(modalities, key(Tags.ModalitiesInStudy, 'CS', 'CT\\SR', ['CT', 'SR']), all)).toBe('match');
    expect(matches(modalities, key(Tags.ModalitiesInStudy, 'CS', 'CT\\MR', ['CT', 'MR']), all)).toBe(
      'no-match',
    );
    const uids = key(Tags.StudyInstanceUID, 'UI', '1.2\\1.3', ['1.2', '1.3']);
    expect(matches(row(Tags.StudyInstanceUID, 'UI', '1.3'), uids, all)).toBe('match');
  });

  test('Q-13: a UID matches one of a list, whole', () => {
    const asked = key(Tags.StudyInstanceUID, 'UI', '1.2.3\\1.2.4', ['1.2.3', '1.2.4']);
    expect(matches(row(Tags.StudyInstanceUID, 'UI', '1.2.4'), asked, options)).toBe('match');
    expect(matches(row(Tags.StudyInstanceUID, 'UI', '1.2.41'), asked, options)).toBe('no-match');
  });
});

describe('numbers', () => {
  test.each<[Vr, string, string, boolean]>([
    ['IS', '007', '7', true],
    ['IS', '7', '+07', true],
    ['IS', '7', '70', false],
    ['DS', '1.50', '1.5', true],
    ['US', '512', '512', true],
    ['US', '512', '256', false],
    ['FD', '0.5', '0.5', true],
    ['AS', '042Y', '042Y', true],
    ['AS', '042Y', '42Y', false],
  ])('Q-15: %s %s against %s is %p', (vr, asked, stored, result) => {
    expect(matches(row(Tags.InstanceNumber, vr, stored), key(Tags.InstanceNumber, vr, asked), options)).toBe(
      result ? 'match' : 'no-match',
    );
  });
});

describe('what is not known', () => {
  test('Q-14: an empty value or wildcards alone match whatever there is', () => {
    for (const value of ['', '*', '**']) {
      expect(matches(new Dataset(), key(Tags.PatientID, 'LO', value), options)).toBe('match');
    }
  });

  test('Q-43: an attribute that was not returned cannot be verified', () => {
    expect(matches(new Dataset(), key(Tags.StudyDescription, 'LO', 'x'), options)).toBe('unverified');
    const bytes = new Dataset().setBytes(Tags.StudyDescription, 'UN', Buffer.from('x'));
    expect(matches(bytes, key(Tags.StudyDescription, 'LO', 'x'), options)).toBe('unverified');
  });

  test('Q-44: an empty required key is unknown and matches, an empty optional one may not have been looked at', () => {
    const empty = new Dataset().setEmpty(Tags.PatientID, 'LO').setEmpty(Tags.StudyDescription, 'LO');
    expect(matches(empty, key(Tags.PatientID, 'LO', 'x'), options)).toBe('match');
    expect(matches(empty, key(Tags.StudyDescription, 'LO', 'x'), options)).toBe('unverified');
    const blank = new Dataset().setBytes(Tags.PatientID, 'LO', Buffer.from('  '));
    expect(matches(blank, key(Tags.PatientID, 'LO', 'x'), options)).toBe('match');
    const exclude: MatchingOptions = { ...options, dateTime: { ...options.dateTime, unknown: 'exclude' } };
    expect(matches(empty, key(Tags.PatientID, 'LO', 'x'), exclude)).toBe('no-match');
    expect(matches(empty, key(Tags.StudyDescription, 'LO', 'x'), exclude)).toBe('unverified');
  });

  test('dates and times without a partner are compared alone', () => {
    const date = key(Tags.StudyDate, 'DA', '20220101-20220103');
    expect(matches(row(Tags.StudyDate, 'DA', '20220102'), date, options)).toBe('match');
    expect(matches(row(Tags.StudyDate, 'DA', '20220104'), date, options)).toBe('no-match');
    expect(matches(new Dataset(), date, options)).toBe('unverified');
    const time = key(Tags.StudyTime, 'TM', '10-11');
    expect(matches(row(Tags.StudyTime, 'TM', '1130'), time, options)).toBe('match');
    expect(matches(row(Tags.StudyTime, 'TM', '1230'), time, options)).toBe('no-match');
    const moment = key(Tags.AcquisitionDateTime, 'DT', '2022');
    expect(matches(row(Tags.AcquisitionDateTime, 'DT', '20220630'), moment, options)).toBe('match');
    expect(matches(row(Tags.AcquisitionDateTime, 'DT', '2023'), moment, options)).toBe('no-match');
  });
});

describe('sequences', () => {
  const step = [Tags.RequestAttributesSequence, Tags.ScheduledProcedureStepID] as const;
  const procedure = [Tags.RequestAttributesSequence, Tags.RequestedProcedureID] as const;
  const item = (one: string, other: string): Dataset =>
    new Dataset().setString(step[1], one, 'SH').setString(procedure[1], other, 'SH');
  const asked = [key(step, 'SH', 'S1'), key(procedure, 'SH', 'P1')];

  test('Q-11: keys of one sequence must match in one item', () => {
    const matcher = createMatcher(asked, options);
    const together = new Dataset().setItems(step[0], [item('S0', 'P0'), item('S1', 'P1')]);
    const apart = new Dataset().setItems(step[0], [item('S1', 'P0'), item('S0', 'P1')]);
    expect([matcher(together), matcher(apart)]).toEqual(['match', 'no-match']);
  });

  test('Q-43, Q-44: a sequence that is not there or has no item cannot be verified', () => {
    const matcher = createMatcher(asked, options);
    expect(matcher(new Dataset())).toBe('unverified');
    expect(matcher(new Dataset().setItems(step[0], []))).toBe('unverified');
    expect(matcher(new Dataset().setItems(step[0], [new Dataset()]))).toBe('unverified');
  });

  test('a universal key within a sequence asks nothing', () => {
    expect(matches(new Dataset(), key(step, 'SH', ''), options)).toBe('match');
  });
});
