import { TransferSyntaxes, type ByteRange, type TransferSyntax } from '../dicom/index.js';
import { boxBudget, boxesIn, firstBoxes, type BoxBudget } from './boxes.js';
import type { StreamDescription } from './description.js';
import { bytesAt, type MediaFile } from './file-bytes.js';
import { badFrame } from './frame-error.js';

/** The part of a file that is being looked at. */
interface Looked {
  readonly file: MediaFile;
  readonly budget: BoxBudget;
}

/** Its video, as the index of the file describes it. */
interface Track {
  readonly id: number;
  readonly rows: number;
  readonly columns: number;
  readonly syntax: TransferSyntax;
  readonly precision: number;
  readonly frames: number;
  readonly seconds: number;
}

/** The boxes along a path, one in the other. @throws GatewayError `malformed-dataset` when one is missing */
async function boxAt({ file, budget }: Looked, within: ByteRange, ...path: string[]): Promise<ByteRange> {
  let at = within;
  for (const type of path) {
    const found = (await firstBoxes(file, at, budget, type)).get(type);
    if (found === undefined) throw badFrame(`is in an MPEG-4 file without the box ${type}`);
    at = found;
  }
  return at;
}

/** The first bytes of a box. @throws GatewayError `malformed-dataset` when it has fewer */
async function fieldsOf({ file }: Looked, { start, end }: ByteRange, count: number): Promise<Buffer> {
  if (end - start < count) throw badFrame('is in an MPEG-4 file with a box that ends early');
  return bytesAt(file, start, start + count);
}

/**
 * An MPEG-4 file with one video in AVC (H.264) or HEVC (H.265), and sound if there is any. Its index may stand at the end.
 *
 * @throws GatewayError `malformed-dataset`, also for profiles and levels that DICOM has no transfer syntax for
 * @see ISO/IEC 14496-12, ISO/IEC 14496-15, PS3.5 8.2.7 to 8.2.13
 */
export async function describeMp4(file: MediaFile): Promise<StreamDescription> {
  const looked: Looked = { file, budget: boxBudget() };
  const whole = { start: 0, end: file.length };
  const movie = await boxAt(looked, whole, 'moov');
  const track = await onlyTrack(looked, movie);
  const frames = track.frames > 0 ? track.frames : await framesInFragments(looked, whole, track.id);
  if (frames === 0) throw badFrame('is a video without a picture');
  const frameTime = (track.seconds * 1000) / frames;
  return {
    rows: track.rows,
    columns: track.columns,
    samplesPerPixel: 3,
    precision: track.precision,
    photometricInterpretations: ['YBR_PARTIAL_420'],
    frames,
    ...(frameTime > 0 && { frameTimes: frameTime }),
    syntax: track.syntax,
    range: whole,
    lossy: true,
  };
}

async function onlyTrack(looked: Looked, movie: ByteRange): Promise<Track> {
  const tracks: ByteRange[] = [];
  for await (const { type, content } of boxesIn(looked.file, movie, looked.budget)) {
    if (type !== 'trak') continue;
    const handler = await fieldsOf(looked, await boxAt(looked, content, 'mdia', 'hdlr'), 12);
    if (handler.toString('latin1', 8, 12) === 'vide') tracks.push(content);
  }
  const [track] = tracks;
  if (track === undefined || tracks.length > 1)
    throw badFrame('is in an MPEG-4 file without exactly one video');
  return readTrack(looked, track);
}

async function readTrack(looked: Looked, track: ByteRange): Promise<Track> {
  const header = await fieldsOf(looked, await boxAt(looked, track, 'tkhd'), 24);
  const id = header.readUInt32BE(header[0] === 1 ? 20 : 12);
  const media = await boxAt(looked, track, 'mdia');
  const seconds = await secondsOf(looked, media);
  const table = await boxAt(looked, media, 'minf', 'stbl');
  const sizes = await fieldsOf(looked, await boxAt(looked, table, 'stsz'), 12);
  const entry = await sampleEntry(looked, await boxAt(looked, table, 'stsd'));
  return { id, seconds, frames: sizes.readUInt32BE(8), ...entry };
}

async function secondsOf(looked: Looked, media: ByteRange): Promise<number> {
  const box = await boxAt(looked, media, 'mdhd');
  const isWide = (await fieldsOf(looked, box, 24))[0] === 1;
  const fields = await fieldsOf(looked, box, isWide ? 32 : 24);
  const scale = fields.readUInt32BE(isWide ? 20 : 12);
  const duration = isWide ? Number(fields.readBigUInt64BE(24)) : fields.readUInt32BE(16);
  // All bits stand for a duration that nobody knows.
  const isKnown = scale > 0 && duration < (isWide ? 2 ** 63 : 0xffffffff);
  return isKnown ? duration / scale : 0;
}

