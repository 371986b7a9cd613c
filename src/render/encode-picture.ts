import { GatewayError } from '../core/index.js';
import { badLook } from './bad-look.js';
import { encodeGif } from './encode-gif.js';
import type { Geometry } from './geometry.js';
import { loadSharp, type Sharp } from './load-sharp.js';
import type { Picture, PictureRequest } from './picture-request.js';
import type { Raster } from './raster.js';
import { tiffOf } from './tiff.js';

/** What JPEG and WebP have when nothing is asked for. */
const QUALITY = 90;
/** Chrominance for every pixel from here on. */
const FINE_QUALITY = 90;
/** Fast, and the size hardly differs from that of slower ones. */
const PNG_LEVEL = 3;
/** Most pixels of a side that a format has numbers for. */
const mostPixelsOfSide: Readonly<Record<PictureRequest['mediaType'], number>> = {
  'image/jpeg': 65_535,
  'image/png': 2 ** 31 - 1,
  'image/gif': 65_535,
  'image/webp': 16_383,
};

/** Cuts out, turns over and scales what is wanted of a picture. */
export async function scaled(raster: Raster, geometry: Geometry): Promise<Raster> {
  const { toWidth: width, toHeight: height } = geometry;
  if (isWhole(raster, geometry)) return raster;
  const { data } = await laidOut(await ofRaster(raster), geometry)
    .toColourspace(raster.channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { pixels: data, width, height, channels: raster.channels };
}

/** Whether the wanted part is all there is, as it is. */
function isWhole({ width, height }: Raster, geometry: Geometry): boolean {
  const { toWidth, toHeight, flipHorizontal, flipVertical } = geometry;
  const isAll = geometry.width === width && geometry.height === height;
  return isAll && toWidth === width && toHeight === height && !flipHorizontal && !flipVertical;
}

function laidOut(image: Sharp, geometry: Geometry): Sharp {
  const { left, top, width, height, toWidth, toHeight } = geometry;
  const isLarger = toWidth > width || toHeight > height;
  const cut = image.extract({ left, top, width, height }).resize(toWidth, toHeight, {
    fit: 'fill',
    kernel: isLarger ? 'cubic' : 'lanczos3',
    fastShrinkOnLoad: false,
  });
  const turned = geometry.flipHorizontal ? cut.flop() : cut;
  return geometry.flipVertical ? turned.flip() : turned;
}

async function ofRaster({ pixels, width, height, channels }: Raster): Promise<Sharp> {
  const sharp = await loadSharp();
  return sharp(pixels, { raw: { width, height, channels }, limitInputPixels: false });
}

/** Colours of a profile as those of sRGB. @throws GatewayError `malformed-dataset` for a profile that cannot be applied */
export async function toSrgb(raster: Raster, profile: Uint8Array): Promise<Raster> {
  const sharp = await loadSharp();
  const image = sharp(tiffOf(raster, profile), { limitInputPixels: false, failOn: 'warning' });
  const { data, info } = await image.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw badLook('has a colour profile that cannot be applied');
  return { ...raster, pixels: data, channels: 3 };
}

/** What is to be done with a picture on its way: laid out, or given the profile of its colours. */
interface Finish {
  readonly geometry?: Geometry;
  readonly profile?: Uint8Array | undefined;
}

/** Encodes a picture. @throws GatewayError `not-acceptable` for more pixels than the format has */
export async function encodePicture(
  raster: Raster,
  request: PictureRequest,
  { geometry, profile }: Finish = {},
): Promise<Picture> {
  const { channels } = raster;
  const [width, height] = geometry ? [geometry.toWidth, geometry.toHeight] : [raster.width, raster.height];
  if (Math.max(width, height) > mostPixelsOfSide[request.mediaType])
    throw new GatewayError('not-acceptable', `The picture is too large for ${request.mediaType}.`);
  if (request.mediaType === 'image/gif')
    return {
      bytes: encodeGif(geometry ? await scaled(raster, geometry) : raster, request.animation),
      width,
      height,
    };
  const image = profile ? await ofTiff(raster, profile) : await ofRaster(raster);
  const cut = geometry && !isWhole(raster, geometry) ? laidOut(image, geometry) : image;
  const inColours = profile ? cut.keepIccProfile() : cut.toColourspace(channels === 1 ? 'b-w' : 'srgb');
  // In memory of its own: what libvips allocated cannot be given to another thread.
  return { bytes: new Uint8Array(await inFormat(inColours, request).toBuffer()), width, height };
}

async function ofTiff(raster: Raster, profile: Uint8Array): Promise<Sharp> {
  const sharp = await loadSharp();
  return sharp(tiffOf(raster, profile), { limitInputPixels: false });
}

function inFormat(image: Sharp, { mediaType, quality = QUALITY }: PictureRequest): Sharp {
  if (mediaType === 'image/png') return image.png({ compressionLevel: PNG_LEVEL });
  if (mediaType === 'image/webp') return image.webp({ quality });
  // Huffman tables that fit each picture cost more time than all the rest.
  const chromaSubsampling = quality >= FINE_QUALITY ? '4:4:4' : '4:2:0';
  return image.jpeg({ quality, chromaSubsampling, optimiseCoding: false });
}
