import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import {
  frameCount,
  isVideo,
  locateDocument,
  locateElement,
  readRanges,
  requireDeclaredFrames,
  transferSyntax,
  type LocatedElement,
} from '../dicom/index.js';
import {
  chooseForBulkData,
  chooseForFrames,
  frameConversions,
  negotiate,
  prefersStored,
  retrieveUrl,
  type FrameConversion,
  type MediaRange,
  type RetrieveTarget,
} from '../dicomweb/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { convertedFrames, isOfTheFrame } from './converted-frames.js';
import { earlyFrames } from './early-frames.js';
import { encapsulatedPart } from './encapsulated-part.js';
import { each, framesAnswer, type FramesAsked, type FramesRequest } from './frames-answer.js';
import { joinedFrames } from './joined-frames.js';
import { whenWhole, withInstance, type ComingInstance, type OpenInstance } from './open-instance.js';
import type { RetrieveBinding } from './side.js';
import { cutRanges, etagOf, sliceOf } from './validator.js';

export interface BulkDataRequest {
  readonly target: Required<RetrieveTarget>;
  /** `00420011`, or `00480105/0/00282000`. */
  readonly path: string;
  readonly accept: readonly MediaRange[];
  readonly serviceUrl: string;
}

export type PixelDataRequest = Omit<BulkDataRequest, 'path'>;

/**
 * Frames in another transfer syntax than the stored one, where the client likes that better; undefined when they are to
 * be given as they are stored, or cannot be had otherwise.
 */
async function convertedAnswer(
  { framePool: pool, hotFrames: hot }: RetrieveBinding,
  coming: ComingInstance,
  request: FramesAsked & Pick<FramesRequest, 'frames'>,
  context: OperationContext,
): Promise<PartsAnswer | undefined> {
  const stored = transferSyntax(coming.instance.info.transferSyntaxUid);
  if (stored === undefined || isVideo(stored)) return undefined;
  const items = request.frames.length === 1 ? 'one' : 'many';
  const representations = negotiate(request.resource ?? 'frames', request.accept, items);
  const conversions = frameConversions(representations, stored, pool);
  const asStored = chooseForFrames(representations, stored);
  if (prefersStored(asStored, conversions[0])) return undefined;
  const opened = { ...(await whenWhole(coming)), hot };
  const likedMore = conversions.filter((conversion) => !prefersStored(asStored, conversion));
  try {
    return await firstMade(likedMore, (conversion) =>
      convertedFrames(opened, { ...request, conversion }, { pool, context }),
    );
  } catch (thrown) {
    // The stored bytes are as bad or as good as they were.
    if (asStored && isOfTheFrame(thrown)) return undefined;
    throw thrown;
  }
}

/** The first answer that can be made, each transfer syntax tried once. @throws GatewayError why it was not the first one */
async function firstMade(
  conversions: readonly FrameConversion[],
  make: (conversion: FrameConversion) => Promise<PartsAnswer>,
): Promise<PartsAnswer | undefined> {
  const refusals = new Map<string, GatewayError>();
  for (const conversion of conversions) {
    if (refusals.has(conversion.transferSyntaxUid)) continue;
    try {
      return await make(conversion);
    } catch (thrown) {
      const refusal = toGatewayError(thrown);
      // What cannot be decoded can be turned into nothing else either.
      if (refusal.code !== 'not-acceptable') throw thrown;
      refusals.set(conversion.transferSyntaxUid, refusal);
    }
  }
  const [first] = refusals.values();
  if (first) throw first;
  return undefined;
}

/** Retrieves frames of an instance, as they are stored if the client takes that. @throws GatewayError @see rules W-03, W-10..W-12, W-29 */
export function retrieveFrames(
  side: RetrieveBinding,
  request: FramesRequest,
  context: OperationContext,
): Promise<PartsAnswer> {
  return withInstance(side, request.target, context, async (coming) => {
    const converted = await convertedAnswer(side, coming, request, context);
    if (converted) return converted;
    const early = await earlyFrames(coming, request);
    return (
      early ?? framesAnswer({ ...(await whenWhole(coming)), hot: side.hotFrames }, request, request.frames)
    );
  });
}

