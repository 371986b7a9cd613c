import { GatewayError } from '../core/index.js';

/** How samples become brightness, in the units of the modality. @see PS3.3 C.11.2.1.2, C.11.2.1.3 */
export interface WindowAsked {
  readonly center: number;
  readonly width: number;
  readonly shape: 'linear' | 'linear-exact' | 'sigmoid';
}

/** The part of an image that is wanted. */
export interface Region {
  /** `fractions`: of the image's width and height. */
  readonly unit: 'pixels' | 'fractions';
  readonly x: number;
  readonly y: number;
  /** Left out: to the right edge. */
  readonly width?: number;
  /** Left out: to the lower edge. */
  readonly height?: number;
}

/** What is shown of an image, and how large: as large as it can be within these pixels without being distorted. */
export interface Viewport {
  /** Left out: whatever follows from the height. Both left out: as many as the region has. */
  readonly width?: number;
  readonly height?: number;
  readonly region?: Region;
  /** Left and right change places. */
  readonly flipX?: boolean;
  /** Top and bottom change places. */
  readonly flipY?: boolean;
}

/** What is written into the picture. */
export type Annotation = 'patient' | 'technique';

/** The colours that the picture is in, and whether it says so. */
export type IccProfile = 'no' | 'yes' | 'srgb' | 'adobergb' | 'rommrgb';

const bad = (message: string): GatewayError => new GatewayError('bad-request', message);

const isOneOf = <T extends string>(all: readonly T[], text: string): text is T =>
  (all as readonly string[]).includes(text);

/** A decimal number as DS writes it. @throws GatewayError `bad-request` */
function parseDecimal(text: string, what: string): number {
  const value = /^[+-]?(?:\d{1,16}(?:\.\d{0,16})?|\.\d{1,16})(?:[eE][+-]?\d{1,3})?$/.test(text)
    ? Number(text)
    : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw bad(`The ${what} is not a decimal number.`);
}

/** A positive whole number of `most` at most. @throws GatewayError `bad-request` */
export function parseCount(text: string, what: string, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= most) return value;
  throw bad(`The ${what} must be a whole number between 1 and ${most}.`);
}

/** `quality`: 1 to 100, 100 the best. @throws GatewayError `bad-request` @see PS3.18 8.3.5.1.2 (W-52) */
export const parseQuality = (text: string): number => parseCount(text, 'quality', 100);

/** More pixels in one direction than any image has: Rows and Columns are 16 bits wide. */
const mostPixels = 65_535;

/** `vw` or `vh`, `rows` or `columns`. @throws GatewayError `bad-request` */
export const parsePixels = (text: string, what: string): number => parseCount(text, what, mostPixels);

const shapes = ['linear', 'linear-exact', 'sigmoid'] as const;

/**
 * A window of `center`, `width` and `shape`.
 *
 * @throws GatewayError `bad-request`, also for a width that the shape cannot have
 * @see PS3.3 C.11.2.1.2.1
 */
export function windowOf(center: string, width: string, shape: string): WindowAsked {
  if (!isOneOf(shapes, shape)) throw bad(`The function of the window must be one of ${shapes.join(', ')}.`);
  const window = { center: parseDecimal(center, 'center'), width: parseDecimal(width, 'width'), shape };
  if (shape === 'linear' ? window.width < 1 : window.width <= 0)
    throw bad('The width of the window must be 1 or more, or above 0 with a function other than linear.');
  return window;
}

/** `window=center,width,function`. @throws GatewayError `bad-request` @see PS3.18 8.3.5.1.4 (W-54) */
export function parseWindow(text: string): WindowAsked {
  const [center, width, shape, ...more] = text.split(',');
  if (center === undefined || width === undefined || shape === undefined || more.length > 0)
    throw bad('A window has a center, a width and a function, separated by commas.');
  return windowOf(center, width, shape);
}

