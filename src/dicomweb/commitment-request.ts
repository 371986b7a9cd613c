import { GatewayError } from '../core/index.js';
import { formatTag, isArchivedUid, Tags, type DicomJsonObject, type Tag } from '../dicom/index.js';

/** An instance that a client wants to be kept; study and series where it groups its instances by them. */
export interface CommitmentReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
}

/** What a client asks commitment for, and in which of the two shapes: the answer has the same. */
export interface CommitmentPayload {
  readonly shape: 'flat' | 'hierarchical';
  readonly references: readonly CommitmentReference[];
}

/** In words that hold nothing of the document. */
const invalid = (message: string): GatewayError => new GatewayError('bad-request', message);

/**
 * The Storage Commitment Request Module of a document.
 *
 * @throws GatewayError `bad-request` for anything but one of its two sequences with something in it,
 * `payload-too-large` for more than `most` instances
 * @see PS3.18 13.4.1, J.1 (C-01)
 */
export function parseCommitmentRequest(object: DicomJsonObject, most: number): CommitmentPayload {
  const flat = itemsOf(object, Tags.ReferencedSOPSequence);
  const studies = itemsOf(object, Tags.ReferencedStudySequence);
  if (flat.length > 0 === studies.length > 0) {
    throw invalid('The request must have either ReferencedSOPSequence or ReferencedStudySequence.');
  }
  const references = flat.length > 0 ? flat.map(instanceOf) : studies.flatMap(studyOf);
  if (references.length > most) {
    throw new GatewayError('payload-too-large', `A request may name ${most} instances at most.`);
  }
  requireOneClass(references);
  return { shape: flat.length > 0 ? 'flat' : 'hierarchical', references };
}

function instanceOf(item: DicomJsonObject): CommitmentReference {
  return {
    sopClassUid: uidOf(item, Tags.ReferencedSOPClassUID),
    sopInstanceUid: uidOf(item, Tags.ReferencedSOPInstanceUID),
  };
}

function studyOf(study: DicomJsonObject): readonly CommitmentReference[] {
  const studyInstanceUid = uidOf(study, Tags.StudyInstanceUID);
  return someItemsOf(study, Tags.ReferencedSeriesSequence).flatMap((series) => {
    const seriesInstanceUid = uidOf(series, Tags.SeriesInstanceUID);
    return someItemsOf(series, Tags.ReferencedInstancesBySOPClassSequence).flatMap((ofClass) => {
      const sopClassUid = uidOf(ofClass, Tags.ReferencedSOPClassUID);
      return someItemsOf(ofClass, Tags.ReferencedInstanceSequence).map((item) => ({
        sopClassUid,
        sopInstanceUid: uidOf(item, Tags.ReferencedSOPInstanceUID),
        studyInstanceUid,
        seriesInstanceUid,
      }));
    });
  });
}

function itemsOf(object: DicomJsonObject, tag: Tag): readonly DicomJsonObject[] {
  const { vr, Value = [] } = object[formatTag(tag)] ?? { vr: 'SQ' };
  if (vr !== 'SQ') throw invalid('A sequence of the request is none.');
  return Value as readonly DicomJsonObject[];
}

/** Each level is of type 1: what is left out is not the whole of it. */
function someItemsOf(object: DicomJsonObject, tag: Tag): readonly DicomJsonObject[] {
  const items = itemsOf(object, tag);
  if (items.length === 0)
    throw invalid('A study, series or SOP class of the request names nothing below it.');
  return items;
}

function uidOf(object: DicomJsonObject, tag: Tag): string {
  const [value, another] = object[formatTag(tag)]?.Value ?? [];
  if (typeof value !== 'string' || another !== undefined || !isArchivedUid(value))
    throw invalid('The request lacks a UID, or has one that is none.');
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
