/** Pictures and videos as phones make them, without a decoder's worth of samples in them. */
import sharp, { type JpegOptions } from 'sharp';
import { deflateSync } from 'node:zlib';

/** Samples of a picture: a ramp, other in each channel. */
export const ramp = (width: number, height: number, channels: number): Buffer =>
  Buffer.from(Array.from({ length: width * height * channels }, (_, at) => (at * 7) % 251));

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A photograph. */
export const jpeg = (
  { width, height }: Size,
  options: JpegOptions = {},
  channels: 1 | 3 = 3,
): Promise<Buffer> =>
  sharp(ramp(width, height, channels), { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .jpeg(options)
    .toBuffer();

/** A still picture, or an animation of plain frames that differ. */
export function gif({ width, height }: Size, delays: readonly number[]): Promise<Buffer> {
  const frames = delays.map((_, at) => ({
    create: { width, height, channels: 3 as const, background: { r: 40 * at, g: 255 - 40 * at, b: 9 } },
  }));
  const [only] = frames;
  if (only && frames.length === 1) return sharp(only).gif().toBuffer();
  const inputs = frames.map((frame) => sharp(frame).png().toBuffer());
  return Promise.all(inputs).then((pictures) =>
    sharp(pictures, { join: { animated: true } })
      .gif({ delay: [...delays] })
      .toBuffer(),
  );
}

const crcTable = Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});
const crc = (bytes: Buffer): number =>
  (bytes.reduce((sum, byte) => (crcTable[(sum ^ byte) & 0xff] ?? 0) ^ (sum >>> 8), 0xffffffff) ^
    0xffffffff) >>>
  0;

function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc(body));
  return Buffer.concat([length, body, sum]);
}

export interface PngOptions extends Size {
  readonly depth: number;
  readonly colourType: number;
  /** Bytes of the rows, without filters. */
  readonly rows: Buffer;
  readonly extra?: readonly (readonly [string, Buffer])[];
}

/** A PNG by hand. */
export function png({ width, height, depth, colourType, rows, extra = [] }: PngOptions): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType], 8);
  const row = rows.length / height;
  const filtered = Array.from({ length: height }, (_, y) => [
    Buffer.of(0),
    rows.subarray(y * row, (y + 1) * row),
  ]).flat();
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    ...extra.map(([type, content]) => chunk(type, content)),
    chunk('IDAT', deflateSync(Buffer.concat(filtered))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const number = (value: number, bytes = 4): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
};

/** A box of an MPEG-4 or JPEG 2000 file. */
export function box(type: string, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([number(8 + body.length), Buffer.from(type), body]);
}

export interface Mp4Options extends Size {
  readonly codec?: 'avc1' | 'hvc1' | 'mp4v';
  readonly profile?: number;
  readonly constraints?: number;
  /** Times ten (AVC) or thirty (HEVC). */
  readonly level?: number;
  readonly frames?: number;
  /** Whether the index stands at the end, as in what a phone records. */
  readonly indexLast?: boolean;
  /** Frames in each fragment, where the index has none of them. */
  readonly fragments?: readonly number[];
  readonly tracks?: number;
}

const zeros = (count: number): Buffer => Buffer.alloc(count);

function decoderOf({ codec = 'avc1', profile = 100, constraints = 0, level = 31 }: Mp4Options): Buffer {
  if (codec === 'mp4v') return box('esds', zeros(4));
  if (codec === 'avc1') return box('avcC', Buffer.of(1, profile, constraints, level, 0xff, 0xe0, 0));
  const config = zeros(23);
  config.set([1, profile], 0);
  config[12] = level;
  config[17] = profile === 2 ? 2 : 0;
  return box('hvcC', config);
}

