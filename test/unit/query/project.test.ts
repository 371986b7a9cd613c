import { describe, expect, test } from '@jest/globals';
import { Dataset, Tags, type DicomJsonObject } from '../../../src/dicom/index.js';
import { retrieveUrl, type SearchLevel, type SearchRequest } from '../../../src/dicomweb/index.js';
import { defaultPeerQueryProfile, planSearch } from '../../../src/query/index.js';

function project(
  asked: Partial<SearchRequest> & { level: SearchLevel },
  ...rows: Dataset[]
): DicomJsonObject {
  const request: SearchRequest = {
    matchingKeys: [],
    includeFields: [],
    includeAll: false,
    offset: 0,
    fuzzyMatching: false,
    emptyValueMatching: false,
    multipleValueMatching: false,
    warnings: [],
    ...asked,
  };
  const url = (target: Parameters<typeof retrieveUrl>[1]): string =>
    retrieveUrl('https://gw.example/dicomweb', target);
  return planSearch(request, defaultPeerQueryProfile).project(rows, url);
}

const study = (): Dataset =>
  new Dataset()
    .setString(Tags.QueryRetrieveLevel, 'STUDY', 'CS')
    .setString(Tags.StudyInstanceUID, '1.2', 'UI')
    .setString(Tags.PatientID, 'P', 'LO');
const series = (): Dataset =>
  new Dataset()
    .setString(Tags.QueryRetrieveLevel, 'SERIES', 'CS')
    .setString(Tags.StudyInstanceUID, '1.2', 'UI')
    .setString(Tags.SeriesInstanceUID, '1.3', 'UI')
    .setString(Tags.Modality, 'CT', 'CS');
const image = (): Dataset =>
  new Dataset().setString(Tags.SOPInstanceUID, '1.4', 'UI').setEmpty(Tags.Rows, 'US');

