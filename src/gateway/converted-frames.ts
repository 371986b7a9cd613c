import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import { frameLength, readFrame, Tags, type DatasetIndex } from '../dicom/index.js';
import { retrieveUrl, type ByteSpan, type FrameConversion } from '../dicomweb/index.js';
import type { FramePlace, FramePool, FrameShape } from '../transcode/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { each, requireFrames, type FramesAsked, type FrameSource } from './frames-answer.js';
import { inOrder } from './in-order.js';
import type { OpenInstance } from './open-instance.js';
import type { StoredWhole } from './stored-whole.js';
import { etagOf, etagOfAll } from './validator.js';

/** Frames of one instance in another transfer syntax than the stored one. */
export interface ConversionRequest extends FramesAsked {
  readonly frames: readonly number[];
  readonly conversion: FrameConversion;
}

/** What the frames are made with, and for whom. */
export interface Conversion {
  readonly pool: FramePool;
  readonly context: OperationContext;
}

/** Frames of one request that are worked on at once, each with its stored and its new bytes in memory. */
export const FRAMES_AT_ONCE = 2;

/**
 * Frames decoded or encoded, a few of them at the same time, so that no more are in memory for each request; the first one
 * before the status line.
 *
 * @throws GatewayError `not-found`, `malformed-dataset`, `not-acceptable` for frames that cannot be encoded so
 * @see rules W-03, W-29
 */
export async function convertedFrames(
  opened: OpenInstance & Pick<FrameSource, 'hot'>,
  request: ConversionRequest,
  by: Conversion,
): Promise<PartsAnswer> {
  const { frames, conversion } = request;
  requireFrames(opened.index, frames);
  requireMade(opened, request, by);
  const shape = shapeOf(opened.index);
  const { representation, mediaType } = conversion;
  const make = (frame: number): Promise<BodyPart> => convertedPart({ ...opened, shape }, frame, request, by);
  const [first = 1, ...rest] = frames;
  const firstPart = await make(first);
  const parts = async function* (): AsyncGenerator<BodyPart, void, undefined> {
    yield firstPart;
    yield* inOrder(each(rest), FRAMES_AT_ONCE, make);
  };
  const { stalled, close } = opened;
  const { multipart } = representation;
  // Where the first can be made the others are, or the answer breaks off.
  const validator = etagOfAll(
    'frame',
    frames.map((frame) => headOf(opened, frame, request, by)),
  );
  return {
    kind: 'parts',
    refused: 0,
    multipart,
    partType: mediaType,
    ...validator,
    parts: parts(),
    stalled,
    close,
  };
}

/** @throws GatewayError `not-acceptable` for frames that cannot be converted so */
export function requireMade(
  { index, stored }: Pick<OpenInstance, 'index' | 'stored'>,
  { frames, conversion }: Pick<ConversionRequest, 'frames' | 'conversion'>,
  { pool }: Conversion,
): void {
  const reason = whyNotMade(pool, { index, stored }, conversion, frames);
  if (reason === undefined) return;
  throw new GatewayError(
    'not-acceptable',
    `${reason} The frames can be had as they are stored, with transfer-syntax=*.`,
  );
}

type Source = OpenInstance & Pick<FrameSource, 'hot'> & { readonly shape: FrameShape };

/** What is known of a part before its frame is made. */
function headOf(
  { instance, record }: OpenInstance,
  frame: number,
  { conversion, serviceUrl }: ConversionRequest,
  by: Conversion,
): Pick<BodyPart, 'contentType' | 'contentLocation' | 'etag'> {
  const contentType = `${conversion.mediaType}; transfer-syntax=${conversion.transferSyntaxUid}`;
  return {
    contentType,
    contentLocation: `${retrieveUrl(serviceUrl, instance.key)}/frames/${frame}`,
    etag: etagOf(record, 'frame', contentType, String(frame), 'converted', ...lossOf(conversion, by)),
  };
}

async function convertedPart(
  source: Source,
  frame: number,
  request: ConversionRequest,
  by: Conversion,
): Promise<BodyPart> {
  const bytes = await convertedFrame(source, frame, request.conversion, by);
  return {
    ...headOf(source, frame, request, by),
    peer: source.instance.key.peer,
    contentLength: bytes.length,
    bytes: each([bytes]),
    range: ({ start, end }: ByteSpan) => each([bytes.subarray(start, end)]),
  };
}

/** What else tells one representation from another. */
export const lossOf = (
  { lossy, transferSyntaxUid }: Pick<FrameConversion, 'lossy' | 'transferSyntaxUid'>,
  { pool }: Pick<Conversion, 'pool'>,
): readonly string[] => (lossy ? [pool.lossOf(transferSyntaxUid), String(pool.derivesInstances)] : []);

/** Whether frames cannot be had so, by no fault of anything else; what is stored may still do for the client. */
export const isOfTheFrame = (thrown: unknown): boolean =>
  ['not-acceptable', 'malformed-dataset', 'transcode-timeout'].includes(toGatewayError(thrown).code);

