import { describe, expect, test } from '@jest/globals';
import { Dataset, Tags } from '../../../src/dicom/index.js';
import { baselineQueryOptions } from '../../../src/core/index.js';
import { findNegotiation, negotiatedOptions } from '../../../src/dimse/extended-negotiation.js';
import { FindNeeds, meaningOf } from '../../../src/dimse/find-meaning.js';
import type { FixedFacts } from '../../../src/dimse/peer-facts.js';
import { PeerKnowledge } from '../../../src/dimse/peer-knowledge.js';
import { SopClasses } from '../../../src/dimse/uids.js';

const all = {
  relational: true,
  dateTime: true,
  fuzzy: true,
  timezone: true,
  emptyValue: true,
  multipleValue: true,
};
const none = baselineQueryOptions;
const findItem = (...bytes: number[]) => ({
  sopClassUid: SopClasses.studyRootFind,
  information: Buffer.from(bytes),
});

describe('the bytes of the sub-item (Q-54)', () => {
  test('propose every option but the conversion of enhanced images', () => {
    expect([...findNegotiation().information]).toEqual([1, 1, 1, 1, 0, 1, 1]);
  });

  test('propose what is wanted', () => {
    expect([...findNegotiation((name) => name === 'timezone').information]).toEqual([0, 0, 0, 1, 0, 0, 0]);
  });

  test.each([
    ['all of them', [findItem(1, 1, 1, 1, 0, 1, 1)], all],
    ['bytes more', [findItem(1, 1, 1, 1, 1, 1, 1, 1, 1)], all],
    ['fewer bytes', [findItem(1, 1)], { ...none, relational: true, dateTime: true }],
    ['one byte', [findItem(0)], none],
    ['an item without bytes', [findItem()], none],
    ['bytes that are neither 0 nor 1', [findItem(2, 255)], none],
    ['no item', [], none],
    ['an item of another SOP class', [{ sopClassUid: '1.2.3', information: Buffer.of(1) }], none],
  ])('returned with %s mean what they say, and what is missing is not accepted', (_, returned, expected) => {
    expect(negotiatedOptions([findNegotiation()], returned)).toEqual(expected);
  });

  test('say nothing of what was not proposed, whatever is returned', () => {
    const proposed = [findNegotiation((name) => name === 'relational')];
    expect(negotiatedOptions(proposed, [findItem(1, 1, 1)])).toEqual({ relational: true });
  });
});

const study = (): Dataset => new Dataset().setEmpty(Tags.StudyInstanceUID);

describe('which options change what an identifier means', () => {
  test.each<[string, Dataset, string[]]>([
    ['return keys', study().setEmpty(Tags.PatientName).setEmpty(Tags.StudyTime), []],
    ['a UID list', new Dataset().setString(Tags.StudyInstanceUID, ['1.2', '1.3']), []],
    ['a date', study().setString(Tags.StudyDate, '20220101-20220103'), []],
    [
      'a date and a time (DT-22)',
      study().setString(Tags.StudyDate, '20220101-20220103').setString(Tags.StudyTime, '1000-1600'),
      ['dateTime'],
    ],
    ['a name', study().setString(Tags.PatientName, 'A*'), ['fuzzy']],
    ['a zone (DT-41)', study().setString(Tags.TimezoneOffsetFromUTC, '+0100'), ['timezone']],
    ['an empty value', study().setString(Tags.AccessionNumber, '""'), ['emptyValue']],
    ['a list of values', study().setString(Tags.ModalitiesInStudy, ['CT', 'MR']), ['multipleValue']],
    [
      'a name in an item',
      study().setItems(Tags.RequestAttributesSequence, [
        new Dataset().setString(Tags.ReferringPhysicianName, 'A'),
      ]),
      ['fuzzy'],
    ],
  ])('%s', (_, identifier, expected) => {
    expect([...meaningOf('STUDY', identifier)]).toEqual(expected);
  });
});

describe('a search', () => {
  const needs = (planned = none, fixed: FixedFacts = {}, known: Partial<typeof none> = {}): FindNeeds => {
    const clock = { now: () => 0, after: () => () => undefined };
    const knowledge = new PeerKnowledge({ peer: 'main', clock, observe: () => undefined, fixed });
    for (const [name, value] of Object.entries(known))
      knowledge.learn(name as keyof typeof known, value, 1000);
    const identifier = study()
      .setString(Tags.StudyDate, '20220101-20220103')
      .setString(Tags.StudyTime, '1000-1600')
      .setString(Tags.PatientName, 'A*');
    return new FindNeeds({ level: 'STUDY', identifier, planned }, knowledge);
  };

  test.each([
    [none, none, true],
    [none, { ...none, dateTime: true }, false],
    [none, { ...none, fuzzy: true }, false],
    [none, { ...none, timezone: true, emptyValue: true, multipleValue: true, relational: true }, true],
    [{ ...none, dateTime: true }, { ...none, dateTime: true }, true],
    [{ ...none, dateTime: true }, none, false],
  ])('planned for %j may run where %j was accepted: %s', (planned, options, expected) => {
    expect(needs(planned).areMetBy({ options })).toBe(expected);
  });

  test('proposes nothing that would change its meaning', () => {
    const { wants } = needs();
    expect([wants('relational'), wants('dateTime'), wants('fuzzy'), wants('timezone')]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  test('proposes what it was planned for', () => {
    const { wants } = needs({ ...none, dateTime: true });
    expect([wants('dateTime'), wants('fuzzy')]).toEqual([true, false]);
  });

  test('goes by the configuration where that says how the peer is', () => {
    const subject = needs(none, { dateTime: true, timezone: false });
    expect(subject.areMetBy({ options: none })).toBe(true);
    expect(subject.wants('timezone')).toBe(false);
  });
});
