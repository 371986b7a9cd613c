import { GatewayError } from '../core/index.js';
import { Tags, type Dataset, type DatasetIndex } from '../dicom/index.js';
import { badLook } from './bad-look.js';
import { iccProfileOf } from './icc-profile.js';
import type {
  ImageLook,
  LookUpTable,
  OverlayPlane,
  Presented,
  Rescale,
  WindowFunction,
} from './image-look.js';
import { firstAspect, isNegative, lookUpTable, modalityOf, voiOf } from './look.js';
import type { LookDatasets } from './look-datasets.js';
import { numbersOf } from './look-values.js';
import type { PresentationState } from './presentation-state.js';
import type { ImageLooks } from './read-looks.js';
import { readShutters, shutterValueOf } from './shutter.js';
import { isFor, itemFor, type ReferencedFrame } from './state-references.js';

/** An image that a presentation state shows. */
export interface PresentedImage {
  readonly sopInstanceUid: string;
  readonly index: DatasetIndex;
}

/**
 * How a presentation state shows the frames of an image: what it says stands in place of what the image says, and what it
 * does not say is no transformation, whatever the image says.
 *
 * @throws GatewayError from `of`: `not-acceptable` for an image that the state is not made for, `malformed-dataset`
 * @see PS3.4 N.2
 */
export const presentedLooks = (
  looks: ImageLooks,
  state: PresentationState,
  { sopInstanceUid, index }: PresentedImage,
): ImageLooks => ({
  of: async (frame) => presentedLook(await looks.of(frame), state, index, { sopInstanceUid, frame }),
  delayMs: (frame) => looks.delayMs(frame),
});

function presentedLook(
  look: ImageLook,
  state: PresentationState,
  index: DatasetIndex,
  of: ReferencedFrame,
): ImageLook {
  const { dataset } = state;
  const { iccProfile: ofImage, modality: _modality, ...rest } = look;
  const isGrey = (index.photometricInterpretation ?? 'MONOCHROME2').startsWith('MONOCHROME');
  if (isGrey === state.isColour)
    throw new GatewayError(
      'not-acceptable',
      'The presentation state is not for images such as those it names.',
    );
  const iccProfile = state.isColour ? (iccProfileOf(alone(dataset)) ?? ofImage) : ofImage;
  const area = itemFor(dataset.items(Tags.DisplayedAreaSelectionSequence), of);
  return {
    ...rest,
    ...(isGrey && greyOf(look, dataset, index, of)),
    overlays: activeOverlays(look, state),
    shutters: readShutters(dataset),
    shutterValue: shutterValueOf(dataset),
    pixelAspect: (area && aspectOf(area)) ?? look.pixelAspect,
    ...(iccProfile && { iccProfile }),
    presented: {
      area: areaOf(area, index),
      ...turnOf(dataset),
      graphics: state.annotations.flatMap(({ item, graphics }) => (isFor(item, of) ? graphics : [])),
    },
  };
}

const alone = (dataset: Dataset): LookDatasets => ({ dataset, shared: undefined, own: undefined });

function greyOf(
  { floating }: ImageLook,
  state: Dataset,
  index: DatasetIndex,
  of: ReferencedFrame,
): Pick<ImageLook, 'modality' | 'voi' | 'presentation'> {
  const isSigned = index.pixelRepresentation === 1;
  const modality = modalityOf(alone(state), isSigned);
  const item = itemFor(state.items(Tags.SoftcopyVOILUTSequence), of);
  const said = item ? voiOf(alone(item), isNegative(modality, isSigned)) : [];
  const all = floating ? [] : [wholeRange(modality, index)];
  return { ...(modality && { modality }), voi: said.length > 0 ? said : all, presentation: shapeOf(state) };
}

/** Without a VOI LUT all values that there might be are shown, not those alone that there are. @see PS3.4 N.2.1.2 */
function wholeRange(
  modality: Rescale | LookUpTable | undefined,
  { bitsAllocated = 8, bitsStored = bitsAllocated, pixelRepresentation }: DatasetIndex,
): WindowFunction {
  const steps = 2 ** bitsStored - 1;
  const first = pixelRepresentation === 1 ? -(2 ** (bitsStored - 1)) : 0;
  let ends = [first, first + steps];
  if (modality?.kind === 'table') ends = [0, 2 ** modality.bits - 1];
  else if (modality) ends = ends.map((value) => value * modality.slope + modality.intercept);
  const [from, to] = [Math.min(...ends), Math.max(...ends)];
  return { kind: 'window', center: (from + to) / 2, width: to - from, shape: 'linear-exact' };
}

/** What the image is called counts no more: MONOCHROME1 is white for low values only if the state says so. */
function shapeOf(state: Dataset): ImageLook['presentation'] {
  const item = state.items(Tags.PresentationLUTSequence)[0];
  if (item) return lookUpTable(item, false);
  return state.string(Tags.PresentationLUTShape) === 'INVERSE' ? 'inverse' : 'identity';
}

const ACTIVATION_LAYER = 0x1001;

/** Those that the state puts on a layer: its own, else the image's of the same group. @see PS3.3 C.11.7 */
function activeOverlays(look: ImageLook, { dataset, overlays }: PresentationState): readonly OverlayPlane[] {
  const own = new Set(overlays.map(({ group }) => group));
  const all = [...overlays, ...look.overlays.filter(({ group }) => !own.has(group))];
  return all.filter(({ group }) => dataset.string(group * 0x10000 + ACTIVATION_LAYER) !== undefined);
}

const aspectOf = (area: Dataset): ImageLook['pixelAspect'] | undefined =>
  firstAspect([
    numbersOf(area, Tags.PresentationPixelSpacing),
    numbersOf(area, Tags.PresentationPixelAspectRatio),
  ]);

/** The corners are those that are seen: in an image that is turned either may be the lesser. @see PS3.3 C.10.4 */
function areaOf(item: Dataset | undefined, { rows = 0, columns = 0 }: DatasetIndex): Presented['area'] {
  if (!item) return { left: 0, top: 0, width: columns, height: rows };
  const [x1, y1] = numbersOf(item, Tags.DisplayedAreaTopLeftHandCorner);
  const [x2, y2] = numbersOf(item, Tags.DisplayedAreaBottomRightHandCorner);
  if (x1 === undefined || y1 === undefined || x2 === undefined || y2 === undefined)
    throw badLook('has a displayed area without its corners');
  return {
    left: Math.min(x1, x2) - 1,
    top: Math.min(y1, y2) - 1,
    width: Math.abs(x2 - x1) + 1,
    height: Math.abs(y2 - y1) + 1,
  };
}

/** @see PS3.3 C.10.6 */
function turnOf(dataset: Dataset): Pick<Presented, 'rotation' | 'flip'> {
  const degrees = numbersOf(dataset, Tags.ImageRotation)[0] ?? 0;
  const rotation = ([0, 90, 180, 270] as const).find((one) => one === degrees);
  if (rotation === undefined) throw badLook('is turned by what is no quarter of a turn');
  return { rotation, flip: dataset.string(Tags.ImageHorizontalFlip) === 'Y' };
}
