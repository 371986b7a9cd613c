import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import {
  frameCount,
  isVideo,
  locateDocument,
  locateElement,
  readRanges,
  requireDeclaredFrames,
  transferSyntax,
  type DatasetIndex,
  type LocatedElement,
  type TransferSyntax,
} from '../dicom/index.js';
import {
  chooseForBulkData,
  chooseForFrames,
  frameConversions,
  negotiate,
  prefersStored,
  type FrameChoice,
  type FrameConversion,
  type MediaRange,
  type Representation,
  type RetrieveTarget,
} from '../dicomweb/index.js';
import type { FramePool } from '../transcode/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { bulkDataSuffix, bulkDataUri, PIXEL_DATA } from './bulk-data-uri.js';
import { convertedFrames, isOfTheFrame } from './converted-frames.js';
import { earlyFrames } from './early-frames.js';
import { encapsulatedPart } from './encapsulated-part.js';
import {
  each,
  framesAnswer,
  representationsOf,
  type FramesAsked,
  type FramesRequest,
} from './frames-answer.js';
import { joinedFrames } from './joined-frames.js';
import { whenWhole, withInstance, type ComingInstance, type OpenInstance } from './open-instance.js';
import type { RetrieveBinding } from './side.js';
import { cutRanges, etagOf, etagOfAll, sliceOf } from './validator.js';

export interface BulkDataRequest {
  readonly target: Required<RetrieveTarget>;
  /** `00420011`, or `00480105/0/00282000`. */
  readonly path: string;
  readonly accept: readonly MediaRange[];
  readonly serviceUrl: string;
}

export type PixelDataRequest = Omit<BulkDataRequest, 'path'>;

/** What the pixel data of an instance depend on. */
export type PixelDataAsked = Pick<FramesAsked, 'accept' | 'serviceUrl' | 'inParts'>;

/** What frames are made with. */
export type FrameMaking = Pick<RetrieveBinding, 'framePool' | 'hotFrames'>;

/**
 * Frames in another transfer syntax than the stored one, where the client likes that better; undefined when they are to
 * be given as they are stored, or cannot be had otherwise.
 */
