import { Tags, type Dataset } from '../dicom/index.js';
import { badLook } from './bad-look.js';

/** An image that a presentation state shows: of the study that the state is in. */
export interface ReferencedImage {
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  /** Counted from 1, in the state's order; all of the image when left out. */
  readonly frames?: readonly number[];
}

/** One frame of one image. */
export interface ReferencedFrame {
  readonly sopInstanceUid: string;
  readonly frame: number;
}

/**
 * The images of a presentation state in its order.
 *
 * @throws GatewayError `malformed-dataset` for none, or one that is not named
 * @see PS3.3 C.11.11
 */
export function readReferences(state: Dataset): readonly ReferencedImage[] {
  const images = state.items(Tags.ReferencedSeriesSequence).flatMap((series) => {
    const seriesInstanceUid = series.string(Tags.SeriesInstanceUID);
    return series.items(Tags.ReferencedImageSequence).map((item): ReferencedImage => {
      const sopInstanceUid = item.string(Tags.ReferencedSOPInstanceUID);
      if (seriesInstanceUid === undefined || sopInstanceUid === undefined)
        throw badLook('shows an image without naming it');
      const frames = framesOf(item);
      return { seriesInstanceUid, sopInstanceUid, ...(frames.length > 0 && { frames }) };
    });
  });
  if (images.length === 0) throw badLook('is a presentation state of no images');
  return images;
}

function framesOf(item: Dataset): readonly number[] {
  const texts = item.strings(Tags.ReferencedFrameNumber).filter((text) => text.trim() !== '');
  const frames = texts.map(Number);
  if (frames.every((frame) => Number.isSafeInteger(frame) && frame >= 1)) return frames;
  throw badLook('names a frame by what is no number');
}

/** The first item of a sequence that is for this frame: one that names no images is for all. @see PS3.3 C.10.4, C.11.8 */
export const itemFor = (items: readonly Dataset[], of: ReferencedFrame): Dataset | undefined =>
  items.find((item) => isFor(item, of));

export function isFor(item: Dataset, { sopInstanceUid, frame }: ReferencedFrame): boolean {
  const images = item.items(Tags.ReferencedImageSequence);
  if (images.length === 0) return true;
  return images.some((image) => {
    if (image.string(Tags.ReferencedSOPInstanceUID) !== sopInstanceUid) return false;
    const frames = namedFrames(image);
    return frames.size === 0 || frames.has(frame);
  });
}

/** The frames that were read of an item: it is asked once for every frame that is shown. */
const found = new WeakMap<Dataset, ReadonlySet<number>>();

function namedFrames(image: Dataset): ReadonlySet<number> {
  const frames = found.get(image) ?? new Set(framesOf(image));
  found.set(image, frames);
  return frames;
}
