import { GatewayError, type OperationContext } from '../core/index.js';
import {
  frameCount,
  frameLength,
  frameRanges,
  isVideo,
  locateElement,
  readFrame,
  readRanges,
} from '../dicom/index.js';
import {
  chooseForBulkData,
  chooseForFrames,
  negotiate,
  retrieveUrl,
  type FrameChoice,
  type MediaRange,
  type RetrieveTarget,
} from '../dicomweb/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { openInstance, type OpenInstance } from './open-instance.js';
import type { RetrieveBinding } from './retrieve.js';
import { cutRanges, etagOf, sliceOf } from './validator.js';

export interface FramesRequest {
  readonly target: Required<RetrieveTarget>;
  /** 1-based, ascending. */
  readonly frames: readonly number[];
  readonly accept: readonly MediaRange[];
  readonly serviceUrl: string;
}

export interface BulkDataRequest {
  readonly target: Required<RetrieveTarget>;
  /** `00420011`, or `00480105/0/00282000`. */
  readonly path: string;
  readonly accept: readonly MediaRange[];
  readonly serviceUrl: string;
}

export type PixelDataRequest = Omit<BulkDataRequest, 'path'>;

/** Runs `make` on an open instance and lets go of the instance when that fails. */
async function withInstance(
  side: RetrieveBinding,
  target: Required<RetrieveTarget>,
  context: OperationContext,
  make: (opened: OpenInstance) => PartsAnswer | Promise<PartsAnswer>,
): Promise<PartsAnswer> {
  const opened = await openInstance(side, target, context);
  try {
    return await make(opened);
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
}

function framePart(opened: OpenInstance, frame: number, choice: FrameChoice, serviceUrl: string): BodyPart {
  const { instance, index, stored, record } = opened;
  // Bits are shifted and big endian words swapped from the beginning of the frame on.
  const isVerbatim =
    index.pixelData?.kind === 'encapsulated' ||
    (stored.byteOrder !== 'big' && (index.bitsAllocated ?? 1) % 8 === 0);
  const contentType = `${choice.mediaType}; transfer-syntax=${choice.transferSyntaxUid}`;
  return {
    contentType,
    contentLocation: `${retrieveUrl(serviceUrl, instance.key)}/frames/${frame}`,
    contentLength: frameLength(index, frame),
    bytes: readFrame(isVerbatim && !stored.deflated ? instance.lent : instance.source, index, frame),
    // Of several parts none has a validator.
    ...(choice.representation.multipart ? {} : { etag: etagOf(record, contentType, `frames/${frame}`) }),
    range: (span) =>
      isVerbatim
        ? readRanges(instance.source, stored, cutRanges(frameRanges(index, frame), span))
        : sliceOf(readFrame(instance.source, index, frame), span),
  };
}

function chooseFrames(opened: OpenInstance, request: PixelDataRequest, count: number): FrameChoice {
  const representations = negotiate('frames', request.accept, count === 1 ? 'one' : 'many');
  const choice = chooseForFrames(representations, opened.stored);
  if (choice) return choice;
  throw new GatewayError(
    'not-acceptable',
    `The frames are stored as ${opened.stored.frameMediaType} (${opened.stored.uid}), which this gateway does not ` +
      'convert. Ask for them as they are with transfer-syntax=*.',
  );
}

function framesAnswer(
  opened: OpenInstance,
  request: PixelDataRequest,
  frames: readonly number[],
): PartsAnswer {
  const count = frameCount(opened.index);
  const beyond = frames.find((frame) => frame > count);
  if (count === 0) throw new GatewayError('not-found', 'The instance has no frames.');
  if (beyond !== undefined)
    throw new GatewayError('not-found', `There is no frame ${beyond}; there are ${count}.`);
  const choice = chooseFrames(opened, request, frames.length);
  // Generators throw where they are read; a frame that cannot be located must be known before the status line.
  const parts = frames.map((frame) => framePart(opened, frame, choice, request.serviceUrl));
  return {
    kind: 'parts',
    refused: 0,
    multipart: choice.representation.multipart,
    partType: choice.mediaType,
    parts: each(parts),
    stalled: opened.stalled,
    close: opened.close,
  };
}

// eslint-disable-next-line @typescript-eslint/require-await -- an async generator is what answers are made of
async function* each(parts: Iterable<BodyPart>): AsyncGenerator<BodyPart, void, undefined> {
  yield* parts;
}

/** Retrieves frames of an instance as they are stored. @throws GatewayError @see rules W-03, W-10..W-12, W-29 */
export function retrieveFrames(
  side: RetrieveBinding,
  request: FramesRequest,
  context: OperationContext,
): Promise<PartsAnswer> {
  return withInstance(side, request.target, context, (opened) =>
    framesAnswer(opened, request, request.frames),
  );
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
  return withInstance(side, request.target, context, (opened) => {
    const { index, stored } = opened;
    if (index.pixelData?.kind === 'encapsulated' && !isVideo(stored)) {
      const frames = Array.from({ length: frameCount(index) }, (_, position) => position + 1);
      return framesAnswer(opened, request, frames);
    }
    if (index.pixelData?.kind === 'encapsulated') return framesAnswer(opened, request, [1]);
    return elementAnswer(opened, { ...request, path: '7FE00010' }, '/pixeldata');
  });
}

/** Retrieves the value that a BulkDataURI names. @throws GatewayError `not-found` @see rules W-04, W-49 */
export function retrieveBulkData(
  side: RetrieveBinding,
  request: BulkDataRequest,
  context: OperationContext,
): Promise<PartsAnswer> {
  return withInstance(side, request.target, context, (opened) =>
    elementAnswer(opened, request, `/bulkdata/${request.path}`),
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
    contentLocation: retrieveUrl(request.serviceUrl, instance.key) + suffix,
    contentLength,
    bytes: readRanges(instance.source, stored, ranges, vr),
    etag: etagOf(record, 'application/octet-stream', suffix),
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
