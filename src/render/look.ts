import { Tags, type Dataset, type DatasetIndex, type Tag } from '../dicom/index.js';
import type {
  ImageLook,
  LookUpTable,
  PixelAspect,
  PixelPadding,
  Rescale,
  WindowFunction,
  WindowShape,
} from './image-look.js';
import { bytesOf, numbersOf, readDescriptor, readEntries, tableOf } from './look-values.js';
import { readPalette } from './palette.js';
import { inGroup, type LookDatasets } from './look-datasets.js';
import { iccProfileOf } from './icc-profile.js';
import { readShutters, shutterValueOf } from './shutter.js';

/** X-ray images whose modality LUT is not for display. @see PS3.3 C.8.7.1.1.2 */
const X_RAY: ReadonlySet<string | undefined> = new Set([
  '1.2.840.10008.5.1.4.1.1.12.1',
  '1.2.840.10008.5.1.4.1.1.12.2',
]);

/** How a frame of a dataset is shown, but for its overlays. @throws GatewayError `malformed-dataset` */
export function lookOf(groups: LookDatasets, index: DatasetIndex): ImageLook {
  const { dataset } = groups;
  const { photometricInterpretation = 'MONOCHROME2', pixelData } = index;
  const iccProfile = iccProfileOf(groups);
  const shut = inGroup(groups, Tags.FrameDisplayShutterSequence, Tags.ShutterShape);
  return {
    ...(photometricInterpretation.startsWith('MONOCHROME') ? greyLook(groups, index) : UNCHANGED),
    ...(photometricInterpretation === 'PALETTE COLOR' && {
      palette: readPalette(dataset, index.pixelRepresentation === 1),
    }),
    overlays: [],
    shutters: readShutters(shut),
    shutterValue: shutterValueOf(shut),
    pixelAspect: pixelAspectOf(groups),
    ...(iccProfile && { iccProfile }),
    lowestBit: lowestBitOf(dataset, index),
    floating: pixelData?.kind === 'native' && pixelData.tag !== Tags.PixelData,
  };
}

type GreyLook = Pick<ImageLook, 'modality' | 'voi' | 'presentation' | 'padding'>;

/** Grey values have no meaning in colours. @see PS3.3 C.11.2.1.2 */
const UNCHANGED: GreyLook = { voi: [], presentation: 'identity' };

function greyLook(groups: LookDatasets, index: DatasetIndex): GreyLook {
  const { dataset } = groups;
  const isSigned = index.pixelRepresentation === 1;
  const modality = modalityOf(groups, isSigned);
  const padding = paddingOf(dataset, isSigned);
  return {
    ...(modality && { modality }),
    voi: voiOf(groups, isNegative(modality, isSigned)),
    presentation: isInverse(dataset, index) ? 'inverse' : 'identity',
    ...(padding && { padding }),
  };
}

/** The modality LUT of a dataset, or of what shows it. @see PS3.3 C.11.1 */
export function modalityOf(groups: LookDatasets, isSigned: boolean): Rescale | LookUpTable | undefined {
  const { dataset } = groups;
  const item = dataset.items(Tags.ModalityLUTSequence)[0];
  if (item) return isForDisplay(dataset) ? lookUpTable(item, isSigned) : undefined;
  const from = inGroup(groups, Tags.PixelValueTransformationSequence, Tags.RescaleSlope);
  const [slope = 1] = numbersOf(from, Tags.RescaleSlope);
  const [intercept = 0] = numbersOf(from, Tags.RescaleIntercept);
  // A slope of 0 would make one value of all: writers that have none to give write it.
  if (slope === 0 || (slope === 1 && intercept === 0)) return undefined;
  return { kind: 'rescale', slope, intercept };
}

function isForDisplay(dataset: Dataset): boolean {
  const relationship = dataset.string(Tags.PixelIntensityRelationship);
  return !X_RAY.has(dataset.string(Tags.SOPClassUID)) || !['LOG', 'DISP'].includes(relationship ?? '');
}

/** @throws GatewayError `malformed-dataset` */
export function lookUpTable(item: Dataset, isFirstSigned: boolean): LookUpTable {
  const descriptor = readDescriptor(item, Tags.LUTDescriptor, isFirstSigned);
  return tableOf(descriptor, readEntries(bytesOf(item, Tags.LUTData), descriptor));
}

/** Whether modality values may be negative, so that a VOI LUT begins at a signed one. @see PS3.3 C.11.2.1.1 */
export function isNegative(modality: Rescale | LookUpTable | undefined, isSigned: boolean): boolean {
  if (modality?.kind === 'table') return false;
  return isSigned || (modality !== undefined && (modality.intercept < 0 || modality.slope < 0));
}