function track(options: Mp4Options, id: number): Buffer {
  const { codec = 'avc1', width, height, frames = 0, fragments } = options;
  const entry = box(codec, zeros(24), number(width, 2), number(height, 2), zeros(50), decoderOf(options));
  const count = fragments ? 0 : frames;
  const table = box(
    'stbl',
    box('stsd', zeros(4), number(1), entry),
    box('stts', zeros(4), number(1), number(count), number(40)),
    box('stsz', zeros(8), number(count), ...Array.from({ length: count }, () => number(10))),
  );
  // 40 ms each, on a clock of milliseconds.
  const header = box('mdhd', zeros(12), number(1000), number(count * 40), zeros(4));
  const handler = box('hdlr', zeros(8), Buffer.from('vide'), zeros(13));
  return box(
    'trak',
    box('tkhd', zeros(12), number(id), zeros(68)),
    box('mdia', header, handler, box('minf', table)),
  );
}

/** An MPEG-4 file with an index, and nothing that could be played. */
export function mp4(options: Mp4Options): Buffer {
  const { fragments = [], indexLast = false, tracks = 1 } = options;
  const index = box(
    'moov',
    box('mvhd', zeros(100)),
    ...Array.from({ length: tracks }, (_, at) => track(options, at + 1)),
  );
  const data = box('mdat', Buffer.from('pictures '.repeat(200)));
  const runs = fragments.flatMap((count) => [
    box('moof', box('traf', box('tfhd', zeros(4), number(1)), box('trun', zeros(4), number(count)))),
    data,
  ]);
  const start = box('ftyp', Buffer.from('isom'), zeros(4));
  return Buffer.concat(
    indexLast ? [start, data, index] : [start, index, ...(runs.length > 0 ? runs : [data])],
  );
}

export interface Mpeg2Options extends Size {
  readonly frames: number;
  /** Of the sequence extension: 8 is Main, 4 High. */
  readonly level?: number;
  readonly profile?: number;
  /** Whether each picture is two fields. */
  readonly fields?: boolean;
  readonly mpeg1?: boolean;
}

const startCode = (id: number, ...bytes: readonly number[]): Buffer => Buffer.of(0, 0, 1, id, ...bytes);

/** MPEG-2 video of 25 pictures a second, by itself. */
export function mpeg2(options: Mpeg2Options): Buffer {
  const { width, height, frames, level = 8, profile = 4, fields = false, mpeg1 = false } = options;
  const sequence = startCode(
    0xb3,
    (width >> 4) & 0xff,
    ((width & 0xf) << 4) | ((height >> 8) & 0xf),
    height & 0xff,
    0x33,
    ...[0xff, 0xff, 0xe0, 0],
  );
  const extension = startCode(0xb5, 0x10 | profile, (level << 4) | 8, 0, 1, 0, 0);
  const structures = fields ? [1, 2] : [3];
  const picture = structures.flatMap((structure) => [
    startCode(0, 0, 0x0f, 0xff, 0xf8),
    startCode(0xb5, 0x8f, 0xff, 0xf0 | structure, 0x41, 0x80),
    startCode(1, 0x22, 0x33, 0x44),
  ]);
  const head = mpeg1 ? [sequence] : [sequence, extension];
  return Buffer.concat([...head, ...Array.from({ length: frames }, () => picture).flat(), startCode(0xb7)]);
}

/** The same video in packets of a program stream, with sound that looks like pictures. */
export function programStream(video: Buffer, packetBytes: number): Buffer {
  const pack = startCode(0xba, 0x44, 0, 4, 0, 4, 1, 0, 3, 0xff, 0xf8);
  const packet = (id: number, payload: Buffer): Buffer =>
    Buffer.concat([startCode(id), number(payload.length + 5, 2), Buffer.of(0x80, 0, 2, 0xff, 0xff), payload]);
  const sound = packet(0xc0, Buffer.concat([startCode(0xb3, ...Array<number>(8).fill(1)), startCode(0)]));
  const packets: Buffer[] = [pack];
  for (let at = 0; at < video.length; at += packetBytes)
    packets.push(packet(0xe0, video.subarray(at, at + packetBytes)), sound);
  return Buffer.concat(packets);
}
