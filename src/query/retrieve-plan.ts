/** Identifiers for retrieving, and for listing what is about to be retrieved. */
import { GatewayError } from '../core/index.js';
import { Dataset, Tags, type Tag, type Vr } from '../dicom/index.js';
import type { RetrieveTarget, SearchLevel } from '../dicomweb/index.js';

/** The Query/Retrieve Level and identifier of a C-GET or C-MOVE. */
export interface RetrieveIdentifier {
  readonly level: SearchLevel;
  readonly identifier: Dataset;
}

/**
 * The identifier that retrieves a target, or of a series the instances `sopInstanceUids`: unique keys alone (W-40).
 *
 * @throws GatewayError `internal` for an empty list, which a peer would take for all, or for instances of no series.
 * @see PS3.4 C.4.2.1.4, C.4.3.1.3
 */
export function retrieveIdentifier(
  target: RetrieveTarget,
  sopInstanceUids: readonly string[] | undefined = target.sopInstanceUid === undefined
    ? undefined
    : [target.sopInstanceUid],
): RetrieveIdentifier {
  if (sopInstanceUids?.length === 0) throw new GatewayError('internal', 'A retrieve names no instance.');
  const { studyInstanceUid, seriesInstanceUid } = target;
  if (sopInstanceUids !== undefined && seriesInstanceUid === undefined) {
    throw new GatewayError('internal', 'A retrieve of instances names no series.');
  }
  const level =
    sopInstanceUids !== undefined ? 'IMAGE' : seriesInstanceUid === undefined ? 'STUDY' : 'SERIES';
  const identifier = atLevel(level).setString(Tags.StudyInstanceUID, studyInstanceUid, 'UI');
  if (seriesInstanceUid !== undefined) identifier.setString(Tags.SeriesInstanceUID, seriesInstanceUid, 'UI');
  if (sopInstanceUids !== undefined) identifier.setString(Tags.SOPInstanceUID, sopInstanceUids, 'UI');
  return { level, identifier };
}

/** What tells whether the peer still holds what a cache does, and what a retrieve will bring. */
const listed: Readonly<Record<SearchLevel, readonly (readonly [Tag, Vr])[]>> = {
  STUDY: [
    [Tags.StudyDate, 'DA'],
    [Tags.StudyTime, 'TM'],
    [Tags.AccessionNumber, 'SH'],
    [Tags.StudyDescription, 'LO'],
    [Tags.SOPClassesInStudy, 'UI'],
    [Tags.PatientName, 'PN'],
    [Tags.PatientID, 'LO'],
    [Tags.IssuerOfPatientID, 'LO'],
    [Tags.PatientBirthDate, 'DA'],
    [Tags.StudyID, 'SH'],
    [Tags.NumberOfStudyRelatedSeries, 'IS'],
    [Tags.NumberOfStudyRelatedInstances, 'IS'],
  ],
  SERIES: [
    [Tags.Modality, 'CS'],
    [Tags.SeriesNumber, 'IS'],
    [Tags.SeriesDescription, 'LO'],
    [Tags.SeriesDate, 'DA'],
    [Tags.SeriesTime, 'TM'],
    [Tags.BodyPartExamined, 'CS'],
    [Tags.NumberOfSeriesRelatedInstances, 'IS'],
  ],
  IMAGE: [
    [Tags.SOPClassUID, 'UI'],
    [Tags.AvailableTransferSyntaxUID, 'UI'],
    [Tags.InstanceNumber, 'IS'],
  ],
};

/**
 * The C-FIND identifier that lists the entities of `level` within `target`, or the one that it names.
 *
 * @throws GatewayError `internal` when `target` lacks an entity above the level.
 * @see PS3.4 C.4.1.2.1
 */
export function listingIdentifier(level: SearchLevel, target: Partial<RetrieveTarget>): Dataset {
  const identifier = atLevel(level);
  for (const [tag, vr] of listed[level]) identifier.setEmpty(tag, vr);
  const uids: readonly (readonly [SearchLevel, Tag, string | undefined])[] = [
    ['STUDY', Tags.StudyInstanceUID, target.studyInstanceUid],
    ['SERIES', Tags.SeriesInstanceUID, target.seriesInstanceUid],
    ['IMAGE', Tags.SOPInstanceUID, target.sopInstanceUid],
  ];
  for (const [at, tag, uid] of uids) {
    if (uid !== undefined) identifier.setString(tag, uid, 'UI');
    else if (at === level) identifier.setEmpty(tag, 'UI');
    else
      throw new GatewayError('internal', `A ${level} level listing needs the unique key of the ${at} level.`);
    if (at === level) break;
  }
  return identifier;
}

function atLevel(level: SearchLevel): Dataset {
  return new Dataset().setString(Tags.QueryRetrieveLevel, level, 'CS');
}
