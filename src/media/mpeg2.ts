import { TransferSyntaxes, type TransferSyntax } from '../dicom/index.js';
import type { StreamDescription } from './description.js';
import { bytesAt, nextTurn, type MediaFile } from './file-bytes.js';
import { badFrame } from './frame-error.js';

/** What follows the three bytes 00 00 01. @see ISO/IEC 13818-2 table 6-1, ISO/IEC 13818-1 table 2-18 */
const Start = { picture: 0x00, sequence: 0xb3, extension: 0xb5, pack: 0xba } as const;
const Extension = { sequence: 1, pictureCoding: 8 } as const;
const FIRST_VIDEO = 0xe0;
const LAST_VIDEO = 0xef;
const FIRST_SYSTEM = 0xbb;
const WHOLE_FRAME = 3;
/** Longest of what is read behind a start code. */
const READ_BYTES: ReadonlyMap<number, number> = new Map([
  [Start.sequence, 8],
  [Start.extension, 6],
]);
/** Pictures a second, by code. @see ISO/IEC 13818-2 table 6-4 */
const RATES = [0, 24_000 / 1001, 24, 25, 30_000 / 1001, 30, 50, 60_000 / 1001, 60];

/** Reads a video stream for its headers and counts its pictures, however it is cut. */
class VideoScanner {
  #code = 0xffffffff;
  #reading: { id: number; bytes: number[]; left: number } | undefined;
  /** The sequence header, and its extension. */
  sequence: Buffer | undefined;
  extension: Buffer | undefined;
  /** Of interlaced ones a field is half a picture. */
  pictures = 0;

  push(byte: number): void {
    this.#code = ((this.#code << 8) | byte) >>> 0;
    const reading = this.#reading;
    if (reading) {
      reading.bytes.push(byte);
      reading.left -= 1;
      if (reading.left === 0) this.#take(reading.id, Buffer.from(reading.bytes));
      if (reading.left === 0) this.#reading = undefined;
    } else if (this.#code >>> 8 === 1) {
      const left = READ_BYTES.get(byte);
      if (left !== undefined) this.#reading = { id: byte, bytes: [], left };
    }
  }

  #take(id: number, bytes: Buffer): void {
    const kind = (bytes[0] ?? 0) >> 4;
    if (id === Start.sequence) this.sequence ??= bytes;
    else if (kind === Extension.sequence) this.extension ??= bytes;
    else if (kind === Extension.pictureCoding)
      this.pictures += ((bytes[2] ?? 0) & 3) === WHOLE_FRAME ? 1 : 0.5;
  }
}

/** Takes the video out of a program stream; an elementary stream is all video. */
class Demultiplexer {
  readonly video = new VideoScanner();
  #isProgram: boolean | undefined;
  #code = 0xffffffff;
  /** Bytes of the packet header that are still to come, then of what the packet holds. */
  #header: number[] | undefined;
  #skip = 0;
  #payload = 0;

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at);
        this.#skip -= skipped;
        at += skipped;
      } else this.#byte(chunk[at++] ?? 0);
    }
  }

  #byte(byte: number): void {
    if (this.#isProgram === false) this.video.push(byte);
    else if (this.#payload > 0) {
      this.#payload -= 1;
      this.video.push(byte);
    } else if (this.#header) this.#inHeader(this.#header, byte);
    else this.#between(byte);
  }

  #between(byte: number): void {
    this.#code = ((this.#code << 8) | byte) >>> 0;
    if (this.#code >>> 8 !== 1) return;
    if (this.#isProgram === undefined) this.#begin(byte);
    else if (byte >= FIRST_SYSTEM) this.#header = [byte];
  }

  #begin(first: number): void {
    this.#isProgram = first === Start.pack;
    if (!this.#isProgram) for (const one of [0, 0, 1, first]) this.video.push(one);
  }

  /** Length, flags, and how much more header there is; only of video the rest is wanted. */
  #inHeader(header: number[], byte: number): void {
    header.push(byte);
    const [id = 0, high = 0, low = 0, , , more = 0] = header;
    const length = high * 256 + low;
    const isVideo = id >= FIRST_VIDEO && id <= LAST_VIDEO;
    if (header.length === 3 && !isVideo) this.#leave(length, 0);
    else if (header.length === 6) this.#leave(more, Math.max(0, length - 3 - more));
  }

  #leave(skip: number, payload: number): void {
    this.#skip = skip;
    this.#payload = payload;
    this.#header = undefined;
    this.#code = 0xffffffff;
  }
}

const TRANSPORT_SYNC = 0x47;
const TRANSPORT_PACKET = 188;

/**
 * MPEG-2 video, by itself or in a program stream. All of it is read: nothing but its pictures tells how many there are.
 *
 * @throws GatewayError `malformed-dataset`, also for profiles and levels that DICOM has no transfer syntax for
 * @see ISO/IEC 13818-2 6.2, PS3.5 8.2.5, 8.2.6
 */
export async function describeMpeg2(file: MediaFile): Promise<StreamDescription> {
  const { source, length } = file;
  const head = await bytesAt(file, 0, TRANSPORT_PACKET + 1);
  if (head[0] === TRANSPORT_SYNC && head[TRANSPORT_PACKET] === TRANSPORT_SYNC)
    throw badFrame('is an MPEG-2 transport stream, of which its part must name the transfer syntax');
  const demultiplexer = new Demultiplexer();
  for await (const chunk of source.read(0, length)) {
    demultiplexer.push(chunk);
    // What is in memory comes at once: without a pause nobody else would be served before its end.
    await nextTurn();
  }
  const { sequence, extension, pictures } = demultiplexer.video;
  if (sequence === undefined) throw badFrame('is no MPEG-2 video, by itself or in a program stream');
  if (extension === undefined) throw badFrame('is MPEG-1, which DICOM has no transfer syntax for');
  const frames = Math.floor(pictures);
  if (frames === 0) throw badFrame('is a video without a picture');
  const sizes = sequence.readUIntBE(0, 3);
  const rate = RATES[(sequence[3] ?? 0) & 0xf] ?? 0;
  const more = extension.readUInt16BE(1);
  return {
    columns: (sizes >> 12) + (((more >> 7) & 3) << 12),
    rows: (sizes & 0xfff) + (((more >> 5) & 3) << 12),
    samplesPerPixel: 3,
    precision: 8,
    photometricInterpretations: ['YBR_PARTIAL_420'],
    frames,
    ...(rate > 0 && { frameTimes: 1000 / rate }),
    syntax: syntaxOf(extension),
    range: { start: 0, end: length },
    lossy: true,
  };
}

const Profile = { main: 4, simple: 5 } as const;
const Level = { high: 4, high1440: 6, main: 8, low: 10 } as const;

function syntaxOf(extension: Buffer): TransferSyntax {
  const [profile, level] = [(extension[0] ?? 0) & 7, (extension[1] ?? 0) >> 4];
  const isMain = profile === Profile.main || profile === Profile.simple;
  if (isMain && (level === Level.main || level === Level.low))
    return TransferSyntaxes.Mpeg2MainProfileMainLevel;
  if (isMain && (level === Level.high || level === Level.high1440))
    return TransferSyntaxes.Mpeg2MainProfileHighLevel;
  throw badFrame(`is MPEG-2 of profile ${profile}, level ${level}, which DICOM has no transfer syntax for`);
}
