import { frameLength, frameRanges, readRanges, type ByteRange } from '../dicom/index.js';
import { isBoxed, readBox } from '../media/index.js';
import type { StoredWhole } from './stored-whole.js';
import { cutRanges } from './validator.js';

/** Frame types that are code streams without the boxes of a file. @see PS3.18 Table 8.7.3-5 */
const BARE: ReadonlySet<string> = new Set(['image/jp2', 'image/jpx', 'image/jphc']);

/** Enough for the head of a box. */
const HEAD_BYTES = 16;
/** Boxes before a code stream; files have five or so. */
const MOST_BOXES = 100;
const START = 'ff4f';
const END = 'ffd9';

/** Where the code streams of frames stand that are stored in the boxes of a file, by frame. */
export type BareStreams = ReadonlyMap<number, readonly ByteRange[]>;

/** Bytes of one frame, from one place to another. */
type Read = (start: number, end: number) => Promise<Buffer>;

/**
 * The code streams of those of `frames` that some writer stored as JPEG 2000 files, which DICOM forbids and DICOMweb too.
 * Where none is found in its box the frame stays as it is stored.
 *
 * @throws GatewayError as `frameRanges`; while reading what the source throws
 * @see PS3.5 A.4.4, rule W-29
 */
export async function bareStreams(
  { instance, index, stored }: StoredWhole,
  frames: readonly number[],
): Promise<BareStreams> {
  const streams = new Map<number, readonly ByteRange[]>();
  const { pixelData } = index;
  if (pixelData?.kind !== 'encapsulated' || !pixelData.boxed || !BARE.has(stored.frameMediaType))
    return streams;
  for (const frame of frames) {
    const ranges = frameRanges(index, frame);
    const read: Read = async (start, end) => {
      const chunks: Buffer[] = [];
      for await (const chunk of readRanges(instance.source, stored, cutRanges(ranges, { start, end })))
        chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks);
    };
    const span = await spanOf(read, frameLength(index, frame));
    if (span) streams.set(frame, cutRanges(ranges, span));
  }
  return streams;
}

/** Where the code stream of a file of `length` bytes stands; undefined of what is none, or has none. */
async function spanOf(read: Read, length: number): Promise<ByteRange | undefined> {
  for (let at = 0, boxes = 0; at < length && boxes < MOST_BOXES; boxes += 1) {
    const head = await read(at, at + HEAD_BYTES);
    if (head.length < HEAD_BYTES || (boxes === 0 && !isBoxed(head))) return undefined;
    const { isCodeStream, headBytes, bytes } = readBox(head);
    if (isCodeStream) return await streamIn(read, { start: at + headBytes, end: at + bytes }, length);
    if (bytes < headBytes) return undefined;
    at += bytes;
  }
  return undefined;
}

/** A length that is wrong is not believed: a code stream ends with its marker, or with the frame. */
async function streamIn(
  read: Read,
  { start, end }: ByteRange,
  length: number,
): Promise<ByteRange | undefined> {
  const marked = async (at: number): Promise<string> => (await read(at, at + 2)).toString('hex');
  if ((await marked(start)) !== START) return undefined;
  const isWhole = end > start && end <= length && (await marked(end - 2)) === END;
  return { start, end: isWhole ? end : length };
}
