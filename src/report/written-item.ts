import type { ContentItem, Dataset, Tag } from '../dicom/index.js';
import { ReportTags as Report } from './report-tags.js';
import { writtenCode, writtenDate, writtenDateTime, writtenName, writtenTime } from './written-value.js';

/** What people are to read of a content item. */
export interface WrittenItem {
  /** Of its concept; empty where it has none. */
  readonly name: string;
  /** How it relates to the item above, where that is not by simply standing in it. */
  readonly relationship?: string;
  readonly isContainer: boolean;
  readonly value?: WrittenValue;
}

export interface WrittenValue {
  readonly text: string;
  /** What stands behind it: the code, the UIDs. */
  readonly detail?: string;
  /** The place of the item that it stands for. */
  readonly place?: string;
}

const relationships: Readonly<Record<string, string>> = {
  'HAS OBS CONTEXT': 'observation context',
  'HAS CONCEPT MOD': 'modifier',
  'HAS PROPERTIES': 'property',
  'HAS ACQ CONTEXT': 'acquisition context',
  'INFERRED FROM': 'inferred from',
  'SELECTED FROM': 'selected from',
};

/** Names of items that have no concept, by value type. */
const plainNames: Readonly<Record<string, string>> = {
  COMPOSITE: 'Object',
  IMAGE: 'Image',
  WAVEFORM: 'Waveform',
  SCOORD: 'Region',
  SCOORD3D: 'Region',
  TCOORD: 'Time range',
};

const tooLong: WrittenValue = { text: '[too long to be shown here]' };
const none: WrittenValue = { text: '[no value]' };

/** How an item begins: its name, and its value as far as that stands before the items below it. */
export function writtenItem(item: ContentItem): WrittenItem {
  const { dataset } = item;
  const type = dataset.string(Report.ValueType) ?? '';
  const relationship = relationships[dataset.string(Report.RelationshipType) ?? ''];
  const value = valueOf(item, type);
  return {
    name: writtenCode(dataset.items(Report.ConceptNameCodeSequence)[0])?.text ?? plainNames[type] ?? '',
    ...(relationship !== undefined && { relationship }),
    isContainer: type === 'CONTAINER',
    ...(value && { value }),
  };
}

type Read = (dataset: Dataset) => WrittenValue | undefined;

const text =
  (tag: Tag, write: (value: string) => string = (value) => value): Read =>
  (dataset) => {
    const values = dataset.strings(tag).filter((value) => value !== '');
    return values.length > 0 ? { text: values.map(write).join(', ') } : undefined;
  };

/** The value of an item by its type, and the attribute that must not be too long for it. @see PS3.3 Table C.17.3-1 */
const readers: Readonly<Record<string, readonly [Tag, Read]>> = {
  TEXT: [
    Report.TextValue,
    (dataset) => {
      const values = dataset.strings(Report.TextValue);
      return values.length > 0 ? { text: values.join('\\') } : undefined;
    },
  ],
  CODE: [Report.ConceptCodeSequence, (dataset) => writtenCode(dataset.items(Report.ConceptCodeSequence)[0])],
  NUM: [Report.MeasuredValueSequence, writtenNumber],
  DATETIME: [Report.DateTime, text(Report.DateTime, writtenDateTime)],
  DATE: [Report.Date, text(Report.Date, writtenDate)],
  TIME: [Report.Time, text(Report.Time, writtenTime)],
  PNAME: [Report.PersonName, text(Report.PersonName, writtenName)],
  UIDREF: [Report.UID, text(Report.UID)],
  COMPOSITE: [Report.ReferencedSOPSequence, writtenReference],
  IMAGE: [Report.ReferencedSOPSequence, writtenReference],
  WAVEFORM: [Report.ReferencedSOPSequence, writtenReference],
  TCOORD: [Report.ReferencedSamplePositions, timeRange],
};

function valueOf({ dataset, unread }: ContentItem, type: string): WrittenValue | undefined {
  if (dataset.has(Report.ReferencedContentItemIdentifier) || isLate(type)) return undefined;
  const reader = readers[type];
  if (reader === undefined) {
    if (type === 'CONTAINER' || type === '') return undefined;
    return { text: `[a value of type ${type}, which is not shown here]` };
  }
  const [tag, read] = reader;
  return read(dataset) ?? (unread.has(tag) ? tooLong : none);
}

