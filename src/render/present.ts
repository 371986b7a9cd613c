import { GatewayError } from '../core/index.js';
import type { FrameShape } from '../dicom/index.js';
import { scaled } from './encode-picture.js';
import type { GraphicUnits, ImageLook, Point, Presented } from './image-look.js';
import type { Viewport } from './picture-request.js';
import type { Raster } from './raster.js';

type Size = Pick<FrameShape, 'rows' | 'columns'>;

/** How a displayed area lies in its picture. */
export interface AreaLayout {
  readonly presented: Presented;
  /** Pixels of the area before it is turned. */
  readonly width: number;
  readonly height: number;
}

/**
 * Lays a displayed area into a viewport: as large as it fits when it has been turned. Without a viewport pixels stay as
 * they are.
 *
 * @throws GatewayError `not-acceptable` for more pixels than are made
 * @see PS3.3 C.10.4, PS3.4 N.2.5
 */
export function layOutArea(
  { rows, columns }: Size,
  { pixelAspect, presented }: Pick<ImageLook, 'pixelAspect'> & { readonly presented: Presented },
  { width: across = Infinity, height: down = Infinity }: Viewport = {},
  mostPixels = Infinity,
): AreaLayout {
  const { area } = presented;
  const [wide, high] = isOnSide(presented) ? [down, across] : [across, down];
  const shown = { width: area.width * pixelAspect.horizontal, height: area.height * pixelAspect.vertical };
  const scale = Math.min(wide / shown.width, high / shown.height);
  const whole = (pixels: number): number => Math.max(1, Math.round(pixels));
  const [width, height] =
    scale === Infinity
      ? [area.width, area.height]
      : [whole(shown.width * scale), whole(shown.height * scale)];
  const isPartOfImage = scale === Infinity && width <= columns && height <= rows;
  if (!isPartOfImage && !(width * height <= mostPixels))
    throw new GatewayError(
      'not-acceptable',
      'The displayed area is larger than the pictures that are made here.',
    );
  return { presented, width, height };
}

const isOnSide = ({ rotation }: Presented): boolean => rotation === 90 || rotation === 270;

/** The displayed area of a frame, turned; black where there is no image. */
export async function present(frame: Raster, layout: AreaLayout): Promise<Raster> {
  const { width, height, presented } = layout;
  const { area } = presented;
  const [across, down] = [width / area.width, height / area.height];
  const left = Math.max(0, area.left);
  const top = Math.max(0, area.top);
  const cut = {
    width: Math.min(frame.width, area.left + area.width) - left,
    height: Math.min(frame.height, area.top + area.height) - top,
  };
  const { channels } = frame;
  const canvas: Raster = { pixels: new Uint8Array(width * height * channels), width, height, channels };
  if (cut.width > 0 && cut.height > 0) {
    const x = Math.min(width - 1, Math.round((left - area.left) * across));
    const y = Math.min(height - 1, Math.round((top - area.top) * down));
    const toWidth = Math.max(1, Math.min(width - x, Math.round(cut.width * across)));
    const toHeight = Math.max(1, Math.min(height - y, Math.round(cut.height * down)));
    const part = { left, top, ...cut, toWidth, toHeight, flipHorizontal: false, flipVertical: false };
    paste(canvas, await scaled(frame, part), { x, y });
  }
  return turned(canvas, presented);
}

function paste(canvas: Raster, { pixels, width, height, channels }: Raster, { x, y }: Point): void {
  for (let row = 0; row < height; row++) {
    const line = pixels.subarray(row * width * channels, (row + 1) * width * channels);
    canvas.pixels.set(line, ((y + row) * canvas.width + x) * channels);
  }
}

/** Turned clockwise, and then flipped. @see PS3.3 C.10.6 */
function turned(from: Raster, presented: Presented): Raster {
  const { pixels, channels } = from;
  if (presented.rotation === 0 && !presented.flip) return from;
  const [width, height] = isOnSide(presented) ? [from.height, from.width] : [from.width, from.height];
  const out = new Uint8Array(pixels.length);
  // Turning is the same step for every pixel of a row, and for every row.
  const at = (x: number, y: number): number => {
    const to = turnedPoint({ x: x + 0.5, y: y + 0.5 }, from, presented);
    return Math.floor(to.y) * width + Math.floor(to.x);
  };
  const first = at(0, 0);
  const [right, down] = [at(1, 0) - first, at(0, 1) - first];
  for (let y = 0, source = 0; y < from.height; y++)
    for (let x = 0; x < from.width; x++) {
      const base = (first + x * right + y * down) * channels;
      for (let channel = 0; channel < channels; channel++) out[base + channel] = pixels[source++] ?? 0;
    }
  return { pixels: out, width, height, channels };
}

/** Where a place of the area comes to lie; all of it is `width` wide and `height` high before it is turned. */
function turnedPoint(
  { x, y }: Point,
  { width, height }: Pick<Raster, 'width' | 'height'>,
  { rotation, flip }: Presented,
): Point {
  const across = rotation === 90 || rotation === 270 ? height : width;
  const to =
    rotation === 90
      ? { x: height - y, y: x }
      : rotation === 180
        ? { x: width - x, y: height - y }
        : rotation === 270
          ? { x: y, y: width - x }
          : { x, y };
  return flip ? { x: across - to.x, y: to.y } : to;
}

/** Farther from the picture numbers are too coarse to draw lines with. */
const FARTHEST = 2 ** 40;

/** Where a place that a graphic names is in the picture. @see PS3.3 C.10.5.1.1 */
export function placeOf(point: Point, units: GraphicUnits, layout: AreaLayout): Point {
  const { x, y } = unboundedPlace(point, units, layout);
  const bounded = (value: number): number => Math.min(Math.max(value, -FARTHEST), FARTHEST);
  return { x: bounded(x), y: bounded(y) };
}

function unboundedPlace(point: Point, units: GraphicUnits, layout: AreaLayout): Point {
  const { width, height, presented } = layout;
  if (units === 'display') {
    const [across, down] = isOnSide(presented) ? [height, width] : [width, height];
    return { x: point.x * across, y: point.y * down };
  }
  const { area } = presented;
  const x = ((point.x - area.left) * width) / area.width;
  const y = ((point.y - area.top) * height) / area.height;
  return turnedPoint({ x, y }, layout, presented);
}
