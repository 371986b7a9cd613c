import { describe, expect, test } from '@jest/globals';
import {
  allKeywords,
  attributeByTag,
  parseDicomJson,
  requireStandardVrs,
  type DicomJsonObject,
} from '../../../src/dicom/index.js';

const check = (object: object): void => {
  const [dataset] = parseDicomJson(Buffer.from(JSON.stringify(object))) as [DicomJsonObject];
  requireStandardVrs(dataset);
};
const bytes = { InlineBinary: 'AAAAAAAA' };

describe('S-05: a VR that PS3.6 has for no attribute of that tag', () => {
  test.each([
    ['00100020', { vr: 'US', Value: [1] }, 'PatientID (0010,0020) has the VR US, in the standard LO.'],
    ['00280010', { vr: 'LO', Value: ['512'] }, 'Rows (0028,0010) has the VR LO, in the standard US.'],
    ['00280010', { vr: 'UL', Value: [512] }, 'Rows (0028,0010)'],
    ['00280009', { vr: 'UL', Value: [512] }, 'FrameIncrementPointer (0028,0009)'],
    ['00081140', { vr: 'OB', ...bytes }, 'ReferencedImageSequence (0008,1140)'],
    ['00080060', { vr: 'SQ', Value: [{}] }, 'Modality (0008,0060)'],
    ['00189328', { vr: 'FL', Value: [1] }, 'ExposureTimeInms (0018,9328)'],
    ['00189328', { vr: 'SV', Value: [1] }, 'ExposureTimeInms (0018,9328)'],
    ['00100020', { vr: 'OB', BulkDataURI: 'a' }, 'PatientID (0010,0020)'],
    ['00080018', { vr: 'LO', Value: ['1.2.3'] }, 'SOPInstanceUID (0008,0018)'],
    ['60020010', { vr: 'LO', Value: ['512'] }, 'OverlayRows (6002,0010)'],
  ])('is refused by name: %s as %j', (tag, element, message) => {
    expect(() => {
      check({ [tag]: element });
    }).toThrow(message);
    expect(() => {
      check({ '00081115': { vr: 'SQ', Value: [{}, { [tag]: element }] } });
    }).toThrow(message);
  });

  test.each([
    ['US or SS', '00280106', { vr: 'SS', Value: [-1] }],
    ['OB or OW', '7FE00010', { vr: 'OB', ...bytes }],
    ['US or OW', '00283006', { vr: 'US', Value: [1] }],
    ['words that were numbers once', '00281201', { vr: 'US', Value: [1] }],
    ['bytes for words', '00281201', { vr: 'OB', ...bytes }],
    ['text of another edition', '00080100', { vr: 'LO', Value: ['x'] }],
    ['UN', '00100020', { vr: 'UN', ...bytes }],
    ['no value', '00280010', { vr: 'LO' }],
    ['no value, where there were items', '00081140', { vr: 'LO', Value: [] }],
    ['private', '00091001', { vr: 'US', Value: [1] }],
    ['a private creator', '00090010', { vr: 'SH', Value: ['x'] }],
    ['what PS3.6 does not have', '00080007', { vr: 'US', Value: [1] }],
    ['none at all', '00280010', { Value: [1] }],
  ])('passes where it is no contradiction: %s', (_what, tag, element) => {
    expect(() => {
      check({ [tag]: element });
    }).not.toThrow();
  });

  test('is none of those that PS3.6 has', () => {
    for (const name of Object.keys(allKeywords())) {
      const vr = attributeByTag(Number.parseInt(name, 16))?.vr ?? 'UN';
      expect(() => {
        requireStandardVrs({ [name]: { vr, Value: [] } });
      }).not.toThrow();
    }
  });
});