/** A number with its unit, or why there is none. @see PS3.3 C.18.1 */
function writtenNumber(dataset: Dataset): WrittenValue | undefined {
  const [measured] = dataset.items(Report.MeasuredValueSequence);
  const number = measured?.strings(Report.NumericValue).join(', ') ?? '';
  if (number === '') return writtenCode(dataset.items(Report.NumericValueQualifierCodeSequence)[0]);
  return withUnit(number, measured?.items(Report.MeasurementUnitsCodeSequence)[0]);
}

/** `1` and what stands in braces are no units that people write. */
function withUnit(number: string, units: Dataset | undefined): WrittenValue {
  const unit = units?.string(Report.CodeValue) ?? '';
  const meaning = units?.string(Report.CodeMeaning);
  const isPlain = unit !== '' && unit !== '1' && !unit.startsWith('{');
  return {
    text: isPlain ? `${number} ${unit}` : number,
    ...(meaning !== undefined && meaning !== unit && { detail: meaning }),
  };
}

/** @see PS3.3 C.18.3, C.18.4, C.18.5 */
function writtenReference(dataset: Dataset): WrittenValue | undefined {
  const [reference] = dataset.items(Report.ReferencedSOPSequence);
  const uid = reference?.string(Report.ReferencedSOPInstanceUID);
  if (reference === undefined || uid === undefined) return undefined;
  const list = (name: string, tag: Tag): string[] => {
    const values = reference.strings(tag);
    return values.length > 0 ? [`${name} ${values.join(', ')}`] : [];
  };
  const details = [
    ...list('SOP class', Report.ReferencedSOPClassUID),
    ...list('frames', Report.ReferencedFrameNumber),
    ...list('segments', Report.ReferencedSegmentNumber),
    ...list('channels', Report.ReferencedWaveformChannels),
    // A presentation state, or a map of real world values.
    ...reference
      .items(Report.ReferencedSOPSequence)
      .flatMap((other) => other.strings(Report.ReferencedSOPInstanceUID).map((one) => `with ${one}`)),
  ];
  return { text: uid, ...(details.length > 0 && { detail: details.join('; ') }) };
}

/** Types whose values stand behind the items below them. */
const isLate = (type: string): boolean => type === 'SCOORD' || type === 'SCOORD3D';

/** What an item says behind the items below it: a shape, or another item that it stands for. */
export function lateValue({ dataset, unread }: ContentItem): WrittenValue | undefined {
  const identifier = dataset.strings(Report.ReferencedContentItemIdentifier);
  if (identifier.length > 0) {
    const place = identifier.join('.');
    return { text: `see item ${place}`, place };
  }
  if (unread.has(Report.GraphicData)) return tooLong;
  return shape(dataset);
}

/** @see PS3.3 C.18.6, C.18.9 */
function shape(dataset: Dataset): WrittenValue | undefined {
  const type = dataset.string(Report.GraphicType);
  if (type === undefined) return undefined;
  const frame = dataset.string(Report.ReferencedFrameOfReferenceUID);
  const size = frame === undefined ? 2 : 3;
  const numbers = dataset.strings(Report.GraphicData);
  const points: string[] = [];
  for (let at = 0; at < numbers.length; at += size)
    points.push(`(${numbers.slice(at, at + size).join(', ')})`);
  return {
    text: `${type} ${points.join(' ')}`.trim(),
    ...(frame !== undefined && { detail: `frame of reference ${frame}` }),
  };
}

/** @see PS3.3 C.18.7 */
function timeRange(dataset: Dataset): WrittenValue | undefined {
  const type = dataset.string(Report.TemporalRangeType);
  return type === undefined ? undefined : { text: [type, ...positions(dataset)].join(' ') };
}

function positions(dataset: Dataset): readonly string[] {
  const offsets = dataset.strings(Report.ReferencedTimeOffsets).map((offset) => `${offset} s`);
  const times = dataset.strings(Report.ReferencedDateTime).map(writtenDateTime);
  const samples = dataset.strings(Report.ReferencedSamplePositions).map((sample) => `sample ${sample}`);
  return [...offsets, ...times, ...samples].filter((one) => one !== '');
}