async function convertedAnswer(
  { framePool: pool, hotFrames: hot }: FrameMaking,
  coming: ComingInstance,
  request: FramesAsked & Pick<FramesRequest, 'frames'>,
  context: OperationContext,
): Promise<PartsAnswer | undefined> {
  const stored = transferSyntax(coming.instance.info.transferSyntaxUid);
  if (stored === undefined || isVideo(stored)) return undefined;
  const { asStored, likedMore } = frameWays(stored, request, request.frames.length, pool);
  if (likedMore.length === 0 && asStored) return undefined;
  const opened = { ...(await whenWhole(coming)), hot };
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

/** How `count` frames stored in `stored` are given. */
export interface FrameWays {
  /** As they are stored, where the client takes that. */
  readonly asStored: FrameChoice | undefined;
  /** What is tried before. */
  readonly likedMore: readonly FrameConversion[];
}

export function frameWays(
  stored: TransferSyntax,
  request: FramesAsked,
  count: number,
  pool: FramePool,
): FrameWays {
  const representations = representationsOf(request, count);
  const asStored = chooseForFrames(representations, stored);
  const conversions = frameConversions(representations, stored, pool);
  return { asStored, likedMore: conversions.filter((one) => !prefersStored(asStored, one)) };
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
  return withInstance(side, request.target, context, async (coming) =>
    pixelDataAnswer(await whenWhole(coming), request, side, context),
  );
}

/** All `count` frames of pixel data: a single one may be bare, as bulk data are. */
export const framesAsked = (request: PixelDataAsked, count: number): FramesAsked => ({
  ...request,
  ...(count === 1 && { resource: 'bulkdata' as const }),
});

/** Whether an instance has pixel data; those that are empty are none, nor have the metadata a URI for them. */
export const hasPixelData = ({ pixelData }: DatasetIndex): boolean =>
  pixelData !== undefined && (pixelData.kind !== 'native' || pixelData.value.end > pixelData.value.start);

/**
 * The pixel data of an instance whose every byte is there. What is one part, or one body, is at the URI that the metadata
 * have for it; a frame among others is at its own.
 *
 * @throws GatewayError as `retrievePixelData`
 */
export async function pixelDataAnswer(
  opened: OpenInstance,
  request: PixelDataAsked,
  by: FrameMaking,
  context: OperationContext,
): Promise<PartsAnswer> {
  const { index } = opened;
  if (!hasPixelData(index)) throw new GatewayError('not-found', 'The instance has no pixel data.');
  if (index.pixelData?.kind !== 'encapsulated')
    return elementAnswer(opened, { ...request, path: PIXEL_DATA });
  requireDeclaredFrames(index);
  const frames = Array.from({ length: frameCount(index) }, (_, position) => position + 1);
  const asked = { ...framesAsked(request, frames.length), frames };
  const source = { ...opened, hot: by.hotFrames };
  try {
    const answer =
      (await convertedAnswer(by, opened, asked, context)) ?? (await framesAnswer(source, asked, frames));
    return frames.length === 1 ? atItsUri(answer, opened, request) : answer;
  } catch (thrown) {
    const isFinal = frames.length === 1 || isVideo(opened.stored) || request.inParts === true;
    if (isFinal || toGatewayError(thrown).code !== 'not-acceptable') throw thrown;
    return await joinedFrames(source, request, { pool: by.framePool, context });
  }
}

/** The answer with the URI that the metadata have for all pixel data. */
function atItsUri(
  answer: PartsAnswer,
  { instance }: OpenInstance,
  { serviceUrl }: PixelDataAsked,
): PartsAnswer {
  const contentLocation = bulkDataUri(serviceUrl, instance.key, PIXEL_DATA);
  const parts = (async function* (): PartsAnswer['parts'] {
    for await (const part of answer.parts) yield { ...part, contentLocation };
  })();
  return { ...answer, parts };
}

/** Retrieves the value that a BulkDataURI names. @throws GatewayError `not-found` @see rules W-04, W-49 */
export function retrieveBulkData(
  side: RetrieveBinding,
  request: BulkDataRequest,
  context: OperationContext,
): Promise<PartsAnswer> {
  if (request.path === PIXEL_DATA) return retrievePixelData(side, request, context);
  return withInstance(side, request.target, context, async (coming) =>
    elementAnswer(await whenWhole(coming), request),
  );
}

const DOCUMENT = '00420011';
const GENERAL = 'application/octet-stream';

interface ElementAsked extends PixelDataAsked {
  readonly path: string;
}

async function elementAnswer(opened: OpenInstance, request: ElementAsked): Promise<PartsAnswer> {
  const { instance, stored, index } = opened;
  const locate = (): Promise<LocatedElement | undefined> =>
    locateElement(instance.source, stored, request.path, index.repeated?.superseded);
  const { representation, part } = await elementPart(opened, request, locate);
  const { multipart, mediaType } = representation;
  const { stalled, close } = opened;
  const validator = etagOfAll('bulkdata', [part]);
  const parts = each([part]);
  return { kind: 'parts', refused: 0, multipart, partType: mediaType, ...validator, parts, stalled, close };
}

/**
 * The value that `locate` finds, in its own type or the general one.
 *
 * @throws GatewayError `not-acceptable`, or `not-found` when there is none
 */
export async function elementPart(
  opened: OpenInstance,
  { path, accept, serviceUrl, inParts = false }: ElementAsked,
  locate: () => Promise<LocatedElement | undefined>,
): Promise<{ readonly representation: Representation; readonly part: BodyPart }> {
  const { instance, stored } = opened;
  const document = path === DOCUMENT ? await locateDocument(instance.source, stored) : undefined;
  const own = document?.mediaType;
  const representations = negotiate('bulkdata', accept, inParts ? 'many' : 'one', own);
  const representation = chooseForBulkData(representations, own);
  if (representation === undefined)
    throw new GatewayError('not-acceptable', `Bulk data is available as ${GENERAL}.`);
  const located = await locate();
  if (located === undefined) throw new GatewayError('not-found', 'The instance has no such element.');
  const isDocument = document !== undefined && representation.mediaType !== GENERAL;
  const part = isDocument
    ? encapsulatedPart(opened, document, bulkDataUri(serviceUrl, instance.key, path))
    : valuePart(opened, located, { path, serviceUrl });
  return { representation, part };
}

/** The value of an element as it stands, in little endian. */
function valuePart(
  { instance, stored, record }: OpenInstance,
  { ranges, vr }: LocatedElement,
  { path, serviceUrl }: Pick<ElementAsked, 'path' | 'serviceUrl'>,
): BodyPart {
  return {
    contentType: GENERAL,
    peer: instance.key.peer,
    contentLocation: bulkDataUri(serviceUrl, instance.key, path),
    contentLength: ranges.reduce((sum, { start, end }) => sum + end - start, 0),
    bytes: readRanges(instance.source, stored, ranges, vr),
    etag: etagOf(record, 'bulkdata', bulkDataSuffix(path)),
    range: (span) =>
      stored.byteOrder === 'big'
        ? sliceOf(readRanges(instance.source, stored, ranges, vr), span)
        : readRanges(instance.source, stored, cutRanges(ranges, span)),
  };
}
