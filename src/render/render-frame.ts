import { GatewayError } from '../core/index.js';
import { nativeFrameBytes, type FrameShape, type NativeFrame } from '../dicom/index.js';
import { badLook } from './bad-look.js';
import { drawAnnotation } from './annotation.js';
import { inProfile } from './colour-profile.js';
import { colourPixels, isColour } from './colour.js';
import { drawGraphics } from './draw-graphics.js';
import { drawOverlays } from './draw-overlays.js';
import { encodePicture, scaled } from './encode-picture.js';
import { boxesOf, halved, halvingsWithin, layOut, type Geometry } from './geometry.js';
import { canShrinkGrey, greyPixels, shrunkGrey } from './grey.js';
import type { ImageLook } from './image-look.js';
import type { Picture, PictureRequest } from './picture-request.js';
import { layOutArea, present, type AreaLayout } from './present.js';
import type { Raster } from './raster.js';
import type { Scratch } from './scratch.js';
import { closeShutters } from './shutter.js';

/** A picture that is to be made of a frame. */
export interface RenderJob {
  /** Of the frame before anything was left out of it. */
  readonly shape: FrameShape;
  readonly look: ImageLook;
  readonly request: PictureRequest;
  /** Most pixels of the picture where it is scaled. */
  readonly mostPixels: number;
  /** For the pixels, where no other picture is made at the same time. */
  readonly scratch?: Scratch;
}

/**
 * How many times the frame may be halved while it is decoded, for a picture that is so much smaller; 0 for what can only
 * be put together in full size.
 *
 * @throws GatewayError as `renderFrame`
 */
export function halvingsFor({ shape, look, request, mostPixels }: RenderJob): number {
  if (layoutOf({ shape, look, request, mostPixels })) return 0;
  const geometry = layOut(shape, look, request.viewport, mostPixels);
  if (look.palette || look.overlays.length > 0 || look.shutters.length > 0) return 0;
  return halvingsWithin(geometry);
}

/**
 * Makes the picture of a native frame: modality LUT, VOI LUT, presentation LUT, overlays and shutters, the part that is
 * wanted, its size; of a presentation state its area, turned, with its graphics.
 *
 * @throws GatewayError `malformed-dataset`, `not-acceptable` for what no picture can be made of, `bad-request` for a part
 * that is not in the image
 * @see rule W-56, PS3.4 N.2
 */
export async function renderFrame(frame: NativeFrame, job: RenderJob): Promise<Picture> {
  const { request } = job;
  requireSamples(frame);
  if (request.mediaType === 'image/gif' && (request.iccProfile ?? 'no') !== 'no')
    throw new GatewayError('bad-request', 'GIF has no place for a colour profile.');
  const layout = layoutOf(job);
  if (layout) return await finished(await present(drawn(frame, job), layout), job, layout);
  const { raster, geometry } = cutOut(frame, job);
  const isPlain = (request.iccProfile ?? 'no') === 'no' && (request.annotation ?? []).length === 0;
  // One way through the image library in place of two.
  if (isPlain) return await encodePicture(raster, request, { geometry });
  return await finished(await scaled(raster, geometry), job);
}

/** What is done with a picture that has its size. */
async function finished(shown: Raster, { look, request }: RenderJob, layout?: AreaLayout): Promise<Picture> {
  const { raster, profile } = await inProfile(shown, look.iccProfile, request.iccProfile);
  if (layout) drawGraphics(raster, layout.presented.graphics, layout);
  drawAnnotation(raster, request.annotation ?? []);
  return await encodePicture(raster, request, { profile });
}

/** Where a presentation state decides. */
function layoutOf({ shape, look, request, mostPixels }: RenderJob): AreaLayout | undefined {
  const { presented, pixelAspect } = look;
  return presented && layOutArea(shape, { presented, pixelAspect }, request.viewport, mostPixels);
}

/** A frame, or a smaller picture of it, and the part of that which the viewport shows. */
function cutOut(frame: NativeFrame, job: RenderJob): { raster: Raster; geometry: Geometry } {
  const ofImage = layOut(job.shape, job.look, job.request.viewport, job.mostPixels);
  const geometry = halved(ofImage, job.shape, frame.shape);
  const shrunk = shrunkPart(frame, job, geometry);
  if (!shrunk) return { raster: drawn(frame, job), geometry };
  const { width, height } = shrunk;
  return { raster: shrunk, geometry: { ...geometry, left: 0, top: 0, width, height } };
}

/** What is to become much smaller, without a picture of all of its pixels; undefined where that would show something else. */
function shrunkPart(
  frame: NativeFrame,
  { look, request }: RenderJob,
  geometry: Geometry,
): Raster | undefined {
  const boxes = boxesOf(geometry);
  const isSmaller = boxes.columns < geometry.width || boxes.rows < geometry.height;
  const isPlain = !isColour(frame.shape) && look.overlays.length === 0 && look.shutters.length === 0;
  if (!isSmaller || !isPlain || !canShrinkGrey(frame, look)) return undefined;
  return shrunkGrey(frame, { look, request }, geometry, boxes);
}

/** A whole frame, with its overlays and shutters. */
function drawn(frame: NativeFrame, job: RenderJob): Raster {
  const full = rasterOf(frame, job);
  drawOverlays(full, frame, job.look);
  closeShutters(full.pixels, { ...frame.shape, channels: full.channels }, job.look);
  return full;
}

function rasterOf(frame: NativeFrame, { look, request, scratch }: RenderJob): Raster {
  const { rows: height, columns: width } = frame.shape;
  return isColour(frame.shape)
    ? { pixels: colourPixels(frame, look), width, height, channels: 3 }
    : { pixels: greyPixels(frame, look, request, scratch), width, height, channels: 1 };
}

/** Nothing is drawn of what is not there. */
function requireSamples({ samples, shape }: NativeFrame): void {
  const isHalfColour = shape.photometricInterpretation.endsWith('_422') && shape.samplesPerPixel === 3;
  const needed = nativeFrameBytes(shape);
  if (samples.length < (isHalfColour ? Math.ceil((needed / 3) * 2) : needed))
    throw badLook('has fewer samples than its frames need');
}
