import { readAttributes, Tags, type Dataset, type Tag } from '../dicom/index.js';
import type { Annotation } from '../dicomweb/index.js';
import type { StoredWhole } from './stored-whole.js';

const wanted: ReadonlySet<Tag> = new Set([
  Tags.PatientName,
  Tags.PatientID,
  Tags.PatientBirthDate,
  Tags.PatientSex,
  Tags.StudyDate,
  Tags.Modality,
  Tags.StudyDescription,
  Tags.SeriesDescription,
  Tags.SeriesNumber,
  Tags.InstanceNumber,
]);

/** `Doe^Jane` as `Doe Jane`: of a name in several scripts the first in which it is written. */
const nameOf = (value: string): string =>
  value
    .split('=')
    .map((group) => group.replace(/\^+/g, ' ').trim())
    .find((group) => group !== '') ?? '';

/** `20240131` as `2024-01-31`; anything else as it stands. */
const dateOf = (value: string): string => value.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');

function joined(texts: readonly (string | undefined)[]): readonly string[] {
  const line = texts.filter((text) => text !== undefined && text !== '').join('  ');
  return line === '' ? [] : [line];
}

function linesOf(kind: Annotation, head: Dataset, frame: string | undefined): readonly string[] {
  const text = (tag: Tag): string | undefined => head.string(tag);
  const numbered = (what: string, tag: Tag): string | undefined => {
    const value = text(tag);
    return value === undefined ? undefined : `${what} ${value}`;
  };
  if (kind === 'patient')
    return [
      ...joined([nameOf(text(Tags.PatientName) ?? ''), text(Tags.PatientID)]),
      ...joined([dateOf(text(Tags.PatientBirthDate) ?? ''), text(Tags.PatientSex)]),
    ];
  return [
    ...joined([dateOf(text(Tags.StudyDate) ?? ''), text(Tags.Modality), text(Tags.StudyDescription)]),
    ...joined([
      text(Tags.SeriesDescription),
      numbered('Se', Tags.SeriesNumber),
      numbered('Im', Tags.InstanceNumber),
      frame,
    ]),
  ];
}

/** What is written into the picture of one frame of `count`. @throws GatewayError of the dataset @see rule W-51 */
export async function annotationLines(
  { instance, stored }: StoredWhole,
  kinds: readonly Annotation[],
  { frame, count }: { readonly frame: number; readonly count: number },
  fallbackCharacterSet: string | undefined,
): Promise<readonly string[]> {
  if (kinds.length === 0) return [];
  const head = await readAttributes(instance.source, stored, wanted, fallbackCharacterSet);
  const ofFrames = count > 1 ? `Fr ${frame}/${count}` : undefined;
  return kinds.flatMap((kind) => linesOf(kind, head, ofFrames));
}
