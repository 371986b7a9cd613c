import type { Metadata } from 'sharp';
import { GatewayError } from '../core/index.js';
import { loadSharp, type Sharp } from './load-sharp.js';

/** A PNG or GIF that is to be decoded. */
export interface UnpackJob {
  /** What its headers say; a decoder that finds something else is not believed. */
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly sampleBytes: 1 | 2;
}

/** The samples of a picture, frame after frame, by pixel from the upper left; of 16 bits in little endian. */
export interface UnpackedPicture {
  readonly samples: Uint8Array;
  readonly samplesPerPixel: 1 | 3;
  /** Whether something was transparent, and stands before white now. */
  readonly flattened: boolean;
  /** What its colours mean, where it says so. */
  readonly iccProfile?: Uint8Array;
}

/** Larger ones are none that a screen or camera has. */
const MOST_PROFILE_BYTES = 2 ** 20;
const bad = (what: string): GatewayError => new GatewayError('malformed-dataset', `The picture ${what}.`);

/**
 * Decodes a PNG, or a GIF with all its frames, as it is: samples of fewer than 8 bits are spread over 8, palettes and
 * colours are RGB, what is transparent gets a white background, and profiles are not applied.
 *
 * @throws GatewayError `malformed-dataset`
 */
export async function unpackPicture(bytes: Uint8Array, job: UnpackJob): Promise<UnpackedPicture> {
  const { rows, columns, frames } = job;
  const sharp = await loadSharp();
  const options = {
    pages: frames > 1 ? -1 : 1,
    limitInputPixels: rows * columns * frames,
    failOn: 'warning',
    ignoreIcc: true,
  } as const;
  const image = sharp(bytes, options);
  try {
    const { format, space, hasAlpha, icc, ...size } = await image.metadata();
    requireSize(size, job);
    const isGrey = format === 'png' && (space === 'b-w' || space === 'grey16');
    const flattened = hasAlpha && !(await sharp(bytes, options).stats()).isOpaque;
    const samples = await samplesOf(image, { ...job, isGrey, hasAlpha });
    const samplesPerPixel = isGrey ? 1 : 3;
    return { samples, samplesPerPixel, flattened, ...(isGrey ? {} : profileOf(icc)) };
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    throw new GatewayError('malformed-dataset', 'The picture cannot be decoded.', { cause: thrown });
  }
}

type Size = Pick<Metadata, 'width' | 'height' | 'pageHeight' | 'pages'>;

function requireSize({ width, height, pageHeight = height, pages = 1 }: Size, job: UnpackJob): void {
  if (width !== job.columns || pageHeight !== job.rows || pages !== job.frames)
    throw bad('is of another size than it says');
}

function profileOf(icc: Buffer | undefined): Pick<UnpackedPicture, 'iccProfile'> {
  if (icc === undefined) return {};
  if (icc.length > MOST_PROFILE_BYTES) throw bad('has a colour profile that is too large');
  return { iccProfile: new Uint8Array(icc) };
}

interface Layout extends UnpackJob {
  readonly isGrey: boolean;
  readonly hasAlpha: boolean;
}

async function samplesOf(
  image: Sharp,
  { isGrey, hasAlpha, sampleBytes, ...size }: Layout,
): Promise<Uint8Array> {
  const opaque = hasAlpha ? image.flatten({ background: '#ffffff' }) : image;
  const isWide = sampleBytes === 2;
  const space = isGrey ? (isWide ? 'grey16' : 'b-w') : isWide ? 'rgb16' : 'srgb';
  const { data } = await opaque
    .toColourspace(space)
    .raw({ depth: isWide ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const expected = size.rows * size.columns * size.frames * (isGrey ? 1 : 3) * sampleBytes;
  if (data.length !== expected) throw bad('came out in another size than it says');
  return new Uint8Array(data);
}