/**
 * Whether the samples are floating point numbers: no code stream and no integers are those, so they can be had as they
 * are stored alone.
 *
 * @see PS3.5 8, PS3.3 C.7.6.24
 */
export const isFloating = ({ pixelData }: DatasetIndex): boolean =>
  pixelData?.kind === 'native' && pixelData.tag !== Tags.PixelData;

/** Why `frames`, decoded where they are encapsulated, cannot be had so, in words; undefined when they can. */
export function whyNotMade(
  pool: FramePool,
  { index, stored }: Pick<StoredWhole, 'index' | 'stored'>,
  { encodeAs }: Pick<FrameConversion, 'encodeAs'>,
  frames: Iterable<number>,
): string | undefined {
  if (isFloating(index)) return 'Samples that are floating point numbers are neither decoded nor encoded.';
  const shape = shapeOf(index);
  if (!pool.takes(shape, longestOf(index, frames)))
    return 'A frame is larger than those that are decoded here.';
  return encodeAs === undefined
    ? undefined
    : pool.whyNot(encodeAs, shape, stored.encapsulated ? stored.uid : undefined);
}

/** A frame as it was asked for, which may be known. @throws GatewayError as `FramePlace.run` */
export async function convertedFrame(
  source: Source,
  frame: number,
  { transferSyntaxUid, encodeAs }: FrameConversion,
  by: Conversion,
): Promise<Buffer> {
  const { instance, record, hot } = source;
  const id = `${instance.key.peer} ${instance.key.sopInstanceUid} ${frame} ${transferSyntaxUid}`;
  const known = hot?.get(id, record);
  if (known) return known;
  const { bytes } = await makeFrame(source, frame, encodeAs, by);
  await keep(hot?.pass({ id, of: record, length: bytes.length }, each([bytes])));
  return bytes;
}

/** A frame as it was asked for. */
export interface MadeFrame {
  readonly bytes: Buffer;
  readonly shape: FrameShape;
}

/** Reads one stored frame into memory and has it worked on, when there is a place. @throws GatewayError as `FramePlace.run` */
export async function makeFrame(
  { instance, index, stored }: StoredWhole,
  frame: number,
  encodeAs: string | undefined,
  { pool, context }: Conversion,
): Promise<MadeFrame> {
  const place = await pool.enter(context);
  try {
    const from = stored.encapsulated ? stored.uid : undefined;
    const read = await readOwn({ instance, index, stored }, frame, place);
    const made = await place.run({ frame: read, from, to: encodeAs, shape: shapeOf(index) });
    const { buffer, byteOffset, byteLength } = made.frame;
    return { bytes: Buffer.from(buffer, byteOffset, byteLength), shape: made.shape };
  } finally {
    place.leave();
  }
}

/** Frames that are asked for again and again are kept when they have been read to their end. */
async function keep(passing: AsyncIterable<Buffer> | undefined): Promise<void> {
  const chunks = passing?.[Symbol.asyncIterator]();
  while (chunks && !(await chunks.next()).done);
}

/** Bytes of the longest of `frames` as they are stored. */
export function longestOf(index: DatasetIndex, frames: Iterable<number>): number {
  let longest = 0;
  for (const frame of frames) {
    longest = Math.max(longest, frameLength(index, frame));
    // Native frames are of one length, and there may be as many as there are bits; of the others each has fragments.
    if (index.pixelData?.kind === 'native') break;
  }
  return longest;
}

/** A stored frame in memory of its own, which is given to a thread; or in that of the place where it is native. */
export async function readOwn(
  { instance, index, stored }: StoredWhole,
  frame: number,
  place: Pick<FramePlace, 'memory'>,
): Promise<Uint8Array> {
  const length = frameLength(index, frame);
  const bytes = stored.encapsulated ? new Uint8Array(length) : place.memory(length);
  let at = 0;
  for await (const chunk of readFrame(instance.source, index, frame)) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  // What is not written would be left of another frame.
  if (at !== length) throw new GatewayError('malformed-dataset', 'A frame is shorter than its index says.');
  return bytes;
}

/** @throws GatewayError `malformed-dataset` when the dataset does not say what its pixels are like */
export function shapeOf(index: DatasetIndex): FrameShape {
  const { rows = 0, columns = 0, bitsAllocated = 0, samplesPerPixel = 1 } = index;
  if (rows === 0 || columns === 0 || bitsAllocated === 0)
    throw new GatewayError('malformed-dataset', 'The instance does not say what its pixels are like.');
  if (bitsAllocated !== 1 && bitsAllocated % 8 !== 0)
    throw new GatewayError(
      'not-acceptable',
      'Samples that do not fill their bytes can be had as they are stored.',
    );
  return {
    rows,
    columns,
    samplesPerPixel,
    bitsAllocated,
    bitsStored: Math.min(index.bitsStored ?? bitsAllocated, bitsAllocated),
    signed: index.pixelRepresentation === 1,
    photometricInterpretation: index.photometricInterpretation ?? 'MONOCHROME2',
    planar: index.planarConfiguration === 1,
  };
}
