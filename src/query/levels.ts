/** The attributes of each query level as data: what PS3.18 wants returned, what PS3.4 makes a peer support. */
import { Tags, type Tag, type Vr } from '../dicom/index.js';
import { levelOf, type AttributeLevel, type SearchLevel } from '../dicomweb/index.js';

/** A level of C-FIND: in the Study Root model patients are attributes of their studies. @see PS3.4 C.6.1.1, C.6.2.1 */
export type QueryLevel = AttributeLevel;

/** Of the Study Root, from the top down. */
export const levels: readonly SearchLevel[] = ['STUDY', 'SERIES', 'IMAGE'];

/** Of the Patient Root, from the top down. */
export const patientRootLevels: readonly QueryLevel[] = ['PATIENT', ...levels];

/** The unique key of each level. @see PS3.4 C.6.1.1, C.6.2.1 */
export const uniqueKeyTags: Readonly<Record<QueryLevel, Tag>> = {
  PATIENT: Tags.PatientID,
  STUDY: Tags.StudyInstanceUID,
  SERIES: Tags.SeriesInstanceUID,
  IMAGE: Tags.SOPInstanceUID,
};

/**
 * When an attribute appears in a result: always, empty if need be; when it has a value; or the same, but never asked
 * for, because C-FIND forbids it as a key (PS3.4 C.4.1.1.3) or peers return it unasked.
 */
export type Presence = 'always' | 'with-value' | 'unasked';

export interface LevelAttribute {
  readonly tag: Tag;
  readonly vr: Vr;
  readonly presence: Presence;
}

type Row = readonly [Tag, Vr, Presence?];

function attributes(rows: readonly Row[]): readonly LevelAttribute[] {
  return rows.map(([tag, vr, presence = 'always']) => ({ tag, vr, presence }));
}

const common: readonly Row[] = [
  [Tags.RetrieveAETitle, 'AE', 'unasked'],
  [Tags.InstanceAvailability, 'CS', 'unasked'],
  [Tags.TimezoneOffsetFromUTC, 'SH', 'unasked'],
];

/** @see PS3.18 Tables 10.6.3-3, 10.6.3-4 and 10.6.3-5 */
const levelAttributes: Readonly<Record<SearchLevel, readonly LevelAttribute[]>> = {
  STUDY: attributes([
    ...common,
    [Tags.StudyDate, 'DA'],
    [Tags.StudyTime, 'TM'],
    [Tags.AccessionNumber, 'SH'],
    // Required by the standard even if empty, but a viewer's study list fails on an empty one.
    [Tags.ModalitiesInStudy, 'CS', 'with-value'],
    [Tags.ReferringPhysicianName, 'PN'],
    [Tags.PatientName, 'PN'],
    [Tags.PatientID, 'LO'],
    [Tags.PatientBirthDate, 'DA'],
    [Tags.PatientSex, 'CS'],
    [Tags.StudyInstanceUID, 'UI'],
    [Tags.StudyID, 'SH'],
    [Tags.NumberOfStudyRelatedSeries, 'IS'],
    [Tags.NumberOfStudyRelatedInstances, 'IS'],
  ]),
  SERIES: attributes([
    ...common,
    [Tags.Modality, 'CS'],
    [Tags.SeriesDescription, 'LO', 'with-value'],
    [Tags.SeriesInstanceUID, 'UI'],
    [Tags.SeriesNumber, 'IS'],
    [Tags.NumberOfSeriesRelatedInstances, 'IS'],
    [Tags.PerformedProcedureStepStartDate, 'DA', 'with-value'],
    [Tags.PerformedProcedureStepStartTime, 'TM', 'with-value'],
    [Tags.RequestAttributesSequence, 'SQ', 'with-value'],
  ]),
  IMAGE: attributes([
    ...common,
    [Tags.SOPClassUID, 'UI'],
    [Tags.SOPInstanceUID, 'UI'],
    [Tags.AvailableTransferSyntaxUID, 'UI', 'with-value'],
    [Tags.InstanceNumber, 'IS'],
    [Tags.NumberOfFrames, 'IS', 'with-value'],
    [Tags.Rows, 'US', 'with-value'],
    [Tags.Columns, 'US', 'with-value'],
    [Tags.BitsAllocated, 'US', 'with-value'],
  ]),
};

