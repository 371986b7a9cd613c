import { GatewayError, type OperationContext } from '../core/index.js';
import { frameCount, isVideo, locateElement, readRanges, transferSyntax } from '../dicom/index.js';
import {
  chooseConversion,
  chooseForBulkData,
  chooseForFrames,
  negotiate,
  prefersStored,
  retrieveUrl,
  type MediaRange,
  type RetrieveTarget,
} from '../dicomweb/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { convertedFrames, isOfTheFrame } from './converted-frames.js';
import { earlyFrames } from './early-frames.js';
import { each, framesAnswer, type FramesAsked, type FramesRequest } from './frames-answer.js';
import { openInstance, whenWhole, type ComingInstance, type OpenInstance } from './open-instance.js';
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

/** Runs `make` on an instance and lets go of the instance when that fails. */
async function withInstance(
  side: RetrieveBinding,
  target: Required<RetrieveTarget>,
  context: OperationContext,
  make: (coming: ComingInstance) => Promise<PartsAnswer>,
): Promise<PartsAnswer> {
  const coming = await openInstance(side, target, context);
  try {
    return await make(coming);
  } catch (thrown) {
    await coming.close();
    throw thrown;
  }
}

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
  const representations = negotiate('frames', request.accept, items);
  const conversion = chooseConversion(representations, stored, pool);
  const asStored = chooseForFrames(representations, stored);
  if (conversion === undefined || prefersStored(asStored, conversion)) return undefined;
  const opened = { ...(await whenWhole(coming)), hot };
  try {
    return await convertedFrames(opened, { ...request, conversion }, { pool, context });
  } catch (thrown) {
    // The stored bytes are as bad or as good as they were.
    if (asStored && isOfTheFrame(thrown)) return undefined;
    throw thrown;
  }
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
 * video as one.
 *
 * @throws GatewayError @see rules W-05, W-29
 */
export function retrievePixelData(
  side: RetrieveBinding,
  request: PixelDataRequest,
  context: OperationContext,
): Promise<PartsAnswer> {
  return withInstance(side, request.target, context, async (coming) => {
    const opened = await whenWhole(coming);
    const { index, stored } = opened;
    if (index.pixelData?.kind === 'encapsulated' && !isVideo(stored)) {
      const frames = Array.from({ length: frameCount(index) }, (_, position) => position + 1);
      const converted = await convertedAnswer(side, coming, { ...request, frames }, context);
      if (converted) return converted;
      return framesAnswer({ ...opened, hot: side.hotFrames }, request, frames);
    }
    if (index.pixelData?.kind === 'encapsulated')
      return framesAnswer({ ...opened, hot: side.hotFrames }, request, [1]);
    return elementAnswer(opened, { ...request, path: '7FE00010' }, '/pixeldata');
  });
}

/** Retrieves the value that a BulkDataURI names. @throws GatewayError `not-found` @see rules W-04, W-49 */
export function retrieveBulkData(
  side: RetrieveBinding,
  request: BulkDataRequest,
  context: OperationContext,
): Promise<PartsAnswer> {
  return withInstance(side, request.target, context, async (coming) =>
    elementAnswer(await whenWhole(coming), request, `/bulkdata/${request.path}`),
  );
}

async function elementAnswer(
  opened: OpenInstance,
  request: BulkDataRequest,
  suffix: string,
): Promise<PartsAnswer> {
  const { instance, stored, record } = opened;
  const representation = chooseForBulkData(negotiate('bulkdata', request.accept, 'one'));
  if (representation === undefined) {
    throw new GatewayError('not-acceptable', 'Bulk data is available as application/octet-stream.');
  }
  const located = await locateElement(instance.source, stored, request.path);
  if (located === undefined) throw new GatewayError('not-found', 'The instance has no such element.');
  const contentLength = located.ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  const { ranges, vr } = located;
  const part: BodyPart = {
    contentType: 'application/octet-stream',
    peer: instance.key.peer,
    contentLocation: retrieveUrl(request.serviceUrl, instance.key) + suffix,
    contentLength,
    bytes: readRanges(instance.source, stored, ranges, vr),
    etag: etagOf(record, 'bulkdata', suffix),
    range: (span) =>
      stored.byteOrder === 'big'
        ? sliceOf(readRanges(instance.source, stored, ranges, vr), span)
        : readRanges(instance.source, stored, cutRanges(ranges, span)),
  };
  const { multipart } = representation;
  return {
    kind: 'parts',
    refused: 0,
    multipart,
    partType: 'application/octet-stream',
    parts: each([part]),
    stalled: opened.stalled,
    close: opened.close,
  };
}
