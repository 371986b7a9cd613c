import { formatTag, Tags, type DicomJsonObject, type Tag } from '../dicom/index.js';
import type { CommitmentPayload, CommitmentReference } from './commitment-request.js';

/** An instance, and why the peer does not commit itself to keep it; 0 = it does. */
interface Judged extends CommitmentReference {
  readonly reason: number;
}

/**
 * The Storage Commitment Response Module, in the shape of the request: `reasons` has one for each reference, 0 for what the
 * peer has committed itself to keep.
 *
 * @see PS3.18 J.2, PS3.3 C.14.1.1 (C-04)
 */
export function commitmentResponse(
  { shape, references }: CommitmentPayload,
  reasons: readonly number[],
): DicomJsonObject {
  // What nothing is known of is not committed.
  const judged = references.map((one, index) => ({ ...one, reason: reasons[index] ?? PROCESSING_FAILURE }));
  const committed = judged.filter(({ reason }) => reason === 0);
  const failed = judged.filter(({ reason }) => reason !== 0);
  if (shape === 'flat') {
    return {
      ...sequence(Tags.FailedSOPSequence, failed.map(flatItem)),
      ...sequence(Tags.ReferencedSOPSequence, committed.map(flatItem)),
    };
  }
  return {
    ...sequence(Tags.ReferencedStudySequence, studies(committed, shape)),
    ...sequence(Tags.FailedStudySequence, studies(failed, shape)),
  };
}

/** @see PS3.3 C.14.1.1 */
const PROCESSING_FAILURE = 0x0110;

const flatItem = (one: Judged): DicomJsonObject => ({
  ...uid(Tags.ReferencedSOPClassUID, one.sopClassUid),
  ...leaf(one),
});

const leaf = ({ sopInstanceUid, reason }: Judged): DicomJsonObject => ({
  ...uid(Tags.ReferencedSOPInstanceUID, sopInstanceUid),
  ...(reason === 0 ? {} : { [formatTag(Tags.FailureReason)]: { vr: 'US', Value: [reason] } }),
});

const studies = (all: readonly Judged[], shape: CommitmentPayload['shape']): DicomJsonObject[] =>
  grouped(all, ({ studyInstanceUid = '' }) => studyInstanceUid).map(([study, ofStudy]) => ({
    ...uid(Tags.StudyInstanceUID, study),
    ...sequence(
      Tags.ReferencedSeriesSequence,
      grouped(ofStudy, ({ seriesInstanceUid = '' }) => seriesInstanceUid).map(([series, ofSeries]) => ({
        ...uid(Tags.SeriesInstanceUID, series),
        ...(shape === 'by-series'
          ? sequence(Tags.ReferencedSOPSequence, ofSeries.map(flatItem))
          : sequence(Tags.ReferencedInstancesBySOPClassSequence, classes(ofSeries))),
      })),
    ),
  }));

const classes = (all: readonly Judged[]): DicomJsonObject[] =>
  grouped(all, ({ sopClassUid }) => sopClassUid).map(([sopClass, ofClass]) => ({
    ...uid(Tags.ReferencedSOPClassUID, sopClass),
    ...sequence(Tags.ReferencedInstanceSequence, ofClass.map(leaf)),
  }));

/** By key, in the order in which keys come first. */
function grouped(
  all: readonly Judged[],
  keyOf: (one: Judged) => string,
): readonly (readonly [string, readonly Judged[]])[] {
  const groups = new Map<string, Judged[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return [...groups];
}

const uid = (tag: Tag, value: string): DicomJsonObject => ({
  [formatTag(tag)]: { vr: 'UI', Value: [value] },
});

const sequence = (tag: Tag, items: DicomJsonObject[]): DicomJsonObject =>
  items.length === 0 ? {} : { [formatTag(tag)]: { vr: 'SQ', Value: items } };