describe('results', () => {
  test('Q-32, Q-36, Q-41, Q-42: required attributes are there even if empty, in order, with the URL', () => {
    const result = project({ level: 'STUDY' }, study());
    expect(result).toEqual({
      '00080020': { vr: 'DA' },
      '00080030': { vr: 'TM' },
      '00080050': { vr: 'SH' },
      '00080090': { vr: 'PN' },
      '00081190': { vr: 'UR', Value: ['https://gw.example/dicomweb/studies/1.2'] },
      '00100010': { vr: 'PN' },
      '00100020': { vr: 'LO', Value: ['P'] },
      '00100030': { vr: 'DA' },
      '00100040': { vr: 'CS' },
      '0020000D': { vr: 'UI', Value: ['1.2'] },
      '00200010': { vr: 'SH' },
      '00201206': { vr: 'IS' },
      '00201208': { vr: 'IS' },
    });
    expect(Object.keys(result)).toEqual(Object.keys(result).sort());
  });

  test('Q-42: an empty ModalitiesInStudy is left out, asked for or not', () => {
    const row = study().setEmpty(Tags.ModalitiesInStudy, 'CS');
    expect(project({ level: 'STUDY' }, row)).not.toHaveProperty('00080061');
    expect(project({ level: 'STUDY', includeFields: [[Tags.ModalitiesInStudy]] }, row)).not.toHaveProperty(
      '00080061',
    );
    row.setString(Tags.ModalitiesInStudy, ['CT', 'SR'], 'CS');
    expect(project({ level: 'STUDY' }, row)).toHaveProperty('00080061', { vr: 'CS', Value: ['CT', 'SR'] });
  });

  test('Q-34: the level, group lengths and what nobody asked for are left out, the retrieve AE title is kept', () => {
    const row = study()
      .setString(Tags.RetrieveAETitle, 'PACS', 'AE')
      .setString(0x00080000, '4', 'UL')
      .setString(Tags.RetrieveURL, 'http://peer.example', 'UR')
      .setString(Tags.Modality, 'CT', 'CS');
    const result = project({ level: 'STUDY' }, row);
    expect(result).toHaveProperty('00080054', { vr: 'AE', Value: ['PACS'] });
    expect(result).toHaveProperty('00081190', {
      vr: 'UR',
      Value: ['https://gw.example/dicomweb/studies/1.2'],
    });
    for (const key of ['00080000', '00080052', '00080060']) expect(result).not.toHaveProperty(key);
  });

  test('Q-32: match attributes and include fields are returned when the peer returns them', () => {
    const row = study().setEmpty(Tags.StudyDescription, 'LO').setString(Tags.IssuerOfPatientID, 'X', 'LO');
    const result = project(
      {
        level: 'STUDY',
        includeFields: [[Tags.StudyDescription], [Tags.PatientComments]],
        matchingKeys: [{ path: [Tags.IssuerOfPatientID], vr: 'LO', value: 'X', values: ['X'] }],
      },
      row,
    );
    expect(result).toHaveProperty('00081030', { vr: 'LO' });
    expect(result).toHaveProperty('00100021', { vr: 'LO', Value: ['X'] });
    expect(result).not.toHaveProperty('00104000');
  });

  test('Q-19: includefield=all returns the optional attributes that the peer does', () => {
    const row = study().setString(Tags.StudyDescription, 'Head', 'LO');
    expect(project({ level: 'STUDY', includeAll: true }, row)).toHaveProperty('00081030', {
      vr: 'LO',
      Value: ['Head'],
    });
    expect(project({ level: 'STUDY' }, row)).not.toHaveProperty('00081030');
  });

  test('Q-35: (0008,0005) says UTF-8 when anything is not ASCII, in names and sequences too', () => {
    const key = '00080005';
    expect(project({ level: 'STUDY' }, study())).not.toHaveProperty(key);
    const named = project({ level: 'STUDY' }, study().setString(Tags.PatientName, 'Äneas', 'PN'));
    expect(named).toHaveProperty(key, { vr: 'CS', Value: ['ISO_IR 192'] });
    expect(Object.keys(named)[0]).toBe(key);
    const item = new Dataset().setString(Tags.ScheduledProcedureStepID, 'Ä', 'SH');
    const nested = series().setItems(Tags.RequestAttributesSequence, [item]);
    expect(project({ level: 'SERIES', studyInstanceUid: '1.2' }, nested)).toHaveProperty(key);
    const unasked = study().setString(Tags.StudyDescription, 'Schädel', 'LO');
    expect(project({ level: 'STUDY' }, unasked)).not.toHaveProperty(key);
  });

  test('Q-35: a row is decoded by its own character set', () => {
    const row = study()
      .setString(Tags.SpecificCharacterSet, 'ISO_IR 100', 'CS')
      .setBytes(Tags.PatientID, 'LO', Buffer.from([0xc4]));
    expect(project({ level: 'STUDY' }, row)).toHaveProperty('00100020', { vr: 'LO', Value: ['Ä'] });
  });

  test('Q-37, Q-41: a series of a study in the URL has its own attributes and URL, and the UID of the study', () => {
    const row = series();
    row.delete(Tags.StudyInstanceUID);
    expect(project({ level: 'SERIES', studyInstanceUid: '1.2' }, row)).toEqual({
      '00080060': { vr: 'CS', Value: ['CT'] },
      '00081190': { vr: 'UR', Value: ['https://gw.example/dicomweb/studies/1.2/series/1.3'] },
      '0020000D': { vr: 'UI', Value: ['1.2'] },
      '0020000E': { vr: 'UI', Value: ['1.3'] },
      '00200011': { vr: 'IS' },
      '00201209': { vr: 'IS' },
    });
  });

  test('Q-33: a walk over all levels joins their attributes', () => {
    const matchingKeys = [{ path: [Tags.PatientID], vr: 'LO' as const, value: 'P', values: ['P'] }];
    const result = project({ level: 'IMAGE', matchingKeys }, study(), series(), image());
    expect(result).toHaveProperty('00100020', { vr: 'LO', Value: ['P'] });
    expect(result).toHaveProperty('00080060', { vr: 'CS', Value: ['CT'] });
    expect(result).toHaveProperty('00080018', { vr: 'UI', Value: ['1.4'] });
    expect(result).toHaveProperty('00080016', { vr: 'UI' });
    expect(result).not.toHaveProperty('00280010');
    const url = 'https://gw.example/dicomweb/studies/1.2/series/1.3/instances/1.4';
    expect(result).toHaveProperty('00081190', { vr: 'UR', Value: [url] });
    expect(Object.keys(result)).toEqual(Object.keys(result).sort());
  });

  test('Q-33: include fields of a level above come from its row, and nothing else does', () => {
    const above = study().setString(Tags.StudyDescription, 'Head', 'LO');
    const asked = {
      level: 'SERIES' as const,
      studyInstanceUid: '1.2',
      includeFields: [[Tags.StudyDescription]],
    };
    const result = project(asked, above, series());
    expect(result).toHaveProperty('00081030', { vr: 'LO', Value: ['Head'] });
    expect(result).not.toHaveProperty('00100020');
  });

  test('Q-47: an instance shows the transfer syntaxes that the peer names, and no other', () => {
    const row = image().setString(Tags.AvailableTransferSyntaxUID, '1.2.840.10008.1.2.1', 'UI');
    const asked = { level: 'IMAGE' as const, studyInstanceUid: '1.2', seriesInstanceUid: '1.3' };
    expect(project(asked, row)).toHaveProperty('00083002', { vr: 'UI', Value: ['1.2.840.10008.1.2.1'] });
    expect(project(asked, image())).not.toHaveProperty('00083002');
  });
});
