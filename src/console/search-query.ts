import { tags } from './dicom.js';

/** What is searched for, as it stands in the address of the page. */
export const fields = [
  'name',
  'id',
  'accession',
  'from',
  'until',
  'fromTime',
  'untilTime',
  'modality',
] as const;
export type Field = (typeof fields)[number];

/** Studies of a page. */
export const PAGE = 25;

/** `20240115-20240120`, open where one end is; of dates and of times as forms write them. */
function range(from: string, until: string): string {
  const [first, last] = [from, until].map((text) => text.replace(/[-:]/g, ''));
  if (first === '' && last === '') return '';
  return first === last ? (first ?? '') : `${first ?? ''}-${last ?? ''}`;
}

/** Of times always a span, which holds the seconds of the minute that ends it. */
function timeRange(from: string, until: string): string {
  const times = range(from, until);
  return times === '' || times.includes('-') ? times : `${times}-${times}`;
}

/** A name that is begun matches what goes on, in the last part that is there. */
function nameKey(text: string): string {
  const name = text.trim().replace(/\s*,\s*/, '^');
  return name === '' || /[*?]/.test(name) ? name : `${name}*`;
}

/** What is shown of each study. */
const included = [tags.studyDescription, tags.seriesInStudy, tags.instancesInStudy, tags.modalitiesInStudy];

/**
 * The search for studies that a form stands for, without its path. Dates and times that are both given are one span from
 * the first to the last moment, as the gateway understands them.
 *
 * @see PS3.18 8.3.4
 */
export function searchQuery(params: URLSearchParams): string {
  const of = (field: Field): string => (params.get(field) ?? '').trim();
  const keys: readonly (readonly [string, string])[] = [
    ['PatientName', nameKey(of('name'))],
    ['PatientID', of('id')],
    ['AccessionNumber', of('accession')],
    ['StudyDate', range(of('from'), of('until'))],
    ['StudyTime', timeRange(of('fromTime'), of('untilTime'))],
    ['ModalitiesInStudy', of('modality').toUpperCase()],
  ];
  const query = new URLSearchParams();
  for (const [name, value] of keys) if (value !== '') query.set(name, value);
  for (const tag of included) query.append('includefield', tag);
  query.set('limit', String(PAGE));
  query.set('offset', String(offsetOf(params)));
  return query.toString();
}

/** Where the page begins. */
export function offsetOf(params: URLSearchParams): number {
  const offset = Number(params.get('offset') ?? 0);
  return Number.isSafeInteger(offset) && offset > 0 ? offset : 0;
}