/** The windows, then the tables. @see PS3.3 C.11.2 */
export function voiOf(
  groups: LookDatasets,
  isFirstSigned: boolean,
): readonly (WindowFunction | LookUpTable)[] {
  const from = inGroup(groups, Tags.FrameVOILUTSequence, Tags.WindowCenter);
  const tables = groups.dataset
    .items(Tags.VOILUTSequence)
    .map((item) => lookUpTable(item, isFirstSigned || item.get(Tags.LUTDescriptor)?.vr === 'SS'));
  return [...windowsOf(from), ...tables];
}

/** The windows of a dataset; one without a width shows nothing and is none. */
function windowsOf(dataset: Dataset): readonly WindowFunction[] {
  const centers = numbersOf(dataset, Tags.WindowCenter);
  const widths = numbersOf(dataset, Tags.WindowWidth);
  const shape = windowShape(dataset.string(Tags.VOILUTFunction));
  return centers.flatMap((center, at) => {
    const width = widths[at] ?? 0;
    const isOne = shape === 'linear' ? width >= 1 : width > 0;
    return isOne ? [{ kind: 'window', center, width, shape }] : [];
  });
}

function windowShape(term: string | undefined): WindowShape {
  if (term === 'LINEAR_EXACT') return 'linear-exact';
  return term === 'SIGMOID' ? 'sigmoid' : 'linear';
}

/** MONOCHROME1 and the shape INVERSE say the same, and images for presentation say both. @see PS3.3 C.8.11.3.1.2 */
function isInverse(dataset: Dataset, { photometricInterpretation }: DatasetIndex): boolean {
  return (
    photometricInterpretation === 'MONOCHROME1' || dataset.string(Tags.PresentationLUTShape) === 'INVERSE'
  );
}

/** What stands where there is no image. @see PS3.3 C.7.5.1.1.2, C.7.6.24 */
function paddingOf(dataset: Dataset, isSigned: boolean): PixelPadding | undefined {
  const values = [
    [Tags.PixelPaddingValue, Tags.PixelPaddingRangeLimit],
    [Tags.FloatPixelPaddingValue, Tags.FloatPixelPaddingRangeLimit],
    [Tags.DoubleFloatPixelPaddingValue, Tags.DoubleFloatPixelPaddingRangeLimit],
  ] as const;
  const found = values.find(([tag]) => dataset.has(tag));
  if (!found) return undefined;
  const [value = Number.NaN] = storedValues(dataset, found[0], isSigned);
  const [limit = value] = storedValues(dataset, found[1], isSigned);
  return Number.isNaN(value) ? undefined : { from: Math.min(value, limit), to: Math.max(value, limit) };
}

/** Words are what samples are, whichever of US and SS was written. */
function storedValues(dataset: Dataset, tag: Tag, isSigned: boolean): readonly number[] {
  const element = dataset.get(tag);
  if (element?.vr !== 'US' && element?.vr !== 'SS') return numbersOf(dataset, tag);
  const bytes = bytesOf(dataset, tag);
  if (bytes.length < 2) return [];
  return [isSigned ? bytes.readInt16LE(0) : bytes.readUInt16LE(0)];
}

/** @see PS3.3 C.7.6.3.1.7, 10.7.1.3 */
function pixelAspectOf(groups: LookDatasets): PixelAspect {
  const { dataset } = groups;
  const choices = [
    numbersOf(dataset, Tags.PixelAspectRatio),
    numbersOf(inGroup(groups, Tags.PixelMeasuresSequence, Tags.PixelSpacing), Tags.PixelSpacing),
    numbersOf(dataset, Tags.ImagerPixelSpacing),
  ];
  return firstAspect(choices) ?? { vertical: 1, horizontal: 1 };
}

/** The first that are a height and a width. */
export function firstAspect(choices: readonly (readonly number[])[]): PixelAspect | undefined {
  for (const [vertical = 0, horizontal = 0] of choices) {
    const isOne = vertical > 0 && horizontal > 0 && Math.abs(Math.log(vertical / horizontal)) < MOST_ASPECT;
    if (isOne) return { vertical, horizontal };
  }
  return undefined;
}

/** Logarithm of 100: what claims to be longer is a mistake, and would be a picture of one line. */
const MOST_ASPECT = Math.log(100);

/** @see PS3.5 8.1.1 */
function lowestBitOf(
  dataset: Dataset,
  { bitsAllocated = 0, bitsStored = bitsAllocated }: DatasetIndex,
): number {
  const [highBit = bitsStored - 1] = numbersOf(dataset, Tags.HighBit);
  return Math.min(Math.max(0, highBit + 1 - bitsStored), Math.max(0, bitsAllocated - bitsStored));
}
