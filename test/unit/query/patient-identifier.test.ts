import { describe, expect, test } from '@jest/globals';
import { Dataset, datasetToJson, Tags } from '../../../src/dicom/index.js';
import {
  addPatient,
  asksOfPatient,
  belowPatient,
  isOf,
  listingIdentifier,
  patientIdOf,
  splitByPatient,
} from '../../../src/query/index.js';

describe('2.1: identifiers of the Study Root for a peer of the Patient Root', () => {
  test('what belongs to patients goes to their level, the rest below it', () => {
    const parts = splitByPatient(listingIdentifier('STUDY', { studyInstanceUid: '1.2' }));
    expect(asksOfPatient(parts)).toBe(true);
    expect(parts.patient.has(Tags.PatientName) && parts.patient.has(Tags.PatientBirthDate)).toBe(true);
    expect(parts.patient.has(Tags.StudyInstanceUID)).toBe(false);
    expect(parts.study.string(Tags.StudyInstanceUID)).toBe('1.2');
    expect(parts.study.has(Tags.PatientName) || parts.study.has(Tags.PatientID)).toBe(false);
    expect(asksOfPatient(splitByPatient(new Dataset().setString(Tags.PatientID, 'P')))).toBe(false);
  });

  test('the identifier below a patient is a copy with its unique key', () => {
    const series = listingIdentifier('SERIES', { studyInstanceUid: '1.2' });
    const below = belowPatient(series, 'Ä1');
    expect(below.string(Tags.PatientID)).toBe('Ä1');
    expect(series.has(Tags.PatientID)).toBe(false);
    expect(belowPatient(below, 'P2', '1.3').strings(Tags.StudyInstanceUID)).toEqual(['1.3']);
  });

  test.each([
    ['P1', 'P1'],
    ['', undefined],
    ['P*', undefined],
    ['P?', undefined],
    ['P1\\P2', undefined],
  ])('the Patient ID %j names %j', (value, id) => {
    expect(patientIdOf(new Dataset().setString(Tags.PatientID, value))).toBe(id);
  });

  test('text of a patient is read by the character set of its own row', () => {
    const row = new Dataset()
      .setBytes(Tags.SpecificCharacterSet, 'CS', Buffer.from('ISO_IR 192'))
      .setBytes(Tags.StudyDescription, 'LO', Buffer.from('Schädel', 'utf8'));
    const patient = new Dataset()
      .setBytes(Tags.SpecificCharacterSet, 'CS', Buffer.from('ISO_IR 100'))
      .setBytes(Tags.PatientName, 'PN', Buffer.from('Müller^Jörg', 'latin1'));
    addPatient(row, 'P1', [patient]);
    expect(datasetToJson(row)).toMatchObject({
      '00081030': { Value: ['Schädel'] },
      '00100010': { Value: [{ Alphabetic: 'Müller^Jörg' }] },
      '00100020': { Value: ['P1'] },
    });
  });

  test('what the study says itself stays, and patients of one id who differ tell nothing', () => {
    const patient = (name: string): Dataset =>
      new Dataset().setString(Tags.PatientName, name).setString(Tags.PatientSex, 'F');
    const row = new Dataset().setString(Tags.PatientName, 'OWN^NAME');
    addPatient(row, 'P1', [patient('A^B')]);
    expect(row.string(Tags.PatientName)).toBe('OWN^NAME');
    const other = new Dataset();
    addPatient(other, 'P1', [patient('A^B'), patient('C^D')]);
    expect(other.has(Tags.PatientName)).toBe(false);
    expect(other.string(Tags.PatientSex)).toBe('F');
  });

  test('a row is of the patient that it names, or of any where it names none', () => {
    expect(isOf(new Dataset().setString(Tags.PatientID, 'P1 '), 'P1')).toBe(true);
    expect(isOf(new Dataset().setString(Tags.PatientID, 'P2'), 'P1')).toBe(false);
    expect(isOf(new Dataset(), 'P1')).toBe(true);
  });
});
