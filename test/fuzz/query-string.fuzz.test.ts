import { describe, expect } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../src/core/index.js';
import { encodeDataset, TransferSyntaxes } from '../../src/dicom/index.js';
import { parseSearch, requireUtf8, type SearchLevel, type SearchPath } from '../../src/dicomweb/index.js';
import { statusOf } from '../../src/http/status.js';
import { defaultPeerQueryProfile, planSearch, type PeerQueryProfile } from '../../src/query/index.js';
import { fuzz } from '../helpers/fuzz.js';
import { syntaxes } from '../helpers/fixtures.js';
import { readElements } from '../helpers/independent-reader.js';

const resources: readonly (readonly [SearchLevel, SearchPath])[] = [
  ['STUDY', {}],
  ['SERIES', {}],
  ['IMAGE', {}],
  ['SERIES', { study: '1.2' }],
  // Where keys of all levels are right.
  ['IMAGE', {}],
  ['IMAGE', {}],
  ['IMAGE', { study: '1.2' }],
  ['IMAGE', { study: '1.2', series: '1.2.3' }],
];

const names = [
  'PatientName',
  '00100010',
  'PatientID',
  'StudyDate',
  'StudyTime',
  'StudyInstanceUID',
  '0020000d',
  'ModalitiesInStudy',
  'Modality',
  'SeriesInstanceUID',
  'SOPInstanceUID',
  'InstanceNumber',
  'AcquisitionDateTime',
  'ContentDate',
  'ContentTime',
  'OtherPatientIDsSequence.PatientID',
  'RequestAttributesSequence.00400009',
  '00400275.00400008.00080100',
  'RequestAttributesSequence',
  '00230010',
  '00231001',
  '00101002.00230010',
  '00101002.00231001',
  'PatientWeight',
  'StudyDescription',
  'ImageComments',
  'CodingSchemeURL',
  'Rows',
  'FrameIncrementPointer',
  'PatientAge',
  'TimezoneOffsetFromUTC',
  'SpecificCharacterSet',
  'InstanceAvailability',
  'RetrieveURL',
  'PixelData',
  'FFFEE000',
  'FFFCFFFC',
  '60000010',
  '50xx0010',
  '00080000',
  '00020010',
  '00000000',
  'PatientNam',
  'patientName',
  '',
  '.',
  '..',
  'includefield',
  'limit',
  'offset',
  'fuzzymatching',
  'emptyvaluematching',
  'multiplevaluematching',
  'accept',
  'charset',
  'x',
  '__proto__',
  'constructor',
];
const values = [
  '',
  '""',
  '%22%22',
  'DOE^JOHN',
  'D*',
  '?',
  '*',
  '**',
  'a%5Cb',
  'CT',
  'CT,MR',
  'CT%5CMR',
  '1.2',
  '1.2,1.3',
  '1.2%5C1.3',
  '1.',
  '01',
  '20220101',
  '20220101-20220103',
  '-20220101',
  '20220101-',
  '-',
  '--',
  '1000-1600',
  '2200-0600',
  '10',
  '-10',
  '20220101100000-0500',
  '2022-2023',
  '20220101100000.123456%2B0100-',
  '99991231235959.999999',
  '00000101',
  '0',
  '-0',
  '1',
  '-1',
  '+1',
  '1e3',
  '9'.repeat(40),
  '042Y',
  '00181063',
  'true',
  'false',
  'all',
  'all,PatientID',
  '%2B0200',
  '-1200',
  'é',
  '%C3%A9',
  '%E5%B1%B1',
  '%F0%9F%98%80',
  'e%CC%81',
  '%EF%BF%BD',
  '%EF%BF%BF',
  '%00',
  '%0D%0A',
  '%1B%24B',
  '%',
  '%zz',
  '%C0%AF',
  '%ED%A0%80',
  '%EF%BB%BF',
  'http://x/',
  'utf-8',
  '*;q=0',
  'application/dicom+json',
  'x'.repeat(70_000),
  '1.2,'.repeat(300) + '1.2',
  '%5C'.repeat(50),
  '.'.repeat(70),
];