type Entry = Pick<Track, 'rows' | 'columns' | 'syntax' | 'precision'>;

/** A visual sample entry; what configures the decoder stands behind it. @see ISO/IEC 14496-12 12.1.3 */
const VISUAL_BYTES = 78;
const AVC: ReadonlySet<string> = new Set(['avc1', 'avc3']);
const HEVC: ReadonlySet<string> = new Set(['hvc1', 'hev1']);

async function sampleEntry(looked: Looked, descriptions: ByteRange): Promise<Entry> {
  const entries = { start: descriptions.start + 8, end: descriptions.end };
  for await (const { type, content } of boxesIn(looked.file, entries, looked.budget)) {
    const fields = await fieldsOf(looked, content, VISUAL_BYTES);
    const [columns, rows] = [fields.readUInt16BE(24), fields.readUInt16BE(26)];
    if (rows === 0 || columns === 0) throw badFrame('is a video without a size');
    const inside = { start: content.start + VISUAL_BYTES, end: content.end };
    if (AVC.has(type)) {
      const syntax = avcSyntax(await fieldsOf(looked, await boxAt(looked, inside, 'avcC'), 4));
      return { rows, columns, syntax, precision: 8 };
    }
    if (HEVC.has(type)) {
      const config = await fieldsOf(looked, await boxAt(looked, inside, 'hvcC'), 19);
      const precision = 8 + ((config[17] ?? 0) & 7);
      return { rows, columns, syntax: hevcSyntax(config), precision };
    }
    break;
  }
  throw badFrame('is a video that is neither AVC (H.264) nor HEVC (H.265)');
}

const Avc = { baseline: 66, main: 77, high: 100, stereoHigh: 128 } as const;
const COMMON_WITH_MAIN = 0x40;

/**
 * The syntax that a decoder of which takes the stream: one for High profile takes Main, and Baseline that says that it
 * keeps to what is in Main too. That it is BD-compatible no header says.
 *
 * @see ISO/IEC 14496-10 A.2, A.3
 */
function avcSyntax(config: Buffer): TransferSyntax {
  const [profile, constraints, level] = [config.readUInt8(1), config.readUInt8(2), config.readUInt8(3)];
  const { Mpeg4HighProfile41, Mpeg4HighProfile42For2d, Mpeg4StereoHighProfile42 } = TransferSyntaxes;
  const isCommon = profile === Avc.baseline && (constraints & COMMON_WITH_MAIN) !== 0;
  const isHigh = isCommon || profile === Avc.high || profile === Avc.main;
  if (isHigh && level <= 41) return Mpeg4HighProfile41;
  if (isHigh && level <= 42) return Mpeg4HighProfile42For2d;
  if (profile === Avc.stereoHigh && level <= 42) return Mpeg4StereoHighProfile42;
  throw badFrame(`is AVC of profile ${profile}, level ${level / 10}, which DICOM has no transfer syntax for`);
}

function hevcSyntax(config: Buffer): TransferSyntax {
  const [profile, level] = [(config[1] ?? 0) & 0x1f, config[12] ?? 0];
  if (level <= 153 && profile === 1) return TransferSyntaxes.HevcMainProfile51;
  if (level <= 153 && profile === 2) return TransferSyntaxes.HevcMain10Profile51;
  throw badFrame(
    `is HEVC of profile ${profile}, level ${level / 30}, which DICOM has no transfer syntax for`,
  );
}

/** What is recorded as it is sent has its pictures in fragments behind the index. @see ISO/IEC 14496-12 8.8 */
async function framesInFragments(looked: Looked, whole: ByteRange, id: number): Promise<number> {
  let frames = 0;
  for await (const { type, content } of boxesIn(looked.file, whole, looked.budget))
    if (type === 'moof') frames += await framesInFragment(looked, content, id);
  return frames;
}

async function framesInFragment(looked: Looked, fragment: ByteRange, id: number): Promise<number> {
  let frames = 0;
  for await (const { type, content } of boxesIn(looked.file, fragment, looked.budget)) {
    if (type !== 'traf') continue;
    const header = await fieldsOf(looked, await boxAt(looked, content, 'tfhd'), 8);
    if (header.readUInt32BE(4) !== id) continue;
    for await (const run of boxesIn(looked.file, content, looked.budget))
      if (run.type === 'trun') frames += (await fieldsOf(looked, run.content, 8)).readUInt32BE(4);
  }
  return frames;
}