/** What an item of a returned sequence must hold. @see PS3.18 Table 10.6.3-4 */
export const itemAttributes: ReadonlyMap<Tag, readonly (readonly [Tag, Vr])[]> = new Map([
  [
    Tags.RequestAttributesSequence,
    [
      [Tags.ScheduledProcedureStepID, 'SH'],
      [Tags.RequestedProcedureID, 'SH'],
    ],
  ],
]);

/** The keys that every C-FIND SCP supports, unique keys included. @see PS3.4 Tables C.6-1 to C.6-5 */
export const requiredKeys: Readonly<Record<QueryLevel, ReadonlySet<Tag>>> = {
  PATIENT: new Set([Tags.PatientName, Tags.PatientID]),
  STUDY: new Set([
    Tags.StudyDate,
    Tags.StudyTime,
    Tags.AccessionNumber,
    Tags.PatientName,
    Tags.PatientID,
    Tags.StudyID,
    Tags.StudyInstanceUID,
  ]),
  SERIES: new Set([Tags.Modality, Tags.SeriesNumber, Tags.SeriesInstanceUID]),
  IMAGE: new Set([Tags.InstanceNumber, Tags.SOPInstanceUID]),
};

/** What C-FIND forbids as a key, or what the gateway itself writes. @see PS3.4 C.4.1.1.3 */
export const neverAsked: ReadonlySet<Tag> = new Set([
  Tags.SpecificCharacterSet,
  Tags.QueryRetrieveLevel,
  Tags.RetrieveAETitle,
  Tags.InstanceAvailability,
  Tags.TimezoneOffsetFromUTC,
  Tags.RetrieveURL,
]);

/** The attributes of each level that the levels below it tell: all of them are optional keys of C-FIND. */
export const completableTags: Readonly<Record<QueryLevel, readonly Tag[]>> = {
  PATIENT: [],
  STUDY: [
    Tags.ModalitiesInStudy,
    Tags.SOPClassesInStudy,
    Tags.NumberOfStudyRelatedSeries,
    Tags.NumberOfStudyRelatedInstances,
  ],
  SERIES: [Tags.NumberOfSeriesRelatedInstances],
  IMAGE: [],
};

/** What `includefield=all` adds. @see PS3.18 8.3.4.3, PS3.4 Tables C.6-2 to C.6-5 */
const optionalAttributes: Readonly<Record<SearchLevel, readonly (readonly [Tag, Vr])[]>> = {
  STUDY: [
    [Tags.SOPClassesInStudy, 'UI'],
    [Tags.StudyDescription, 'LO'],
    [Tags.ProcedureCodeSequence, 'SQ'],
    [Tags.PhysiciansOfRecord, 'PN'],
    [Tags.NameOfPhysiciansReadingStudy, 'PN'],
    [Tags.AdmittingDiagnosesDescription, 'LO'],
    [Tags.ReferencedStudySequence, 'SQ'],
    [Tags.IssuerOfPatientID, 'LO'],
    [Tags.PatientBirthTime, 'TM'],
    [Tags.OtherPatientIDs, 'LO'],
    [Tags.OtherPatientNames, 'PN'],
    [Tags.PatientAge, 'AS'],
    [Tags.PatientSize, 'DS'],
    [Tags.PatientWeight, 'DS'],
    [Tags.EthnicGroup, 'SH'],
    [Tags.Occupation, 'SH'],
    [Tags.AdditionalPatientHistory, 'LT'],
    [Tags.PatientComments, 'LT'],
    [Tags.NumberOfPatientRelatedStudies, 'IS'],
    [Tags.NumberOfPatientRelatedSeries, 'IS'],
    [Tags.NumberOfPatientRelatedInstances, 'IS'],
  ],
  SERIES: [
    [Tags.SeriesDate, 'DA'],
    [Tags.SeriesTime, 'TM'],
    [Tags.Manufacturer, 'LO'],
    [Tags.InstitutionName, 'LO'],
    [Tags.StationName, 'SH'],
    [Tags.InstitutionalDepartmentName, 'LO'],
    [Tags.PerformingPhysicianName, 'PN'],
    [Tags.OperatorsName, 'PN'],
    [Tags.ManufacturerModelName, 'LO'],
    [Tags.BodyPartExamined, 'CS'],
    [Tags.ProtocolName, 'LO'],
    [Tags.PatientPosition, 'CS'],
    [Tags.FrameOfReferenceUID, 'UI'],
    [Tags.Laterality, 'CS'],
    [Tags.PerformedProcedureStepEndDate, 'DA'],
    [Tags.PerformedProcedureStepEndTime, 'TM'],
    [Tags.PerformedProcedureStepID, 'SH'],
    [Tags.PerformedProcedureStepDescription, 'LO'],
  ],
  IMAGE: [
    [Tags.ImageType, 'CS'],
    [Tags.InstanceCreationDate, 'DA'],
    [Tags.InstanceCreationTime, 'TM'],
    [Tags.AcquisitionDate, 'DA'],
    [Tags.ContentDate, 'DA'],
    [Tags.AcquisitionDateTime, 'DT'],
    [Tags.AcquisitionTime, 'TM'],
    [Tags.ContentTime, 'TM'],
    [Tags.SliceThickness, 'DS'],
    [Tags.AcquisitionNumber, 'IS'],
    [Tags.ImagePositionPatient, 'DS'],
    [Tags.ImageOrientationPatient, 'DS'],
    [Tags.ImageComments, 'LT'],
    [Tags.SamplesPerPixel, 'US'],
    [Tags.PhotometricInterpretation, 'CS'],
    [Tags.PixelSpacing, 'DS'],
    [Tags.BitsStored, 'US'],
    [Tags.HighBit, 'US'],
    [Tags.PixelRepresentation, 'US'],
    [Tags.WindowCenter, 'DS'],
    [Tags.WindowWidth, 'DS'],
    [Tags.ConceptNameCodeSequence, 'SQ'],
    [Tags.PresentationCreationDate, 'DA'],
    [Tags.PresentationCreationTime, 'TM'],
    [Tags.ContentLabel, 'CS'],
    [Tags.ContentDescription, 'LO'],
  ],
};

