import type { Dataset, Tag } from '../dicom/index.js';
import { ReportTags as Report } from './report-tags.js';
import { writtenCode, writtenDate, writtenDateTime, writtenName, writtenTime } from './written-value.js';

/** What stands above a report: whose it is, of when, and whether it is complete and verified. */
export interface ReportHead {
  readonly title: string;
  readonly lines: readonly (readonly [label: string, value: string])[];
}

const asIs = (value: string): string => value;

const lines: readonly (readonly [string, Tag, (value: string) => string])[] = [
  ['Patient', Report.PatientName, writtenName],
  ['Patient ID', Report.PatientID, asIs],
  ['Born', Report.PatientBirthDate, writtenDate],
  ['Sex', Report.PatientSex, asIs],
  ['Study', Report.StudyDescription, asIs],
  ['Study date', Report.StudyDate, writtenDate],
  ['Study time', Report.StudyTime, writtenTime],
  ['Accession number', Report.AccessionNumber, asIs],
  ['Referring physician', Report.ReferringPhysicianName, writtenName],
  ['Institution', Report.InstitutionName, asIs],
  ['Manufacturer', Report.Manufacturer, asIs],
  ['Series', Report.SeriesDescription, asIs],
  ['Date', Report.ContentDate, writtenDate],
  ['Time', Report.ContentTime, writtenTime],
  ['Preliminary or final', Report.PreliminaryFlag, asIs],
  ['Completion', Report.CompletionFlag, asIs],
  ['Completion description', Report.CompletionFlagDescription, asIs],
  ['Verification', Report.VerificationFlag, asIs],
];

/** @see PS3.3 C.17.2 */
export function reportHead(root: Dataset): ReportHead {
  const told = lines.flatMap(([label, tag, write]) => {
    const value = root.strings(tag).map(write).join(', ');
    return value === '' ? [] : [[label, value] as const];
  });
  const verified = root.items(Report.VerifyingObserverSequence).map((observer) => {
    const name = observer.string(Report.VerifyingObserverName);
    const organization = observer.string(Report.VerifyingOrganization);
    const when = observer.string(Report.VerificationDateTime);
    const parts = [name && writtenName(name), organization, when && writtenDateTime(when)];
    return ['Verified by', parts.filter((part) => part).join(', ')] as const;
  });
  const title = writtenCode(root.items(Report.ConceptNameCodeSequence)[0])?.text;
  return { title: title ?? 'Structured report', lines: [...told, ...verified] };
}
