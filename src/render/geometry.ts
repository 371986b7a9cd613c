import { GatewayError } from '../core/index.js';
import type { FrameShape } from '../dicom/index.js';
import type { ImageLook, PixelAspect } from './image-look.js';
import type { Viewport } from './picture-request.js';

/** What is cut out of an image, in its pixels. */
export interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** What is cut out of an image, and how large that becomes. */
export interface Geometry extends Part {
  readonly toWidth: number;
  readonly toHeight: number;
  readonly flipHorizontal: boolean;
  readonly flipVertical: boolean;
}

type Size = Pick<FrameShape, 'rows' | 'columns'>;

/** What is wanted of an image, in its pixels and parts of them. */
interface Wanted {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Lays the wanted part of an image into a viewport: as large as it fits, in the proportions in which it is to be seen.
 * Without a viewport pixels stay as they are.
 *
 * @throws GatewayError `bad-request` for a part that is not in the image, and for a side that becomes longer than it may,
 * `not-acceptable` for more pixels than are made
 * @see rule W-53, PS3.3 C.7.6.3.1.7
 */
export function layOut(
  image: Size,
  { pixelAspect }: Pick<ImageLook, 'pixelAspect'>,
  viewport: Viewport = {},
  mostPixels = Infinity,
): Geometry {
  const part = wantedPart(image, viewport);
  const cut = whole(part, image);
  const { flipHorizontal = false, flipVertical = false } = viewport;
  const [toWidth, toHeight] = scaledSize(part, pixelAspect, viewport) ?? [cut.width, cut.height];
  if (Math.max(toWidth, toHeight) > (viewport.mostSide ?? Infinity))
    throw new GatewayError('bad-request', 'The side that was not asked for is longer than pictures are.');
  const isScaled = toWidth !== cut.width || toHeight !== cut.height;
  if (isScaled && !(toWidth * toHeight <= mostPixels))
    throw new GatewayError('not-acceptable', 'The viewport is larger than the pictures that are made here.');
  return { ...cut, toWidth, toHeight, flipHorizontal, flipVertical };
}

function wantedPart({ rows, columns }: Size, { source = {} }: Viewport): Wanted {
  const { x = 0, y = 0 } = source;
  const { width = columns - x, height = rows - y } = source;
  const isWithin = x >= 0 && y >= 0 && x + width <= columns && y + height <= rows;
  if (!isWithin || !(width > 0 && height > 0))
    throw new GatewayError('bad-request', 'The viewport shows what is not in the image.');
  return { x, y, width, height };
}

/** Width and height of a part in a viewport; undefined: as many pixels as it has. */
function scaledSize(
  part: Wanted,
  { horizontal, vertical }: PixelAspect,
  { width = Infinity, height = Infinity }: Viewport,
): readonly [width: number, height: number] | undefined {
  if (width === Infinity && height === Infinity) return undefined;
  const shown = { width: part.width * horizontal, height: part.height * vertical };
  const scale = Math.min(width / shown.width, height / shown.height);
  return [Math.max(1, Math.round(shown.width * scale)), Math.max(1, Math.round(shown.height * scale))];
}

/** The pixels that a part of an image touches. */
function whole({ x, y, width, height }: Wanted, { rows, columns }: Size): Part {
  const left = Math.min(Math.floor(x), columns - 1);
  const top = Math.min(Math.floor(y), rows - 1);
  const right = Math.min(columns, Math.max(left + 1, Math.ceil(x + width)));
  const bottom = Math.min(rows, Math.max(top + 1, Math.ceil(y + height)));
  return { left, top, width: right - left, height: bottom - top };
}

/** How many times an image may be halved and still have all pixels that the picture needs. */
export function halvingsWithin({ width, height, toWidth, toHeight }: Geometry): number {
  const times = Math.min(width / toWidth, height / toHeight);
  return times < 2 ? 0 : Math.floor(Math.log2(times));
}

/**
 * Columns and rows of the boxes of pixels that may become one before a part is scaled; as many as it has pixels where none
 * may. They are twice as many as the picture needs, so that the filter of the scaling decides what is seen.
 */
export function boxesOf({ width, height, toWidth, toHeight }: Geometry): Pick<Size, 'columns' | 'rows'> {
  const boxes = (pixels: number, to: number): number =>
    Math.ceil(pixels / Math.max(1, Math.floor(pixels / to / 2)));
  return { columns: boxes(width, toWidth), rows: boxes(height, toHeight) };
}

/** The same part of an image that was halved when it was decoded. */
export function halved(geometry: Geometry, full: Size, now: Size): Geometry {
  if (full.rows === now.rows && full.columns === now.columns) return geometry;
  const across = now.columns / full.columns;
  const down = now.rows / full.rows;
  const { left, top, width, height } = geometry;
  const cut = whole({ x: left * across, y: top * down, width: width * across, height: height * down }, now);
  return { ...geometry, ...cut };
}
