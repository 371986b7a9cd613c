import { GatewayError, toGatewayError } from '../core/index.js';
import { frameCount, readAttributes, Tags, type Tag } from '../dicom/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import type { ReferencedImage } from '../render/index.js';
import type { FramePool } from '../transcode/index.js';
import { each } from './frames-answer.js';
import { inOrder } from './in-order.js';
import type { OpenInstance, StudyInstances } from './open-instance.js';
import { PickedFrames } from './picked-frames.js';
import { isOfVideo, requireRenderable } from './rendered-parts.js';

/** An image that a presentation state shows, and that is there. */
export interface PresentedImage {
  readonly target: Required<RetrieveTarget>;
  /** Frames that the image has. */
  readonly count: number;
  /** Those that are shown; all when left out. */
  readonly frames?: readonly number[];
  /** How far it is along the normal of its plane, and that normal. */
  readonly place?: { readonly distance: number; readonly normal: readonly number[] };
}

export interface PresentedImages {
  readonly images: readonly PresentedImage[];
  /** How many the PACS does not deliver. */
  readonly missing: number;
}

/** Images that are looked at at once. */
const AT_ONCE = 4;
/** What says that an image is not to be had, and nothing of the others. */
const ABSENT: ReadonlySet<string> = new Set(['not-found', 'peer-incomplete', 'peer-failed']);

export interface ImagesOfState {
  /** Where the state is: its images are there too. */
  readonly studyInstanceUid: string;
  readonly images: readonly ReferencedImage[];
  /** A state of more is not rendered. */
  readonly most: number;
}

/**
 * Brings all images that a state shows into the cache, one after the other, and sees whether they can be shown: what is
 * missing must be known before the status line.
 *
 * @throws GatewayError `payload-too-large`, `not-found` when none of them is there, `not-acceptable`,
 * `malformed-dataset` for a frame that is not in its image, or of a retrieve
 * @see rules W-09, W-57
 */
export async function findPresented(
  { studyInstanceUid, images, most }: ImagesOfState,
  open: StudyInstances['open'],
  pool: FramePool,
): Promise<PresentedImages> {
  if (images.length > most)
    throw new GatewayError(
      'payload-too-large',
      `A presentation state of more than ${most} images is not rendered.`,
    );
  const found: PresentedImage[] = [];
  let missing = 0;
  let failure: GatewayError | undefined;
  const look = async ({ frames, ...uids }: ReferencedImage): Promise<PresentedImage | GatewayError> => {
    const target = { studyInstanceUid, ...uids };
    try {
      const opened = await open(target);
      try {
        return await presentedImage(opened, target, frames, pool);
      } finally {
        await opened.close();
      }
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (!ABSENT.has(error.code)) throw error;
      return error;
    }
  };
  for await (const one of inOrder(each(images), AT_ONCE, look)) {
    if (!(one instanceof GatewayError)) found.push(one);
    else {
      missing += 1;
      failure ??= one;
    }
  }
  if (found.length > 0) return { images: inSpace(found), missing };
  const message = 'The PACS has none of the images that the presentation state shows.';
  if (failure === undefined || failure.code === 'not-found') throw new GatewayError('not-found', message);
  throw failure;
}

async function presentedImage(
  opened: OpenInstance,
  target: Required<RetrieveTarget>,
  frames: readonly number[] | undefined,
  pool: FramePool,
): Promise<PresentedImage> {
  const count = frameCount(opened.index);
  if (count === 0 || isOfVideo(opened))
    throw new GatewayError('not-acceptable', 'The presentation state shows what holds no still picture.');
  if (frames?.some((frame) => frame > count))
    throw new GatewayError(
      'malformed-dataset',
      'The presentation state shows a frame that its image has not.',
    );
  requireRenderable(opened, new PickedFrames(count, frames), pool);
  const place = count === 1 ? await placeOf(opened) : undefined;
  return { target, count, ...(frames && { frames }), ...(place && { place }) };
}

/** The frames of an image that are shown. */
export const shownFrames = ({ count, frames }: PresentedImage): PickedFrames =>
  new PickedFrames(count, frames);

const spatial: ReadonlySet<Tag> = new Set([Tags.ImagePositionPatient, Tags.ImageOrientationPatient]);

async function placeOf({ instance, stored }: OpenInstance): Promise<PresentedImage['place']> {
  const head = await readAttributes(instance.source, stored, spatial);
  const position = head.strings(Tags.ImagePositionPatient).map(Number);
  const axes = head.strings(Tags.ImageOrientationPatient).map(Number);
  if (position.length !== 3 || axes.length !== 6 || ![...position, ...axes].every(Number.isFinite))
    return undefined;
  const normal = across(axes.slice(0, 3), axes.slice(3));
  return { distance: dot(normal, position), normal };
}

/** What stands upright on two directions. */
const across = (one: readonly number[], other: readonly number[]): readonly number[] =>
  [1, 2, 0].map((at) => {
    const then = (at + 1) % 3;
    return (one[at] ?? 0) * (other[then] ?? 0) - (one[then] ?? 0) * (other[at] ?? 0);
  });

const dot = (one: readonly number[], other: readonly number[]): number =>
  one.reduce((sum, value, at) => sum + value * (other[at] ?? 0), 0);

/** How much of a normal parallel planes share. */
const PARALLEL = 0.999;

/** Images of parallel planes in the order of these; others as the state names them. @see PS3.18 8.3.5 (W-57) */
function inSpace(images: readonly PresentedImage[]): readonly PresentedImage[] {
  const [first] = images;
  const normal = first?.place?.normal;
  const areParallel =
    normal !== undefined && images.every(({ place }) => place && dot(place.normal, normal) > PARALLEL);
  if (!areParallel) return images;
  return [...images].sort((one, other) => (one.place?.distance ?? 0) - (other.place?.distance ?? 0));
}
