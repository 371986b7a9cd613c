import { GatewayError } from '../core/index.js';
import { formatTag, isArchivedUid, Tags, type DicomJsonObject } from '../dicom/index.js';

/** An instance that a client wants to be kept; study and series where it groups its instances by them. */
export interface CommitmentReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
}

/**
 * What a client asks commitment for, and in which shape: the answer has the same. `by-series` is the hierarchical one with the
 * instances of a series listed as those of the flat one are, which the standard does not have and clients expect.
 */
export interface CommitmentPayload {
  readonly shape: 'flat' | 'hierarchical' | 'by-series';
  readonly references: readonly CommitmentReference[];
}

/** In words that hold nothing of the document. */
const invalid = (message: string): GatewayError => new GatewayError('bad-request', message);

/** An item of the request, and which one it is, in words that end a sentence. */
interface Item {
  readonly object: DicomJsonObject;
  readonly where: string;
}

type Keyword = keyof typeof Tags;

/**
 * The Storage Commitment Request Module of a document.
 *
 * @throws GatewayError `bad-request` for anything but one of its two sequences with something in it,
 * `payload-too-large` for more than `most` instances
 * @see PS3.18 13.4.1, J.1 (C-01)
 */
export function parseCommitmentRequest(object: DicomJsonObject, most: number): CommitmentPayload {
  const request = { object, where: 'the request' };
  const flat = itemsOf(request, 'ReferencedSOPSequence');
  const studies = itemsOf(request, 'ReferencedStudySequence');
  if (flat.length > 0 === studies.length > 0) {
    throw invalid('The request must have either ReferencedSOPSequence or ReferencedStudySequence.');
  }
  const series = studies.flatMap(seriesOf);
  const references = flat.length > 0 ? flat.map(instanceOf) : series.flatMap(ofSeries);
  if (references.length > most) {
    throw new GatewayError('payload-too-large', `A request may name ${most} instances at most.`);
  }
  requireOneClass(references);
  const nested = series.every(({ isByClass }) => !isByClass) ? 'by-series' : 'hierarchical';
  return { shape: flat.length > 0 ? 'flat' : nested, references };
}

function instanceOf(item: Item): CommitmentReference {
  return {
    sopClassUid: uidOf(item, 'ReferencedSOPClassUID'),
    sopInstanceUid: uidOf(item, 'ReferencedSOPInstanceUID'),
  };
}

/** A series of a study, whose instances are grouped by their SOP classes or not. */
interface Series {
  readonly uids: { readonly studyInstanceUid: string; readonly seriesInstanceUid: string };
  readonly isByClass: boolean;
  readonly items: readonly Item[];
}

function seriesOf(study: Item): readonly Series[] {
  const studyInstanceUid = uidOf(study, 'StudyInstanceUID');
  return someItemsOf(study, 'ReferencedSeriesSequence').map((series) => {
    const uids = { studyInstanceUid, seriesInstanceUid: uidOf(series, 'SeriesInstanceUID') };
    const classes = itemsOf(series, 'ReferencedInstancesBySOPClassSequence');
    const instances = itemsOf(series, 'ReferencedSOPSequence');
    if (classes.length > 0 === instances.length > 0)
      throw invalid(
        `There must be either ReferencedInstancesBySOPClassSequence or ReferencedSOPSequence in ${series.where}.`,
      );
    const isByClass = classes.length > 0;
    return { uids, isByClass, items: isByClass ? classes : instances };
  });
}

function ofSeries({ uids, isByClass, items }: Series): readonly CommitmentReference[] {
  if (!isByClass) return items.map((item) => ({ ...instanceOf(item), ...uids }));
  return items.flatMap((ofClass) => {
    const sopClassUid = uidOf(ofClass, 'ReferencedSOPClassUID');
    return someItemsOf(ofClass, 'ReferencedInstanceSequence').map((item) => ({
      sopClassUid,
      sopInstanceUid: uidOf(item, 'ReferencedSOPInstanceUID'),
      ...uids,
    }));
  });
}

function itemsOf({ object, where }: Item, keyword: Keyword): readonly Item[] {
  const { vr, Value = [] } = object[formatTag(Tags[keyword])] ?? { vr: 'SQ' };
  if (vr !== 'SQ') throw invalid(`${keyword} is no sequence in ${where}.`);
  return (Value as readonly DicomJsonObject[]).map((item, index) => ({
    object: item,
    where: `item ${index + 1} of ${keyword}${where === 'the request' ? '' : ` in ${where}`}`,
  }));
}

/** Each level is of type 1: what is left out is not the whole of it. */
function someItemsOf(item: Item, keyword: Keyword): readonly Item[] {
  const items = itemsOf(item, keyword);
  if (items.length === 0) throw invalid(`${keyword} is missing or empty in ${item.where}.`);
  return items;
}

function uidOf({ object, where }: Item, keyword: Keyword): string {
  const [value, another] = object[formatTag(Tags[keyword])]?.Value ?? [];
  if (typeof value !== 'string' || another !== undefined || !isArchivedUid(value))
    throw invalid(`${keyword} is missing or not one UID in ${where}.`);
  return value;
}

/** The peer answers by SOP Instance UID: one of two classes would get the answer of the other. */
function requireOneClass(references: readonly CommitmentReference[]): void {
  const classes = new Map<string, string>();
  for (const { sopClassUid, sopInstanceUid } of references) {
    if ((classes.get(sopInstanceUid) ?? sopClassUid) !== sopClassUid)
      throw invalid('The request names an instance with two SOP classes.');
    classes.set(sopInstanceUid, sopClassUid);
  }
}
