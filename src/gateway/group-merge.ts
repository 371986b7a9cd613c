import { formatTag, Tags, type DicomJsonElement, type DicomJsonObject } from '../dicom/index.js';
import { hasValue } from './patient.js';

const CHARACTER_SET = formatTag(Tags.SpecificCharacterSet);
const MODALITIES = formatTag(Tags.ModalitiesInStudy);
const SOP_CLASSES = formatTag(Tags.SOPClassesInStudy);
const SERIES_COUNT = formatTag(Tags.NumberOfStudyRelatedSeries);
const INSTANCE_COUNT = formatTag(Tags.NumberOfStudyRelatedInstances);
const IN_SERIES_COUNT = formatTag(Tags.NumberOfSeriesRelatedInstances);
/** What is not the same at every member, and cannot be taken from one of them. */
const OF_MEMBER = new Set([MODALITIES, SOP_CLASSES, SERIES_COUNT, INSTANCE_COUNT, IN_SERIES_COUNT]);

/** What members hold of a study together, as far as it is known. */
export interface UnionCounts {
  readonly series: number | undefined;
  readonly instances: number | undefined;
  /** Of all series; undefined when one does not tell. */
  readonly modalities: readonly string[] | undefined;
}

/** The attributes of `row`, and those that it lacks from the first of `others` that has them. */
export function fill(row: DicomJsonObject, others: readonly DicomJsonObject[]): DicomJsonObject {
  const filled: DicomJsonObject = { ...row };
  for (const other of others)
    for (const [key, element] of Object.entries(other)) {
      if (OF_MEMBER.has(key) || !hasValue(element) || hasValue(filled[key])) continue;
      filled[key] = element;
      // Text of another row may not be ASCII.
      const set = other[CHARACTER_SET];
      if (set) filled[CHARACTER_SET] ??= set;
    }
  return inOrder(filled);
}

function inOrder(row: DicomJsonObject): DicomJsonObject {
  return Object.fromEntries(Object.entries(row).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Every value of an element in all rows, once; undefined when one of them has none. */
function valuesIn(rows: readonly DicomJsonObject[], key: string): readonly string[] | undefined {
  const all = new Set<string>();
  for (const row of rows) {
    const element = row[key];
    if (!hasValue(element)) return undefined;
    for (const value of element?.Value ?? []) if (typeof value === 'string') all.add(value);
  }
  return [...all].sort();
}

const count = (value: number | undefined): DicomJsonElement =>
  value === undefined ? { vr: 'IS' } : { vr: 'IS', Value: [value] };

/**
 * A row with attributes of a study that several members hold: what all of it amounts to. Counts that are not known are
 * empty, for those of one member would be too small; so are SOP classes; modalities are left out.
 */
export function withStudyUnion(
  row: DicomJsonObject,
  parts: readonly DicomJsonObject[],
  counts: UnionCounts | undefined,
): DicomJsonObject {
  const { [MODALITIES]: _ofOne, ...united } = row;
  if (row[SERIES_COUNT]) united[SERIES_COUNT] = count(counts?.series);
  if (row[INSTANCE_COUNT]) united[INSTANCE_COUNT] = count(counts?.instances);
  const told = valuesIn(parts, MODALITIES);
  const modalities = counts?.modalities ?? told;
  if (modalities && modalities.length > 0)
    united[MODALITIES] = { vr: 'CS', Value: [...new Set([...modalities, ...(told ?? [])])].sort() };
  if (row[SOP_CLASSES]) {
    const classes = valuesIn(parts, SOP_CLASSES);
    united[SOP_CLASSES] = classes ? { vr: 'UI', Value: [...classes] } : { vr: 'UI' };
  }
  return inOrder(united);
}

/** A row of a series that several members hold. */
export function withSeriesUnion(row: DicomJsonObject, instances: number | undefined): DicomJsonObject {
  return row[IN_SERIES_COUNT] ? { ...row, [IN_SERIES_COUNT]: count(instances) } : row;
}

/** Whether a row has a place for the number of instances in its series, and no number. */
export const lacksCount = (row: DicomJsonObject): boolean =>
  row[IN_SERIES_COUNT] !== undefined && instancesIn(row) === undefined;

/** What a row says of the number of instances in its series. */
export function instancesIn(row: DicomJsonObject): number | undefined {
  const [value] = row[IN_SERIES_COUNT]?.Value ?? [];
  const number = typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' ? number : undefined;
}

/** The modality of a row of a series. */
export function modalityIn(row: DicomJsonObject): string | undefined {
  const [value] = row[formatTag(Tags.Modality)]?.Value ?? [];
  return typeof value === 'string' ? value : undefined;
}

/** A row without an issuer that nobody asked for and that has no value. */
export function withoutEmptyIssuer(row: DicomJsonObject): DicomJsonObject {
  const key = formatTag(Tags.IssuerOfPatientID);
  if (row[key] === undefined || hasValue(row[key])) return row;
  return Object.fromEntries(Object.entries(row).filter(([name]) => name !== key));
}