/** `viewport=vw,vh`. @throws GatewayError `bad-request` for anything more @see PS3.18 8.3.5.1.3 (W-53, W-59) */
export function parseViewportSize(text: string): Viewport {
  const [width, height, ...more] = text.split(',');
  if (width === undefined || height === undefined || more.length > 0)
    throw bad('A viewport has a width and a height here, and nothing more.');
  return {
    width: parsePixels(width, 'width of the viewport'),
    height: parsePixels(height, 'height of the viewport'),
  };
}

/**
 * `viewport=vw,vh,sx,sy,sw,sh`: values that are left out between commas or at the end have their defaults, signs of the
 * corner mean nothing, and a negative width or height flips the picture.
 *
 * @throws GatewayError `bad-request`
 * @see PS3.18 8.3.5.1.3 (W-53)
 */
export function parseViewport(text: string): Viewport {
  const [width = '', height = '', ...source] = text.split(',');
  if (source.length > 4) throw bad('A viewport has six values at most.');
  const size = parseViewportSize(`${width},${height}`);
  const [x, y, sourceWidth, sourceHeight] = source.map((value) =>
    value === '' ? undefined : parseDecimal(value, 'region of the viewport'),
  );
  if (sourceWidth === 0 || sourceHeight === 0) throw bad('The region of the viewport is empty.');
  if ([x, y, sourceWidth, sourceHeight].every((value) => value === undefined)) return size;
  const corner = { x: Math.abs(x ?? 0), y: Math.abs(y ?? 0) };
  return {
    ...size,
    region: { unit: 'pixels', ...corner, ...extentOf(sourceWidth, sourceHeight) },
    flipX: (sourceWidth ?? 0) < 0,
    flipY: (sourceHeight ?? 0) < 0,
  };
}

const extentOf = (
  width: number | undefined,
  height: number | undefined,
): Pick<Region, 'width' | 'height'> => ({
  ...(width === undefined ? {} : { width: Math.abs(width) }),
  ...(height === undefined ? {} : { height: Math.abs(height) }),
});

/** `region=xmin,ymin,xmax,ymax`, each 0 to 1. @throws GatewayError `bad-request` @see PS3.18 9.4.1.2 (U-07) */
export function parseRegion(text: string): Region {
  const corners = text.split(',').map((value) => parseDecimal(value, 'region'));
  const [left, top, right, bottom, ...more] = corners;
  if (
    left === undefined ||
    top === undefined ||
    right === undefined ||
    bottom === undefined ||
    more.length > 0
  )
    throw bad('A region has four numbers.');
  if (corners.some((corner) => corner < 0 || corner > 1) || left >= right || top >= bottom)
    throw bad('A region lies between 0 and 1, and ends after it begins.');
  return { unit: 'fractions', x: left, y: top, width: right - left, height: bottom - top };
}

const annotations = ['patient', 'technique'] as const;

/** What of `annotation` can be done, and what cannot. */
export interface Annotations {
  readonly annotation: readonly Annotation[];
  readonly warnings: readonly string[];
}

/**
 * `annotation=patient,technique`; other keywords are passed over with a warning.
 *
 * @throws GatewayError `bad-request` for none, or for what is no keyword
 * @see PS3.18 8.3.5.1.1 (W-51)
 */
export function parseAnnotation(text: string): Annotations {
  const asked = [...new Set(text.split(','))];
  if (!asked.every((one) => /^[A-Za-z][\w-]{0,63}$/.test(one)))
    throw bad(`The annotation must be one or more of ${annotations.join(', ')}.`);
  const unsupported = asked.filter((one) => !isOneOf(annotations, one));
  return {
    annotation: annotations.filter((one) => asked.includes(one)),
    warnings:
      unsupported.length === 0
        ? []
        : [`The following annotation values are not supported: ${unsupported.join(', ')}`],
  };
}

const profiles = ['no', 'yes', 'srgb', 'adobergb', 'rommrgb'] as const;

/** `iccprofile`. @throws GatewayError `bad-request` @see PS3.18 8.3.5.1.5 (W-55) */
export function parseIccProfile(text: string): IccProfile {
  if (isOneOf(profiles, text)) return text;
  throw bad(`The ICC profile must be one of ${profiles.join(', ')}.`);
}