/**
 * Retrieves the pixel data of an instance: every frame of encapsulated data as a part of its own, native data and
 * video as one; encapsulated frames as one too, decoded, for who takes no parts. What is one follows a BulkDataURI bare,
 * so that a browser can play it and ask for ranges.
 *
 * @throws GatewayError @see rules W-05, W-29, W-61
 */
export function retrievePixelData(
  side: RetrieveBinding,
  request: PixelDataRequest,
  context: OperationContext,
): Promise<PartsAnswer> {
  return withInstance(side, request.target, context, async (coming) => {
    const opened = await whenWhole(coming);
    const { index } = opened;
    if (index.pixelData?.kind !== 'encapsulated')
      return elementAnswer(opened, { ...request, path: PIXEL_DATA }, '/pixeldata');
    requireDeclaredFrames(index);
    const frames = Array.from({ length: frameCount(index) }, (_, position) => position + 1);
    const asked = { ...request, frames, ...(frames.length === 1 && { resource: 'bulkdata' as const }) };
    const source = { ...opened, hot: side.hotFrames };
    try {
      return (
        (await convertedAnswer(side, coming, asked, context)) ?? (await framesAnswer(source, asked, frames))
      );
    } catch (thrown) {
      if (frames.length === 1 || isVideo(opened.stored) || toGatewayError(thrown).code !== 'not-acceptable')
        throw thrown;
      return await joinedFrames(source, request, { pool: side.framePool, context });
    }
  });
}

const PIXEL_DATA = '7FE00010';

/** Retrieves the value that a BulkDataURI names. @throws GatewayError `not-found` @see rules W-04, W-49 */
export function retrieveBulkData(
  side: RetrieveBinding,
  request: BulkDataRequest,
  context: OperationContext,
): Promise<PartsAnswer> {
  if (request.path === PIXEL_DATA) return retrievePixelData(side, request, context);
  return withInstance(side, request.target, context, async (coming) =>
    elementAnswer(await whenWhole(coming), request, `/bulkdata/${request.path}`),
  );
}

const DOCUMENT = '00420011';
const GENERAL = 'application/octet-stream';

async function elementAnswer(
  opened: OpenInstance,
  request: BulkDataRequest,
  suffix: string,
): Promise<PartsAnswer> {
  const { instance, stored, index } = opened;
  const document = request.path === DOCUMENT ? await locateDocument(instance.source, stored) : undefined;
  const own = document?.mediaType;
  const representation = chooseForBulkData(negotiate('bulkdata', request.accept, 'one', own), own);
  if (representation === undefined) {
    throw new GatewayError('not-acceptable', `Bulk data is available as ${GENERAL}.`);
  }
  const located = await locateElement(instance.source, stored, request.path, index.repeated?.superseded);
  if (located === undefined) throw new GatewayError('not-found', 'The instance has no such element.');
  const { multipart, mediaType } = representation;
  const at = { serviceUrl: request.serviceUrl, suffix };
  const isDocument = document !== undefined && mediaType !== GENERAL;
  return {
    kind: 'parts',
    refused: 0,
    multipart,
    partType: mediaType,
    parts: each([isDocument ? encapsulatedPart(opened, document, at) : valuePart(opened, located, at)]),
    stalled: opened.stalled,
    close: opened.close,
  };
}

/** The value of an element as it stands, in little endian. */
function valuePart(
  { instance, stored, record }: OpenInstance,
  { ranges, vr }: LocatedElement,
  { serviceUrl, suffix }: { readonly serviceUrl: string; readonly suffix: string },
): BodyPart {
  return {
    contentType: GENERAL,
    peer: instance.key.peer,
    contentLocation: retrieveUrl(serviceUrl, instance.key) + suffix,
    contentLength: ranges.reduce((sum, { start, end }) => sum + end - start, 0),
    bytes: readRanges(instance.source, stored, ranges, vr),
    etag: etagOf(record, 'bulkdata', suffix),
    range: (span) =>
      stored.byteOrder === 'big'
        ? sliceOf(readRanges(instance.source, stored, ranges, vr), span)
        : readRanges(instance.source, stored, cutRanges(ranges, span)),
  };
}
