import { attributeByTag, Tags, type Dataset, type Tag } from '../dicom/index.js';
import type { Key, ProbeLevel, StudyProbe } from './study-probe.js';

/** Numbers that are tried, by the level whose rows have them. */
const numberKeys: Readonly<Record<ProbeLevel, readonly Tag[]>> = {
  STUDY: [Tags.PatientSize, Tags.PatientWeight],
  SERIES: [Tags.SeriesNumber],
  IMAGE: [Tags.InstanceNumber],
};
/** Attributes of several values. */
const listKeys: Readonly<Record<ProbeLevel, readonly Tag[]>> = {
  STUDY: [],
  SERIES: [],
  IMAGE: [Tags.ImageType],
};
const NO_NUMBER = '987654321';
const NO_CODE = 'ZZ9QX';
/** Most values of one attribute that are tried. */
const MOST_VALUES = 4;

/** What the searches for keys told. */
export interface KeyFindings {
  /** Keywords of the keys that it matches however they are written. */
  readonly trusted: readonly string[];
  /** Keywords of the keys by which it found what it should not, or too little. */
  readonly doubtful: readonly string[];
  /** Keywords of the keys that it refuses to search by, or of which the study has no value that tells anything. */
  readonly untold: readonly string[];
}

/**
 * Finds out of keys that are numbers, or have several values, whether the peer matches by them as the standard says: a number
 * with blanks and zeros that its value does not need, and each of the values. Both by the study itself, its first series
 * and the first instance of that.
 *
 * @throws GatewayError when the peer says nothing more
 * @see PS3.4 C.2.2.2.1
 */
export async function probeKeys(probe: StudyProbe, row: Dataset): Promise<KeyFindings> {
  const studyUid: Key = [Tags.StudyInstanceUID, probe.study.studyInstanceUid];
  const series = await probe.firstBelow('SERIES', [studyUid]);
  const seriesUid: Key = [Tags.SeriesInstanceUID, series?.string(Tags.SeriesInstanceUID) ?? ''];
  const image = series && (await probe.firstBelow('IMAGE', [studyUid, seriesUid]));
  const entities: readonly (readonly [ProbeLevel, readonly Key[], Tag, Dataset | undefined])[] = [
    ['STUDY', [studyUid], Tags.StudyInstanceUID, row],
    ['SERIES', [studyUid], Tags.SeriesInstanceUID, series],
    ['IMAGE', [studyUid, seriesUid], Tags.SOPInstanceUID, image],
  ];
  const told: (readonly [Tag, boolean | undefined])[] = [];
  for (const [level, above, uidTag, entity] of entities) {
    const uid = entity?.string(uidTag) ?? '';
    const finds = async (key: Key): Promise<boolean | undefined> =>
      probe.findsEntity(level, [...above, key], [uidTag, uid]);
    for (const tag of numberKeys[level])
      told.push([tag, await isHeeded(tag, formsOf(entity?.string(tag)), NO_NUMBER, finds)]);
    for (const tag of listKeys[level])
      told.push([tag, await isHeeded(tag, severalOf(entity?.strings(tag)), NO_CODE, finds)]);
  }
  const named = (verdict: boolean | undefined): readonly string[] =>
    told.flatMap(([tag, one]) => (one === verdict ? (attributeByTag(tag)?.keyword ?? []) : []));
  return { trusted: named(true), doubtful: named(false), untold: named(undefined) };
}

/** Whether the entity is found by each of `values` and not by `other`; undefined where that cannot be told. */
async function isHeeded(
  tag: Tag,
  values: readonly string[],
  other: string,
  finds: (key: Key) => Promise<boolean | undefined>,
): Promise<boolean | undefined> {
  if (values.length === 0) return undefined;
  const answers: (boolean | undefined)[] = [];
  for (const value of values) answers.push(await finds([tag, value]));
  const none = await finds([tag, other]);
  if (answers.includes(false) || none === true) return false;
  return answers.includes(undefined) || none === undefined ? undefined : true;
}

/** The number in the ways in which somebody may write it; none of what is no number, or a long one. */
function formsOf(stored = ''): readonly string[] {
  if (!/^\s*[+-]?\d+(?:\.\d*)?\s*$/.test(stored)) return [];
  const plain = String(Number(stored));
  if (!/^\d{1,6}(?:\.\d{1,3})?$/.test(plain)) return [];
  return [plain, `00${plain}`, ` ${plain}`, `+${plain}`];
}

function severalOf(values: readonly string[] = []): readonly string[] {
  const distinct = [...new Set(values.filter((value) => value !== ''))];
  return distinct.length > 1 ? distinct.slice(0, MOST_VALUES) : [];
}
