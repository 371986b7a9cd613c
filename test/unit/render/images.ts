/** Small images as datasets, and what is made of them. */
import sharp from 'sharp';
import {
  DatasetIndexer,
  readFrame,
  Tags,
  type FrameShape,
  type TransferSyntax,
} from '../../../src/dicom/index.js';
import {
  readImageLooks,
  renderFrame,
  type ImageLook,
  type ImageLooks,
  type LookSource,
  type Picture,
  type PictureRequest,
} from '../../../src/render/index.js';
import { collect, element, ELE, sequence, item, sourceOf, us } from '../dicom/dataset-bytes.js';

export interface ImageOptions {
  readonly rows?: number;
  readonly columns?: number;
  readonly allocated?: number;
  readonly stored?: number;
  readonly highBit?: number;
  readonly signed?: boolean;
  readonly samples?: number;
  readonly photometric?: string;
  readonly planar?: boolean;
  readonly frames?: number;
  readonly syntax?: TransferSyntax;
  /** Elements before the pixel data. */
  readonly more?: readonly Buffer[];
  readonly pixels: readonly number[] | Buffer;
  readonly pixelDataTag?: number;
}

export interface Image extends LookSource {
  readonly shape: FrameShape;
  readonly looks: ImageLooks;
  readonly frame: (number?: number) => Promise<Uint8Array>;
}

/** A dataset with the pixels given, as little endian numbers of the size that is allocated. */
export async function imageOf(options: ImageOptions): Promise<Image> {
  const { rows = 1, allocated = 8, samples = 1, frames = 1, syntax = ELE } = options;
  const { photometric = samples === 3 ? 'RGB' : 'MONOCHROME2', planar = false, signed = false } = options;
  const { stored = allocated, highBit = stored - 1, more = [], pixelDataTag = Tags.PixelData } = options;
  const pixels = Buffer.isBuffer(options.pixels) ? options.pixels : numbers(options.pixels, allocated);
  const { columns = (pixels.length * 8) / allocated / rows / samples / frames } = options;
  const word = (tag: number, value: number): Buffer => element(tag, 'US', us(value, syntax), syntax);
  const dataset = Buffer.concat([
    word(Tags.SamplesPerPixel, samples),
    element(Tags.PhotometricInterpretation, 'CS', photometric, syntax),
    word(Tags.PlanarConfiguration, Number(planar)),
    element(Tags.NumberOfFrames, 'IS', String(frames), syntax),
    word(Tags.Rows, rows),
    word(Tags.Columns, columns),
    word(Tags.BitsAllocated, allocated),
    word(Tags.BitsStored, stored),
    word(Tags.HighBit, highBit),
    word(Tags.PixelRepresentation, Number(signed)),
    ...more,
    element(pixelDataTag, pixelDataTag === Tags.PixelData ? 'OW' : 'OF', pixels, syntax),
  ]);
  const indexer = new DatasetIndexer(syntax);
  await indexer.push(dataset);
  const from = { source: sourceOf(dataset), stored: syntax, index: await indexer.end() };
  const shape: FrameShape = {
    rows,
    columns,
    samplesPerPixel: samples,
    bitsAllocated: allocated,
    bitsStored: stored,
    signed,
    photometricInterpretation: photometric,
    planar,
  };
  const frame = async (number = 1): Promise<Uint8Array> =>
    new Uint8Array(await collect(readFrame(from.source, from.index, number)));
  return { ...from, shape, looks: await readImageLooks(from), frame };
}

export function numbers(values: readonly number[], bits: number): Buffer {
  const width = Math.max(1, bits >> 3);
  const bytes = Buffer.alloc(values.length * width);
  values.forEach((value, at) => {
    for (let byte = 0; byte < width; byte++)
      bytes[at * width + byte] = Math.floor(value / 2 ** (8 * byte)) & 0xff;
  });
  return bytes;
}

export const words = (...values: readonly number[]): Buffer => numbers(values, 16);

/** A look-up table in a sequence of one item. */
export function lutSequence(tag: number, descriptor: readonly number[], entries: Buffer): Buffer {
  const lut = [element(Tags.LUTDescriptor, 'US', words(...descriptor)), element(Tags.LUTData, 'OW', entries)];
  return sequence(tag, [item(Buffer.concat(lut))]);
}

export async function pictureOf(
  image: Image,
  request: Partial<PictureRequest> = {},
  frame = 1,
  look?: ImageLook,
): Promise<Picture> {
  return await renderFrame(
    { samples: await image.frame(frame), shape: image.shape },
    {
      shape: image.shape,
      look: look ?? (await image.looks.of(frame)),
      request: { mediaType: 'image/png', ...request },
      mostPixels: 2 ** 24,
    },
  );
}

/** The samples of a picture, decoded; a picture of grey ones has one for each pixel. */
export async function decoded(bytes: Uint8Array): Promise<readonly number[]> {
  const { channels } = await sharp(bytes).metadata();
  const { data } = await sharp(bytes)
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return [...data];
}

/** The levels that an image is shown with. */
export async function levelsOf(
  options: ImageOptions,
  request: Partial<PictureRequest> = {},
  frame = 1,
): Promise<readonly number[]> {
  return decoded((await pictureOf(await imageOf(options), request, frame)).bytes);
}
