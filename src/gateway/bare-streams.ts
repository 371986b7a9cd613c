import { frameLength, frameRanges, readRanges, type ByteRange } from '../dicom/index.js';
import { codeStreamSpan } from '../media/index.js';
import type { StoredWhole } from './stored-whole.js';
import { cutRanges } from './validator.js';

/** Frame types that are code streams without the boxes of a file. @see PS3.18 Table 8.7.3-5 */
const BARE: ReadonlySet<string> = new Set(['image/jp2', 'image/jpx', 'image/jphc']);

/** Boxes before a code stream: some hundred bytes, a colour profile at most. */
const HEAD_BYTES = 64 * 1024;

/** Where the code streams of frames stand that are stored in the boxes of a file, by frame. */
export type BareStreams = ReadonlyMap<number, readonly ByteRange[]>;

/**
 * The code streams of those of `frames` that some writer stored as JPEG 2000 files, which DICOM forbids and DICOMweb too;
 * what has no code stream within reach stays as it is.
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
    const head: Buffer[] = [];
    const beginning = cutRanges(ranges, { start: 0, end: HEAD_BYTES });
    for await (const chunk of readRanges(instance.source, stored, beginning)) head.push(Buffer.from(chunk));
    const length = frameLength(index, frame);
    const span = codeStreamSpan(Buffer.concat(head), length);
    if (span && (span.start > 0 || span.end < length)) streams.set(frame, cutRanges(ranges, span));
  }
  return streams;
}
