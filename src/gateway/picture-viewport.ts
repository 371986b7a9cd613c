import { GatewayError } from '../core/index.js';
import type { Viewport } from '../dicomweb/index.js';

/** The size of an image, in pixels. */
export interface ImageSize {
  readonly rows: number;
  readonly columns: number;
}

/** A rectangle of an image, in pixels; need not lie on whole ones. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The part of one image that is shown, and the box that it is made to fit into without being distorted: a side that is left
 * out follows from the other, as high and wide as the pixels are to be seen; without both the pixels stay as they are.
 */
export interface PlacedViewport {
  readonly width?: number;
  readonly height?: number;
  /** Most pixels of a side that follows from the other. */
  readonly mostSide?: number;
  readonly source: Rectangle;
  readonly flipHorizontal: boolean;
  readonly flipVertical: boolean;
}

/** The part of the region that lies within the image. @throws GatewayError `bad-request` when nothing of it does */
function sourceOf({ region }: Viewport, { rows, columns }: ImageSize): Rectangle {
  if (!region) return { x: 0, y: 0, width: columns, height: rows };
  const [unitX, unitY] = region.unit === 'fractions' ? [columns, rows] : [1, 1];
  const x = region.x * unitX;
  const y = region.y * unitY;
  const right = Math.min(columns, region.width === undefined ? columns : x + region.width * unitX);
  const bottom = Math.min(rows, region.height === undefined ? rows : y + region.height * unitY);
  if (x >= right || y >= bottom)
    throw new GatewayError(
      'bad-request',
      `The region lies outside of the image, which has ${columns} x ${rows} pixels.`,
    );
  return { x, y, width: right - x, height: bottom - y };
}

/**
 * A viewport on an image of a known size; undefined when the image is shown as it is.
 *
 * @throws GatewayError `bad-request` for a region outside of the image, or a picture of more than `mostPixels` in one
 *   direction, as far as that is known without its pixels' proportions
 * @see PS3.18 8.3.5.1.3, 9.4.1.2 (W-53, U-07)
 */
export function placeViewport(
  viewport: Viewport | undefined,
  size: ImageSize,
  mostPixels: number,
): PlacedViewport | undefined {
  if (!viewport) return undefined;
  const source = sourceOf(viewport, size);
  const { flipX: flipHorizontal = false, flipY: flipVertical = false } = viewport;
  const box = boxWithin(viewport, mostPixels);
  const sides = Object.keys(box).length;
  if (sides === 0) requireWithin(Math.max(source.width, source.height), mostPixels);
  return { ...box, ...(sides === 1 && { mostSide: mostPixels }), source, flipHorizontal, flipVertical };
}

/**
 * The box of a viewport alone, for where a presentation state decides what is shown in it.
 *
 * @throws GatewayError `bad-request` for more than `mostPixels` in one direction
 */
export function boxWithin(
  { width, height }: Viewport,
  mostPixels: number,
): Pick<Viewport, 'width' | 'height'> {
  requireWithin(Math.max(width ?? 0, height ?? 0), mostPixels);
  return { ...(width !== undefined && { width }), ...(height !== undefined && { height }) };
}

function requireWithin(pixels: number, mostPixels: number): void {
  if (pixels > mostPixels)
    throw new GatewayError('bad-request', `Pictures have ${mostPixels} pixels at most in each direction.`);
}

/** A viewport of `pixels` in each direction at most, in which no image is made larger than it is. */
export const shrunkTo = (pixels: number, { rows, columns }: ImageSize): Viewport => ({
  width: Math.min(pixels, columns),
  height: Math.min(pixels, rows),
});
