/** What the page needs of the DICOM JSON model. @see PS3.18 annex F */
export interface Attribute {
  readonly vr: string;
  readonly Value?: readonly unknown[];
  readonly BulkDataURI?: string;
  readonly InlineBinary?: string;
}

export type Row = Readonly<Partial<Record<string, Attribute>>>;

export const tags = {
  sopClassUid: '00080016',
  sopInstanceUid: '00080018',
  studyDate: '00080020',
  studyTime: '00080030',
  accessionNumber: '00080050',
  modality: '00080060',
  modalitiesInStudy: '00080061',
  studyDescription: '00081030',
  seriesDescription: '0008103E',
  referencedSopInstanceUid: '00081155',
  retrieveUrl: '00081190',
  warningReason: '00081196',
  failureReason: '00081197',
  failedSops: '00081198',
  referencedSops: '00081199',
  otherFailures: '0008119A',
  recommendedFrameRate: '00082144',
  patientName: '00100010',
  patientId: '00100020',
  patientBirthDate: '00100030',
  patientSex: '00100040',
  cineRate: '00180040',
  frameTime: '00181063',
  availableTransferSyntaxes: '00083002',
  studyInstanceUid: '0020000D',
  seriesInstanceUid: '0020000E',
  seriesNumber: '00200011',
  instanceNumber: '00200013',
  seriesInStudy: '00201206',
  instancesInStudy: '00201208',
  instancesInSeries: '00201209',
  samplesPerPixel: '00280002',
  numberOfFrames: '00280008',
  rows: '00280010',
  columns: '00280011',
  bitsStored: '00280101',
  windowCenter: '00281050',
  windowWidth: '00281051',
  rescaleIntercept: '00281052',
  rescaleSlope: '00281053',
} as const;

interface PersonName {
  readonly Alphabetic?: string;
  readonly Ideographic?: string;
  readonly Phonetic?: string;
}

/** A person's name as people write it: `Family, Given`, then in other scripts. */
export function nameText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return plainText(value);
  const { Alphabetic, Ideographic, Phonetic } = value as PersonName;
  const groups = [Alphabetic, Ideographic, Phonetic].map((group) => {
    const [family = '', ...others] = (group ?? '').split('^').map((part) => part.trim());
    return [family, others.filter((part) => part !== '').join(' ')].filter((part) => part !== '').join(', ');
  });
  return groups.filter((group) => group !== '').join(' · ');
}

function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : '';
}

/** A value of any attribute, as text. */
export const valueText = (value: unknown, vr = ''): string =>
  vr === 'PN' ? nameText(value) : plainText(value);

/** All values of an attribute, as text. */
export const textsOf = (row: Row, tag: string): readonly string[] =>
  (row[tag]?.Value ?? []).map((value) => valueText(value, row[tag]?.vr));

/** The first value of an attribute, as text. */
export const textOf = (row: Row, tag: string): string => textsOf(row, tag)[0] ?? '';

/** The first value of an attribute, as a number. */
export function numberOf(row: Row, tag: string): number | undefined {
  const text = textOf(row, tag);
  const value = Number(text);
  return text !== '' && Number.isFinite(value) ? value : undefined;
}

/** The items of a sequence. */
export const itemsOf = (row: Row, tag: string): readonly Row[] =>
  (row[tag]?.Value ?? []).filter((item): item is Row => typeof item === 'object' && item !== null);

/** `2024-01-15`; what is no date stays as it is. */
export const dateText = (text: string): string => text.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');

/** `09:30`, with seconds where they are told. */
export const timeText = (text: string): string =>
  text.replace(
    /^(\d{2})(\d{2})(?:(\d{2})(?:\.\d+)?)?$/,
    (_all, hours: string, minutes: string, seconds?: string) =>
      [hours, minutes, ...(seconds === undefined ? [] : [seconds])].join(':'),
  );

/** What can be shown of an instance. */
export type ContentKind = 'picture' | 'report' | 'document' | 'video' | 'none';

/** Modalities of series that hold no pictures. @see PS3.3 C.7.3.1.1.1 */
const withoutPictures: ReadonlySet<string> = new Set([
  'DOC',
  'ECG',
  'KO',
  'PR',
  'REG',
  'RTPLAN',
  'RTSTRUCT',
  'SR',
]);

/** Whether there may be a thumbnail of a series. */
export const mayHavePicture = (modality: string): boolean => !withoutPictures.has(modality);

const ENCAPSULATED = '1.2.840.10008.5.1.4.1.1.104.';
const STRUCTURED_REPORTS = '1.2.840.10008.5.1.4.1.1.88.';

/** Video endoscopic, microscopic and photographic images. */
const videos: ReadonlySet<string> = new Set(
  ['77.1.1.1', '77.1.2.1', '77.1.4.1'].map((end) => `1.2.840.10008.5.1.4.1.1.${end}`),
);
/** Transfer syntaxes of MPEG-2, MPEG-4 and HEVC. @see PS3.5 A.4.5 to A.4.7 */
const VIDEO_SYNTAX = /^1\.2\.840\.10008\.1\.2\.4\.10[0-8](?:\.1)?$/;

/** By SOP class. @see PS3.4 B.5 */
export function kindOf(sopClassUid: string): ContentKind {
  if (videos.has(sopClassUid)) return 'video';
  if (sopClassUid.startsWith(STRUCTURED_REPORTS)) return 'report';
  return sopClassUid.startsWith(ENCAPSULATED) ? 'document' : 'picture';
}

/**
 * The same by what is known of the instance: its archive may name the transfer syntax, and by its attributes, once they
 * are there, waveforms, plans, presentation states and the like have no frames.
 */
export function contentOf(listed: Row, metadata: Row | undefined): ContentKind {
  const kind = kindOf(textOf(listed, tags.sopClassUid));
  if (kind !== 'picture') return kind;
  if (VIDEO_SYNTAX.test(textOf(listed, tags.availableTransferSyntaxes))) return 'video';
  return metadata !== undefined && metadata[tags.rows] === undefined ? 'none' : kind;
}
