import { GatewayError, type OperationContext } from '../core/index.js';
import { frameCount, frameLength, frameRanges, isVideo, readFrame, readRanges } from '../dicom/index.js';
import {
  carriesIccProfile,
  isPictureType,
  retrieveUrl,
  type ByteSpan,
  type MediaRange,
  type RenderedRepresentation,
  type RenderedRequest,
  type RetrieveTarget,
} from '../dicomweb/index.js';
import type { PictureRequest } from '../render/index.js';
import type { FramePool } from '../transcode/index.js';
import { annotationLines } from './annotation-lines.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { longestOf, shapeOf } from './converted-frames.js';
import { each } from './frames-answer.js';
import { boxWithin, placeViewport } from './picture-viewport.js';
import type { DatasetLimits } from './ports.js';
import type { OpenInstance, StudyInstances } from './open-instance.js';
import type { Pictures, PictureSource } from './pictures.js';
import type { RetrieveBinding } from './side.js';
import { cutRanges, etagOf } from './validator.js';

/** What an answer with pictures depends on. */
export interface RenderedAsked {
  readonly accept: readonly MediaRange[];
  readonly serviceUrl: string;
  readonly rendered: RenderedRequest;
  /** Whether the client has a body with this validator already, so that it need not be made. */
  readonly hasEtag?: ((etag: string) => boolean) | undefined;
}

export interface RenderedCallOf extends RenderedAsked {
  readonly target: RetrieveTarget;
  /** Of an instance, 1-based and ascending; all of them when left out. */
  readonly frames?: readonly number[];
  /** WADO-URI: the answer is one picture, or one animation, whatever there is. */
  readonly single?: boolean;
  /** WADO-URI: the presentation state, of the same study, that shows the image. */
  readonly presentation?: { readonly seriesInstanceUid: string; readonly sopInstanceUid: string };
  /** In a group: where the images of a presentation state are, and the state; at the same peer when left out. */
  readonly among?: StudyInstances;
}

/** What pictures are made with, and for whom. */
export interface Rendering {
  readonly pool: FramePool;
  readonly pictures: Pictures;
  /** Most pixels of a picture in each direction, where the client decides. */
  readonly mostPixels: number;
  /** How text of a peer's reads that names no character set. */
  readonly fallbackCharacterSetOf: (peer: string) => string | undefined;
  /** Of what is read of a report. */
  readonly limits: DatasetLimits;
  readonly context: OperationContext;
}

/** How one request for pictures of this peer's is served. */
export const renderingOf = (
  { framePool, pictures, rendered, binding }: RetrieveBinding,
  context: OperationContext,
): Rendering => ({
  pool: framePool,
  pictures,
  mostPixels: rendered.mostPixels,
  fallbackCharacterSetOf: () => binding.retrieve.fallbackCharacterSet,
  limits: binding.retrieve.limits,
  context,
});

/** One request for pictures: what is asked, and what it is served with. */
export interface RenderedJob {
  readonly asked: RenderedAsked;
  readonly by: Rendering;
}

/** Grayscale, colour and blending presentation states, and their like. @see PS3.4 B.5 */
export const isPresentationState = (sopClassUid: string): boolean =>
  sopClassUid.startsWith('1.2.840.10008.5.1.4.1.1.11.');

/** Whether the instance is a video, which is given as it is. */
export const isOfVideo = ({ stored, index }: Pick<PictureSource, 'stored' | 'index'>): boolean =>
  index.pixelData?.kind === 'encapsulated' && isVideo(stored);

/** What the client is told that asks for a picture of what holds none. */
export const noPicture = (sopClassUid: string): GatewayError =>
  isPresentationState(sopClassUid)
    ? new GatewayError('not-implemented', 'The gateway does not render presentation states of this kind.')
    : new GatewayError('not-acceptable', 'The instance holds no picture.');

/** @throws GatewayError `not-acceptable` for frames that cannot be made into pictures here */
export function requireRenderable(
  { index, stored }: Pick<PictureSource, 'stored' | 'index'>,
  frames: Iterable<number>,
  pool: FramePool,
): void {
  const isKnown = index.pixelData?.kind === 'native' || pool.decodes(stored.uid);
  if (isKnown && pool.takes(shapeOf(index), longestOf(index, frames))) return;
  throw new GatewayError(
    'not-acceptable',
    isKnown
      ? 'The frames are too large to be rendered here.'
      : `Frames in ${stored.uid} cannot be rendered here; they can be had as they are stored.`,
  );
}