/** A value, a few joined by what joins, or one with something in the middle. */
const value = fc.oneof(
  fc.constantFrom(...values),
  fc
    .tuple(
      fc.constantFrom(...values),
      fc.constantFrom(',', '%2C', '\\', '%5C', '-', '=', '^', '+', ''),
      fc.constantFrom(...values),
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 12 }).map((text) => encodeURIComponent(text)),
  fc.string({ maxLength: 12 }),
);
const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...names) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)).map((two) => two.join('.')),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 0xffffffff }).map((tag) => tag.toString(16).padStart(8, '0')),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 10 }) },
);
/** Parameters that are right by themselves, so that what they do together is reached too. */
const right = fc.constantFrom(
  'PatientName=D*',
  'PatientName=%E5%B1%B1',
  'PatientID=a?%C3%A9~',
  'StudyDescription=%F0%9F%98%80x',
  'StudyDate=20220101-20220103',
  'StudyTime=1000-1600',
  'TimezoneOffsetFromUTC=%2B0200',
  'ModalitiesInStudy=CT,MR',
  'multiplevaluematching=true',
  'emptyvaluematching=true',
  'OtherPatientIDsSequence.PatientID=1',
  'OtherPatientIDsSequence.00230010=A&OtherPatientIDsSequence.00231001=%C3%A9',
  'includefield=OtherPatientIDsSequence,StudyDescription',
  'includefield=00101002.PatientID,00400275.00400009,00400275',
  'includefield=all',
  'StudyInstanceUID=1.2,1.3',
  'SeriesInstanceUID=1.2.3',
  'SeriesDate=20220101-',
  'Modality=C*',
  'RequestAttributesSequence.ScheduledProcedureStepID=x',
  'AcquisitionDateTime=2022-2023',
  'InstanceNumber=007',
  'limit=5&offset=1',
);
const wrong = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(name, value).map((pair) => pair.join('=')) },
  { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
);
const query = fc
  .tuple(
    fc.uniqueArray(right, { maxLength: 6, selector: (pair) => pair.slice(0, 12) }),
    fc.oneof(fc.constant([]), fc.array(wrong, { maxLength: 3 })),
  )
  .map(([good, bad]) => [...good, ...bad].join('&'));

const profile: fc.Arbitrary<PeerQueryProfile> = fc.record({
  characterSets: fc.constantFrom<readonly string[]>(
    ['ISO_IR 100', 'ISO_IR 192'],
    ['ISO_IR 6'],
    ['\\ISO 2022 IR 87'],
    ['GBK'],
    ['ISO_IR 13'],
  ),
  unencodable: fc.constantFrom('wildcard' as const, 'reject' as const),
  characterSetReturnKey: fc.boolean(),
  dateTime: fc.constant(defaultPeerQueryProfile.dateTime),
});

/** What is never a key: C-FIND forbids it, or it is no element of a dataset. */
const forbidden = /^(?:0000|0002|FFF[CEF])|^....0000$|^00080056$|^00080054$/;

/** Everything that happens before the peer is asked. */
function ask(text: string, [level, path]: (typeof resources)[number], peer: PeerQueryProfile): void {
  requireUtf8(text, undefined);
  const plan = planSearch(parseSearch(level, path, text), peer);
  for (const step of plan.steps) {
    const identifier = step.identifier({ studyInstanceUid: '1.2', seriesInstanceUid: '1.2.3' });
    encodeDataset(identifier, TransferSyntaxes.ImplicitVrLittleEndian);
    const bytes = encodeDataset(identifier, TransferSyntaxes.ExplicitVrLittleEndian);
    const elements = readElements(bytes, syntaxes.explicitLittle);
    const tags = elements.map((element) => element.path);
    expect(tags.filter((one) => forbidden.test(one.slice(-8)))).toEqual([]);
    expect(tags).toEqual([...new Set(tags)]);
    const charset = elements.find((element) => element.path === '00080005');
    const isPlain = elements.every(({ value }) => value.every((byte) => byte < 0x80 && byte !== 0x1b));
    if (isPlain && charset !== undefined)
      expect([peer.characterSetReturnKey, charset.value.length]).toEqual([true, 0]);
    if (!isPlain) expect(charset?.value.length).toBeGreaterThan(0);
  }
}

describe('AS-3: whatever is in a query', () => {
  fuzz(
    'is an identifier that can be sent, or the client’s error',
    fc.tuple(query, fc.constantFrom(...resources), profile),
    ([text, resource, peer]) => {
      try {
        ask(text, resource, peer);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        expect(Math.floor(statusOf[error.code] / 100)).toBe(4);
        // No value in a message: it may be a patient's.
        expect(error.message.length).toBeLessThan(500);
      }
    },
  );
});
