/** What instances of the SOP classes that phones and scanners are stored as must have. */
import type { DicomJsonElement, DicomJsonObject } from './dicom-json-value.js';
import { attributeByTag } from './dictionary.js';
import { formatTag, type Tag } from './tag.js';
import { Tags } from './tags.js';

const identity = [Tags.SOPClassUID, Tags.SOPInstanceUID, Tags.StudyInstanceUID, Tags.SeriesInstanceUID];

/** Of whatever has Pixel Data; Planar Configuration where there is more than one sample. @see PS3.3 C.7.6.3 */
const imagePixel = [
  Tags.SamplesPerPixel,
  Tags.PhotometricInterpretation,
  Tags.Rows,
  Tags.Columns,
  Tags.BitsAllocated,
  Tags.BitsStored,
  Tags.HighBit,
  Tags.PixelRepresentation,
];

/** @see PS3.3 A.8.1, C.7.3.1, C.8.6.1 */
const secondaryCapture = [Tags.Modality, Tags.ConversionType, Tags.PixelData];
/** @see PS3.3 A.8.2 to A.8.5, C.8.6.3 */
const multiFrameCapture = [...secondaryCapture, Tags.BurnedInAnnotation, Tags.NumberOfFrames];
/** @see PS3.3 A.32, C.8.12.1 */
const visibleLight = [Tags.Modality, Tags.ImageType, Tags.PixelData];
/** @see PS3.3 A.32.5 to A.32.7, C.7.6.6 */
const video = [...visibleLight, Tags.NumberOfFrames, Tags.FrameIncrementPointer];
/** Title and concept name may be empty. @see PS3.3 C.24.2 */
const document = [
  Tags.Modality,
  Tags.InstanceNumber,
  Tags.BurnedInAnnotation,
  Tags.MIMETypeOfEncapsulatedDocument,
  Tags.EncapsulatedDocument,
];
/** @see PS3.3 A.45.1 */
const page = [...document, Tags.ConversionType];
/** The identifier is of type 1C, for documents of this kind. @see PS3.3 A.45.2, C.24.2 */
const clinicalDocument = [...page, Tags.HL7InstanceIdentifier];
/** @see PS3.3 A.85.1, A.85.2, C.7.5.2, C.35.1 */
const model = [
  ...document,
  Tags.Manufacturer,
  Tags.ManufacturerModelName,
  Tags.DeviceSerialNumber,
  Tags.SoftwareVersions,
  Tags.FrameOfReferenceUID,
  Tags.MeasurementUnitsCodeSequence,
];

const root = '1.2.840.10008.5.1.4.1.1.';

/** The attributes of type 1 that no condition goes with but the SOP class, by what follows the root of the storage classes. */
const byClass: ReadonlyMap<string, readonly Tag[]> = new Map<string, readonly Tag[]>([
  ['7', secondaryCapture],
  ['7.1', multiFrameCapture],
  ['7.2', multiFrameCapture],
  ['7.3', multiFrameCapture],
  ['7.4', multiFrameCapture],
  ['77.1.1', visibleLight],
  ['77.1.2', visibleLight],
  ['77.1.4', visibleLight],
  ['77.1.1.1', video],
  ['77.1.2.1', video],
  ['77.1.4.1', video],
  ['104.1', page],
  ['104.2', clinicalDocument],
  ['104.3', model],
]);

/** What instances of a SOP class must have whatever they are; nothing for classes that are not in the table. */
export const requiredAttributes = (sopClassUid: string): readonly Tag[] =>
  sopClassUid.startsWith(root) ? (byClass.get(sopClassUid.slice(root.length)) ?? []) : [];

const isThere = (element: DicomJsonElement | undefined): boolean =>
  element !== undefined &&
  (element.BulkDataURI !== undefined ||
    element.InlineBinary !== undefined ||
    (element.Value ?? []).some(
      (value) => value !== null && (typeof value !== 'string' || value.trim() !== ''),
    ));

/**
 * The keywords of the attributes of type 1 that an instance lacks, or has without a value: its UIDs, the Image Pixel
 * module where it has pixels, and those of its SOP class, in ascending order.
 */
export function missingAttributes(object: DicomJsonObject): readonly string[] {
  const first = (tag: Tag): unknown => object[formatTag(tag)]?.Value?.[0];
  const sopClassUid = first(Tags.SOPClassUID);
  const pixels = isThere(object[formatTag(Tags.PixelData)]) ? imagePixel : [];
  const planar =
    pixels.length > 0 && Number(first(Tags.SamplesPerPixel)) > 1 ? [Tags.PlanarConfiguration] : [];
  const required = [
    ...identity,
    ...pixels,
    ...planar,
    ...requiredAttributes(typeof sopClassUid === 'string' ? sopClassUid : ''),
  ];
  return [...new Set(required)]
    .sort((left, right) => left - right)
    .filter((tag) => !isThere(object[formatTag(tag)]))
    .map((tag) => attributeByTag(tag)?.keyword ?? formatTag(tag));
}
