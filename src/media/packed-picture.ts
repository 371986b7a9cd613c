import { badFrame } from './frame-error.js';

/** A picture that is decoded before it is stored, by its headers. */
export interface PackedPicture {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  /** Bytes of a decoded sample. */
  readonly sampleBytes: 1 | 2;
  /** Milliseconds that each frame is shown; undefined where there is one. */
  readonly delays?: readonly number[];
}

const PNG_SIGNATURE = '89504e470d0a1a0a';
const PNG_ENDS = 'IDAT';
const CHUNK_FRAME = 12;

/**
 * What the headers of a PNG or GIF say, before anything is decoded.
 *
 * @throws GatewayError `malformed-dataset` for what is neither, ends early, or is an animated PNG
 * @see W3C PNG 5 and 11, GIF89a
 */
export function readPackedPicture(bytes: Buffer): PackedPicture {
  if (bytes.toString('hex', 0, 8) === PNG_SIGNATURE) return readPng(bytes);
  if (/^GIF8[79]a$/.test(bytes.toString('latin1', 0, 6))) return readGif(bytes);
  throw badFrame('is no PNG and no GIF');
}

function readPng(bytes: Buffer): PackedPicture {
  let header: PackedPicture | undefined;
  for (let at = 8; at + CHUNK_FRAME <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const content = bytes.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR' && content.length >= 13) {
      const sampleBytes = content[8] === 16 ? 2 : 1;
      header = { columns: content.readUInt32BE(0), rows: content.readUInt32BE(4), frames: 1, sampleBytes };
    }
    // A decoder shows the first frame alone, which would lose the others without a word.
    if (type === 'acTL' && content.length >= 4 && content.readUInt32BE(0) > 1)
      throw badFrame('is an animated PNG, which is not stored');
    if (type === PNG_ENDS && header) return header;
    at += CHUNK_FRAME + length;
  }
  throw badFrame('is a PNG that ends early');
}

const Gif = { extension: 0x21, image: 0x2c, trailer: 0x3b, control: 0xf9 } as const;
/** What browsers make of times that are too short to be meant. */
const LEAST_DELAY_MS = 20;
const USUAL_DELAY_MS = 100;
/** Beyond it the picture is no animation but an attack. */
const MOST_FRAMES = 65_535;

function readGif(bytes: Buffer): PackedPicture {
  if (bytes.length < 13) throw badFrame('is a GIF that ends early');
  const delays: number[] = [];
  let delay = 0;
  for (let at = 13 + tableBytes(bytes[10] ?? 0); at < bytes.length;) {
    const block = bytes[at];
    if (block === Gif.extension) {
      if (bytes[at + 1] === Gif.control && at + 6 <= bytes.length) delay = bytes.readUInt16LE(at + 4) * 10;
      at = afterSubBlocks(bytes, at + 2);
    } else if (block === Gif.image) {
      delays.push(delay < LEAST_DELAY_MS ? USUAL_DELAY_MS : delay);
      if (delays.length > MOST_FRAMES) throw badFrame('is a GIF of too many pictures');
      delay = 0;
      // A byte stands between the colour table and the picture: how its codes begin.
      at = afterSubBlocks(bytes, at + 11 + tableBytes(bytes[at + 9] ?? 0));
    } else if (block === Gif.trailer) return gifOf(bytes, delays);
    else break;
  }
  throw badFrame('is a GIF that ends early');
}

const gifOf = (bytes: Buffer, delays: readonly number[]): PackedPicture => {
  if (delays.length === 0) throw badFrame('is a GIF without a picture');
  return {
    columns: bytes.readUInt16LE(6),
    rows: bytes.readUInt16LE(8),
    frames: delays.length,
    sampleBytes: 1,
    ...(delays.length > 1 && { delays }),
  };
};

/** Of a colour table, by the flags that say whether there is one. */
const tableBytes = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));

function afterSubBlocks(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length) {
    const length = bytes[at] ?? 0;
    at += 1 + length;
    if (length === 0) return at;
  }
  throw badFrame('is a GIF that ends early');
}
