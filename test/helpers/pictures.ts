import sharp from 'sharp';
import { makeInstance, type Attributes, type RogueInstance } from './rogue-peer.js';

export interface ImageLike {
  readonly rows?: number;
  readonly columns?: number;
  readonly frames?: number;
  readonly seriesInstanceUid?: string;
  readonly sopClassUid?: string;
  readonly extra?: Attributes;
}

/** What `image` draws of frame `frame`, counted from 1: a ramp of 12 bits that begins elsewhere in each. */
function samplesOf({ rows = 40, columns = 60 }: ImageLike, frame = 1): Uint16Array {
  return new Uint16Array(rows * columns).map((_, at) => ((at % columns) * 60 + (frame - 1) * 500) % 4096);
}

/** An uncompressed image of 12 bits with no window of its own. */
export function image(options: ImageLike = {}): RogueInstance & { readonly dataset: Buffer } {
  const { rows = 40, columns = 60, frames = 1, extra, ...identity } = options;
  const pixels = Array.from({ length: frames }, (_, at) => Buffer.from(samplesOf(options, at + 1).buffer));
  const numbers = frames === 1 ? {} : { NumberOfFrames: String(frames) };
  const shape = { Rows: rows, Columns: columns, BitsStored: 12, HighBit: 11 };
  return makeInstance({
    pixelBytes: 2,
    ...identity,
    extra: { ...shape, ...numbers, '7FE00010:OW': Buffer.concat(pixels), ...extra },
  });
}

const SR = '1.2.840.10008.5.1.4.1.1.88.11';

/** A report: nothing in it is a picture. */
export function report(options: Pick<ImageLike, 'seriesInstanceUid' | 'sopClassUid'> = {}): RogueInstance {
  const whole = makeInstance({ sopClassUid: SR, ...options, pixelBytes: 2 });
  const dataset = Buffer.from(whole.dataset);
  return { ...whole, dataset: dataset.subarray(0, dataset.indexOf(Buffer.from('28000200', 'hex'))) };
}

/** What a picture says of itself, and its samples. */
export interface Seen {
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly samples: Buffer;
}

/** Decodes a picture by another library's decoder. */
export async function see(bytes: Buffer): Promise<Seen> {
  const picture = sharp(bytes, { pages: -1 });
  const { format, width, pageHeight, height, pages = 1 } = await picture.metadata();
  const samples = await picture.toColourspace('b-w').raw().toBuffer();
  return { format, width, height: pageHeight ?? height, frames: pages, samples };
}
