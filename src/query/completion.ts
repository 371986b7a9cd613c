/** What a peer need not return of a study or series, and what is below it tells. */
import { attributeByTag, Dataset, datasetToJson, formatTag, Tags, type Tag } from '../dicom/index.js';
import type { DicomJsonObject } from '../dicom/index.js';
import { addReturnKey } from './identifier.js';
import { attributesAt, completableTags, type QueryLevel } from './levels.js';
import type { StepOptions } from './step-options.js';

/**
 * Keys that are filtered by and never sent with a value: archives compute them for the answer, and most find nothing by
 * them, or pass them over.
 */
export const computedKeys: readonly Tag[] = [...completableTags.STUDY, ...completableTags.SERIES].filter(
  (tag) => tag !== Tags.ModalitiesInStudy,
);

/** Which of them a search's results hold. */
export interface CompletionPlan extends Readonly<Record<'STUDY' | 'SERIES', readonly Tag[]>> {
  /** What results hold as well, every entity has, and is not found out: where the peer does not tell it, it is said. */
  readonly untold: readonly Tag[];
}

/** What takes a list of all instances to tell. */
const instanceCounts: ReadonlySet<Tag> = new Set([
  Tags.NumberOfStudyRelatedInstances,
  Tags.NumberOfSeriesRelatedInstances,
]);

/**
 * `includefield=all` asks for what the peer supports, so it adds nothing here; and who lists instances can count them, so
 * their number is found out only where it is asked for.
 *
 * @see rule Q-42
 */
export function planCompletion(steps: readonly StepOptions[]): CompletionPlan {
  const listsInstances = steps.at(-1)?.level === 'IMAGE';
  const wanted = (level: QueryLevel): readonly Tag[] => {
    const step = steps.find((one) => one.level === level);
    if (step === undefined) return [];
    const { includeFields, includeRequired, keys } = step;
    const asked = new Set<Tag>(
      [...includeFields, ...keys.map(({ path }) => path)].flatMap(([tag]) => tag ?? []),
    );
    for (const { tag } of includeRequired ? attributesAt(step) : [])
      if (!listsInstances || !instanceCounts.has(tag)) asked.add(tag);
    return completableTags[level].filter((tag) => asked.has(tag));
  };
  const plan = { STUDY: wanted('STUDY'), SERIES: wanted('SERIES') };
  const found = [...plan.STUDY, ...plan.SERIES];
  const shown = steps.flatMap((step) => (step.includeRequired ? attributesAt(step) : []));
  // Many archives keep no SOP class of instances: that a row has none is said to those who ask for it.
  const named = new Set(
    steps
      .flatMap((step) => [...step.includeFields, ...step.keys.map(({ path }) => path)])
      .map(([tag]) => tag),
  );
  const isUntold = (tag: Tag): boolean =>
    tag === Tags.SOPClassUID ? named.has(tag) : instanceCounts.has(tag) && !found.includes(tag);
  return { ...plan, untold: shown.map(({ tag }) => tag).filter(isUntold) };
}

/** Those of `tags` that have no value in `row`. */
export function missingIn(row: DicomJsonObject, tags: readonly Tag[]): readonly Tag[] {
  return tags.filter((tag) => (row[formatTag(tag)]?.Value?.length ?? 0) === 0);
}

/** `row` with the values of `found` for `tags`, in ascending order. */
export function completeRow(row: DicomJsonObject, tags: readonly Tag[], found: Dataset): DicomJsonObject {
  const values = datasetToJson(found);
  const added = tags.flatMap((tag) => {
    const element = values[formatTag(tag)];
    return element === undefined ? [] : [[formatTag(tag), element] as const];
  });
  if (added.length === 0) return row;
  const entries = new Map([...Object.entries(row), ...added]);
  return Object.fromEntries([...entries].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** The identifier that lists what completes a study (its series) or a series (its instances). */
export function belowIdentifier(study: string, series?: string): Dataset {
  const identifier = new Dataset()
    .setString(Tags.QueryRetrieveLevel, series === undefined ? 'SERIES' : 'IMAGE', 'CS')
    .setString(Tags.StudyInstanceUID, study, 'UI');
  if (series === undefined) {
    for (const tag of [Tags.SeriesInstanceUID, Tags.Modality, Tags.NumberOfSeriesRelatedInstances])
      addReturnKey(identifier, [tag]);
  } else {
    identifier.setString(Tags.SeriesInstanceUID, series, 'UI');
    for (const tag of [Tags.SOPInstanceUID, Tags.SOPClassUID]) addReturnKey(identifier, [tag]);
  }
  return identifier;
}

/** What is known of a series of a study; `undefined` where the peer does not tell. */
export interface SeriesBelow {
  readonly modality: string | undefined;
  readonly instances: number | undefined;
  /** Of its instances, where they were looked at. */
  readonly sopClasses?: readonly string[] | undefined;
}

/** What the series of a study tell of it: only what all of them tell. Of a study without series nothing is known. */
export function studyFrom(series: readonly SeriesBelow[]): Dataset {
  const found = new Dataset();
  if (series.length === 0) return found;
  found.setString(Tags.NumberOfStudyRelatedSeries, String(series.length), 'IS');
  const modalities = allOf(series, ({ modality }) => modality);
  if (modalities) found.setString(Tags.ModalitiesInStudy, unique(modalities), 'CS');
  const counts = allOf(series, ({ instances }) => instances);
  if (counts) {
    const sum = counts.reduce((total, count) => total + count, 0);
    found.setString(Tags.NumberOfStudyRelatedInstances, String(sum), 'IS');
  }
  const classes = allOf(series, ({ sopClasses }) => sopClasses);
  if (classes) found.setString(Tags.SOPClassesInStudy, unique(classes.flat()), 'UI');
  return found;
}

/** The same of one series. */
export function seriesFrom({ instances }: SeriesBelow): Dataset {
  const found = new Dataset();
  if (instances !== undefined) found.setString(Tags.NumberOfSeriesRelatedInstances, String(instances), 'IS');
  return found;
}

/** Keywords of attributes, for messages. */
export function namesOf(tags: Iterable<Tag>): string {
  return [...tags].map((tag) => attributeByTag(tag)?.keyword ?? formatTag(tag)).join(', ');
}

/** What `value` is of each, if it is known of every one. */
function allOf<T>(
  series: readonly SeriesBelow[],
  value: (one: SeriesBelow) => T | undefined,
): readonly T[] | undefined {
  const all: T[] = [];
  for (const one of series) {
    const known = value(one);
    if (known === undefined) return undefined;
    all.push(known);
  }
  return all;
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}
