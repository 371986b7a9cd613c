import { describe, expect, test } from '@jest/globals';
import { Dataset, Tags } from '../../../src/dicom/index.js';
import { isSamePatient, patientOfRow, patientOfState, type Patient } from '../../../src/gateway/patient.js';
import { studyState } from '../../../src/gateway/study-state.js';

const of = (id?: string, issuer?: string, name?: string, birthDate?: string): Patient => ({
  id,
  issuer,
  name,
  birthDate,
});

describe('a patient is an id with its issuer', () => {
  test.each<readonly [boolean, string, Patient, Patient]>([
    [true, 'same id, same issuer, whatever the name', of('1', 'N', 'A'), of('1', 'N', 'B')],
    [false, 'same id, other issuer, same name', of('1', 'N', 'A'), of('1', 'S', 'A')],
    [false, 'other id, same issuer', of('1', 'N', 'A'), of('2', 'N', 'A')],
    [false, 'other id, no issuers, same name', of('1', undefined, 'A'), of('2', undefined, 'A')],
    [true, 'same id, no issuers, nothing that contradicts', of('1', undefined, 'A', '2000'), of('1')],
    [false, 'same id, no issuers, other name', of('1', undefined, 'A'), of('1', undefined, 'B')],
    [
      false,
      'same id, no issuers, other birth date',
      of('1', undefined, 'A', '2000'),
      of('1', undefined, 'A', '2001'),
    ],
    [true, 'same id, one issuer, same name', of('1', 'N', 'A'), of('1', undefined, 'A')],
    [false, 'same id, one issuer, other name', of('1', 'N', 'A'), of('1', undefined, 'B')],
    [false, 'an id and none', of('1', undefined, 'A'), of(undefined, undefined, 'A')],
    [true, 'no ids, same name', of(undefined, undefined, 'A'), of(undefined, undefined, 'A')],
  ])('%s: %s', (isSame, _what, one, other) => {
    expect([isSamePatient(one, other), isSamePatient(other, one)]).toEqual([isSame, isSame]);
  });

  const row = (id: string, issuer?: string): Dataset => {
    const dataset = new Dataset().setString(Tags.PatientID, id, 'LO').setString(Tags.PatientName, 'A', 'PN');
    return issuer === undefined ? dataset : dataset.setString(Tags.IssuerOfPatientID, issuer, 'LO');
  };

  test('what a peer said of a study: the configured issuer stands in for one that is empty or missing', () => {
    const state = (id: string, issuer?: string): Patient =>
      patientOfState(studyState(row(id, issuer)).identity, 'N');
    expect(isSamePatient(state('1', 'N'), state('1'))).toBe(true);
    expect(state('1', '').issuer).toBe(state('1', 'N').issuer);
    expect(isSamePatient(state('1', 'S'), state('1'))).toBe(false);
    expect(state('', 'N').id).toBeUndefined();
  });

  test('groups of a name that an archive of one character set has lost are no other patient', () => {
    const named = (text: string): Patient =>
      patientOfState(studyState(new Dataset().setString(Tags.PatientName, text, 'PN')).identity, undefined);
    const whole = named('Yamada^Tarou=山田^太郎=やまだ^たろう');
    expect(isSamePatient(whole, named('YAMADA^TAROU'))).toBe(true);
    expect(isSamePatient(whole, named('Yamada^Hanako'))).toBe(false);
    expect(isSamePatient(whole, named('=山田^太郎'))).toBe(true);
    const shown = patientOfRow({
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山' }] },
    });
    expect(shown.name).toBe(whole.name);
  });

  test('a row of a search: empty is not told', () => {
    const patient = patientOfRow({ '00100020': { vr: 'LO', Value: ['1'] }, '00100010': { vr: 'PN' } });
    expect(patient.name).toBeUndefined();
    expect(isSamePatient(patient, patientOfRow({ '00100020': { vr: 'LO', Value: ['1'] } }))).toBe(true);
    expect(isSamePatient(patient, patientOfRow({ '00100020': { vr: 'LO', Value: ['2'] } }))).toBe(false);
  });
});
