/** The order of results that are all there. */
import { formatTag, Tags, type DicomJsonObject, type Tag } from '../dicom/index.js';

type Rank = readonly (string | number)[];

/**
 * `rows` in an order that depends on nothing but what they hold: the newest studies first, then series and instances by
 * their numbers, and last by UID, so that it is the same whenever the same is asked for.
 *
 * @see rule Q-25
 */
export function sortRows(rows: readonly DicomJsonObject[]): DicomJsonObject[] {
  return rows
    .map((row) => ({ row, rank: rankOf(row) }))
    .sort((left, right) => compareRanks(left.rank, right.rank))
    .map(({ row }) => row);
}

/** Text that ascends where dates descend: what has no date comes last. */
function rankOf(row: DicomJsonObject): Rank {
  return [
    descending(textOf(row, Tags.StudyDate)),
    descending(textOf(row, Tags.StudyTime)),
    textOf(row, Tags.StudyInstanceUID),
    numberOf(row, Tags.SeriesNumber),
    textOf(row, Tags.SeriesInstanceUID),
    numberOf(row, Tags.InstanceNumber),
    textOf(row, Tags.SOPInstanceUID),
  ];
}

function compareRanks(left: Rank, right: Rank): number {
  for (const [index, one] of left.entries()) {
    const other = right[index] ?? '';
    if (one !== other) return one < other ? -1 : 1;
  }
  return 0;
}

/** Every character by its complement, and the end as the last of them. */
function descending(text: string): string {
  const complements = Array.from(text, (character) => String.fromCharCode(0xfffe - character.charCodeAt(0)));
  return `${complements.join('')}\uffff`;
}

function textOf(row: DicomJsonObject, tag: Tag): string {
  const value = row[formatTag(tag)]?.Value?.[0];
  return typeof value === 'string' ? value : '';
}

/** What has no number comes last. */
function numberOf(row: DicomJsonObject, tag: Tag): number {
  const value = row[formatTag(tag)]?.Value?.[0];
  const number = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
  return Number.isNaN(number) ? Number.POSITIVE_INFINITY : number;
}