/** @throws GatewayError `bad-request` @see rule W-55 */
export function requireIccProfile({ picture }: RenderedRequest, mediaType: string): void {
  if ((picture.iccProfile ?? 'no') !== 'no' && !carriesIccProfile(mediaType))
    throw new GatewayError('bad-request', `${mediaType} has no place for an ICC profile.`);
}

/** What is asked of the picture of one frame of an instance. @throws GatewayError `bad-request` */
export async function pictureRequest(
  source: PictureSource,
  frame: number,
  mediaType: string,
  { asked, by: { mostPixels, fallbackCharacterSetOf } }: RenderedJob,
): Promise<PictureRequest> {
  if (!isPictureType(mediaType)) throw new GatewayError('internal', 'A picture is of no type for pictures.');
  const { index, instance } = source;
  const { picture } = asked.rendered;
  const fallback = fallbackCharacterSetOf(instance.key.peer);
  const viewport =
    source.shownBy === undefined
      ? placeViewport(picture.viewport, shapeOf(index), mostPixels)
      : picture.viewport && boxWithin(picture.viewport, mostPixels);
  const of = { frame, count: frameCount(index) };
  const annotation = await annotationLines(source, picture.annotation ?? [], of, fallback);
  const { quality, window, iccProfile } = picture;
  return {
    mediaType,
    ...(quality !== undefined && { quality }),
    ...(window && { window }),
    ...(viewport && { viewport }),
    ...(annotation.length > 0 && { annotation }),
    ...(iccProfile && { iccProfile }),
  };
}

/** A picture of one frame as a part; not made where the client has it. @throws GatewayError */
export async function picturePart(
  source: PictureSource,
  frame: number,
  { mediaType, multipart }: RenderedRepresentation,
  job: RenderedJob,
): Promise<BodyPart> {
  const { asked, by } = job;
  const { instance, index, record } = source;
  const request = await pictureRequest(source, frame, mediaType, job);
  const url = retrieveUrl(asked.serviceUrl, instance.key);
  const head = {
    contentType: mediaType,
    peer: instance.key.peer,
    contentLocation: frameCount(index) === 1 ? url : `${url}/frames/${frame}`,
  };
  const shown = source.shownBy === undefined ? [] : [source.shownBy];
  const etag = multipart
    ? undefined
    : etagOf(record, 'rendered', String(frame), JSON.stringify(request), ...shown);
  if (etag !== undefined && asked.hasEtag?.(etag)) return { ...head, etag, bytes: each([]) };
  const bytes = await by.pictures.make({ source, frame, request }, by.context);
  return {
    ...head,
    contentLength: bytes.length,
    bytes: each([bytes]),
    ...(etag !== undefined && {
      etag,
      range: ({ start, end }: ByteSpan) => each([bytes.subarray(start, end)]),
    }),
  };
}

/** An answer of parts that are made of one instance. */
export function partsAnswer(
  { mediaType, multipart }: RenderedRepresentation,
  { stalled, close }: Pick<OpenInstance, 'stalled' | 'close'>,
  { rendered }: Pick<RenderedAsked, 'rendered'>,
  { warnings = [], parts }: Pick<PartsAnswer, 'parts'> & { readonly warnings?: readonly string[] },
): PartsAnswer {
  const all = [...rendered.warnings, ...warnings];
  return { kind: 'parts', refused: 0, warnings: all, multipart, partType: mediaType, parts, stalled, close };
}

/** A video as it is stored, in one part. */
export function videoPart(
  { instance, index, stored, record }: Omit<PictureSource, 'looks'>,
  { mediaType, multipart }: RenderedRepresentation,
  serviceUrl: string,
): BodyPart {
  return {
    contentType: mediaType,
    peer: instance.key.peer,
    contentLocation: retrieveUrl(serviceUrl, instance.key),
    contentLength: frameLength(index, 1),
    bytes: readFrame(instance.source, index, 1),
    ...(!multipart && {
      etag: etagOf(record, 'rendered', mediaType),
      range: (span: ByteSpan) => readRanges(instance.source, stored, cutRanges(frameRanges(index, 1), span)),
    }),
  };
}
