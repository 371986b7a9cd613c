/** Rows of C-FIND answers as one search result. */
import { datasetToJson, formatTag, Tags, type Dataset, type Tag } from '../dicom/index.js';
import type { DicomJsonElement, DicomJsonObject, DicomJsonValue, NumericStrings } from '../dicom/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { attributesAt, optionalAttributesAt, uniqueKeyTags, type Presence } from './levels.js';
import type { ParentKeys, StepOptions } from './step-options.js';

/** Makes a search result of the rows of its steps, one row for each step from the top down. */
export type Project = (
  rows: readonly Dataset[],
  retrieveUrl: (target: Partial<RetrieveTarget>) => string,
  numericStrings?: NumericStrings,
) => DicomJsonObject;

interface Field {
  /** As in DICOM JSON. */
  readonly key: string;
  readonly step: number;
  /** What stands for it when the peer returned nothing; `undefined` leaves it out. */
  readonly absent: DicomJsonElement | undefined;
  readonly keepEmpty: boolean;
}

const characterSetKey = formatTag(Tags.SpecificCharacterSet);
const retrieveUrlKey = formatTag(Tags.RetrieveURL);
const uidTags = [uniqueKeyTags.STUDY, uniqueKeyTags.SERIES, uniqueKeyTags.IMAGE];
const modalitiesKey = formatTag(Tags.ModalitiesInStudy);
const unicode: DicomJsonElement = { vr: 'CS', Value: ['ISO_IR 192'] };

/**
 * Plans the result of a search.
 *
 * @see PS3.18 10.6.3.3
 */
export function createProjection(steps: readonly StepOptions[], fixed: ParentKeys): Project {
  const fields = planFields(steps);
  const levels = steps.map(({ level }) => level);
  return (rows, retrieveUrl, numericStrings) => {
    const uids = uidsOf(levels, rows, fixed);
    const values = new Map<string, DicomJsonElement>(uidElements(uids));
    values.set(retrieveUrlKey, { vr: 'UR', Value: [retrieveUrl(uids)] });
    const sources = rows.map((row) => datasetToJson(row, numericStrings));
    return collect(fields, sources, values);
  };
}

/** In ascending order of the tags; where levels share an attribute the lowest one's counts. */
function planFields(steps: readonly StepOptions[]): readonly Field[] {
  const fields = new Map<string, Field>();
  for (const key of [characterSetKey, retrieveUrlKey, ...uidTags.map(formatTag)]) {
    fields.set(key, { key, step: -1, absent: undefined, keepEmpty: false });
  }
  for (const [step, options] of steps.entries()) {
    for (const field of stepFields(step, options)) {
      if (fields.get(field.key)?.step !== -1) fields.set(field.key, field);
    }
  }
  return [...fields.values()].sort((left, right) => (left.key < right.key ? -1 : 1));
}

function* stepFields(step: number, options: StepOptions): Generator<Field> {
  const { includeRequired, includeAll, includeFields, keys } = options;
  const asked = new Set<Tag>(
    [...includeFields, ...keys.map(({ path }) => path)].flatMap(([tag]) => tag ?? []),
  );
  if (includeAll) for (const [tag] of optionalAttributesAt(options)) asked.add(tag);
  if (includeRequired) {
    for (const { tag, vr, presence } of attributesAt(options)) {
      yield field(step, tag, { presence: asked.has(tag) ? askedPresence(presence) : presence, vr });
      asked.delete(tag);
    }
  }
  for (const tag of asked) yield field(step, tag, { presence: 'asked' });
}

function askedPresence(presence: Presence): Presence | 'asked' {
  return presence === 'always' ? presence : 'asked';
}

function field(
  step: number,
  tag: Tag,
  { presence, vr }: { presence: Presence | 'asked'; vr?: string },
): Field {
  const key = formatTag(tag);
  return {
    key,
    step,
    absent: presence === 'always' && vr !== undefined ? { vr } : undefined,
    // An empty Modalities in Study stops a viewer's study list, asked for or not.
    keepEmpty: (presence === 'always' || presence === 'asked') && key !== modalitiesKey,
  };
}

function uidsOf(
  levels: readonly StepOptions['level'][],
  rows: readonly Dataset[],
  fixed: ParentKeys,
): Partial<RetrieveTarget> {
  const find = (tag: Tag): string | undefined =>
    rows
      .map((row, step) => (levels[step] === 'PATIENT' ? undefined : row.string(tag)))
      .find((uid) => uid !== undefined);
  const target = levels.at(-1);
  const study = fixed.studyInstanceUid ?? find(Tags.StudyInstanceUID);
  const series = target === 'STUDY' ? undefined : (fixed.seriesInstanceUid ?? find(Tags.SeriesInstanceUID));
  const instance = target === 'IMAGE' ? rows.at(-1)?.string(Tags.SOPInstanceUID) : undefined;
  return {
    ...(study === undefined ? {} : { studyInstanceUid: study }),
    ...(series === undefined ? {} : { seriesInstanceUid: series }),
    ...(instance === undefined ? {} : { sopInstanceUid: instance }),
  };
}

function* uidElements(uids: Partial<RetrieveTarget>): Generator<[string, DicomJsonElement]> {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = uids;
  for (const [tag, uid] of [
    [Tags.StudyInstanceUID, studyInstanceUid],
    [Tags.SeriesInstanceUID, seriesInstanceUid],
    [Tags.SOPInstanceUID, sopInstanceUid],
  ] as const) {
    if (uid !== undefined) yield [formatTag(tag), { vr: 'UI', Value: [uid] }];
  }
}

function collect(
  fields: readonly Field[],
  sources: readonly DicomJsonObject[],
  values: ReadonlyMap<string, DicomJsonElement>,
): DicomJsonObject {
  const picked: [string, DicomJsonElement][] = [];
  let isAscii = true;
  for (const { key, step, absent, keepEmpty } of fields) {
    const source = step < 0 ? values.get(key) : sources[step]?.[key];
    const element = source === undefined || (!keepEmpty && step >= 0 && !hasValue(source)) ? absent : source;
    if (element === undefined) continue;
    picked.push([key, element]);
    isAscii &&= isAsciiElement(element);
  }
  const result: DicomJsonObject = {};
  // The lowest tag of all that can be here, so the order stays ascending.
  if (!isAscii) result[characterSetKey] = unicode;
  for (const [key, element] of picked) result[key] = element;
  return result;
}

function hasValue(element: DicomJsonElement): boolean {
  if (element.InlineBinary !== undefined || element.BulkDataURI !== undefined) return true;
  return element.Value?.some((value) => value !== null) === true;
}

// eslint-disable-next-line no-control-regex -- ASCII begins with control characters
const asciiText = /^[\x00-\x7f]*$/;

function isAsciiElement(element: DicomJsonElement): boolean {
  return element.Value === undefined || element.Value.every(isAsciiValue);
}

function isAsciiValue(value: DicomJsonValue): boolean {
  if (typeof value === 'string') return asciiText.test(value);
  if (value === null || typeof value === 'number') return true;
  return Object.values(value).every((part: unknown) =>
    typeof part === 'string' ? asciiText.test(part) : isAsciiElement(part as DicomJsonElement),
  );
}