export interface DateTimePair {
  readonly date: Tag;
  readonly time: Tag;
  /** False for a birth, which is on the same day wherever one asks from. */
  readonly zoned: boolean;
}

/** The dates and times that match as one. @see PS3.18 8.3.4.1.1 */
export const dateTimePairs: readonly DateTimePair[] = [
  { date: Tags.StudyDate, time: Tags.StudyTime, zoned: true },
  { date: Tags.PatientBirthDate, time: Tags.PatientBirthTime, zoned: false },
  { date: Tags.SeriesDate, time: Tags.SeriesTime, zoned: true },
  { date: Tags.PerformedProcedureStepStartDate, time: Tags.PerformedProcedureStepStartTime, zoned: true },
  { date: Tags.PerformedProcedureStepEndDate, time: Tags.PerformedProcedureStepEndTime, zoned: true },
  { date: Tags.AcquisitionDate, time: Tags.AcquisitionTime, zoned: true },
  { date: Tags.ContentDate, time: Tags.ContentTime, zoned: true },
  { date: Tags.InstanceCreationDate, time: Tags.InstanceCreationTime, zoned: true },
  { date: Tags.PresentationCreationDate, time: Tags.PresentationCreationTime, zoned: true },
];

/** Where a C-FIND stands: below a C-FIND for patients these are not asked for with their studies. */
export interface LevelPlace {
  readonly level: QueryLevel;
  readonly belowPatient: boolean;
}

/** Those of `rows` that are asked for at a level; what there is of patients stands with the studies. */
function placed<T>(
  table: Readonly<Record<SearchLevel, readonly T[]>>,
  { level, belowPatient }: LevelPlace,
  tagOf: (row: T) => Tag,
): readonly T[] {
  const ofPatient = (row: T): boolean => levelOf(tagOf(row)) === 'PATIENT';
  if (level === 'PATIENT') return table.STUDY.filter(ofPatient);
  return belowPatient ? table[level].filter((row) => !ofPatient(row)) : table[level];
}

/** What results of a level have. */
export function attributesAt(place: LevelPlace): readonly LevelAttribute[] {
  return placed(levelAttributes, place, ({ tag }) => tag);
}

/** What `includefield=all` adds at a level. */
export function optionalAttributesAt(place: LevelPlace): readonly (readonly [Tag, Vr])[] {
  return placed(optionalAttributes, place, ([tag]) => tag);
}
