import { GatewayError, type OperationContext } from '../core/index.js';
import { frameCount, isImageClass, requireDeclaredFrames, transferSyntax } from '../dicom/index.js';
import {
  chooseRendered,
  negotiateRendered,
  type MediaRange,
  type RenderedKind,
  type RenderedRepresentation,
} from '../dicomweb/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { animated } from './animated.js';
import { each, requireFrames } from './frames-answer.js';
import { whenWhole, withInstance, type OpenInstance } from './open-instance.js';
import { PickedFrames } from './picked-frames.js';
import { pictureSource } from './pictures.js';
import { isDocumentClass, renderedDocument } from './rendered-document.js';
import {
  isOfVideo,
  isPresentationState,
  noPicture,
  partsAnswer,
  picturePart,
  requireIccProfile,
  renderingOf,
  requireRenderable,
  videoPart,
  type RenderedAsked,
  type RenderedCallOf,
  type RenderedJob,
  type Rendering,
} from './rendered-parts.js';
import { openRetrieve, type OpenedRetrieve } from './retrieve.js';
import { presentedAnswer, retrieveUnderState } from './retrieve-presented.js';
import type { RetrieveBinding } from './side.js';
import { startingWith } from './starting-with.js';
import type { HeldInstance } from './want.js';

/**
 * Retrieves pictures: of one instance, of some of its frames, or of everything in a series or study.
 *
 * @throws GatewayError
 * @see PS3.18 10.4, 8.3.5 (W-06, W-50..W-58)
 */
export async function retrieveRendered(
  side: RetrieveBinding,
  request: RenderedCallOf,
  context: OperationContext,
): Promise<PartsAnswer> {
  const by = renderingOf(side, context);
  if (request.presentation) return retrieveUnderState(side, request, request.presentation, context);
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = request.target;
  if (seriesInstanceUid !== undefined && sopInstanceUid !== undefined) {
    const target = { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
    return withInstance(side, target, context, async (coming) => {
      const opened = await whenWhole(coming);
      if (request.frames === undefined && isPresentationState(opened.instance.info.sopClassUid))
        return await presentedAnswer(side, opened, request, by);
      return await renderedInstance(opened, request, by);
    });
  }
  requireSomeType(request.accept);
  return renderedInstances(await openRetrieve(side, request.target, context), request, by);
}

/** What of one instance is to be rendered; undefined for a video. @throws GatewayError where there is no picture */
function framesOf(opened: OpenInstance, request: RenderedCallOf): PickedFrames | undefined {
  const { frames, single } = request;
  const count = frameCount(opened.index);
  if (frames === undefined && (!single || count === 0)) requireDeclaredFrames(opened.index);
  if (count === 0 && frames === undefined) throw noPicture(opened.instance.info.sopClassUid);
  requireFrames(opened.index, frames ?? []);
  if (isOfVideo(opened)) return undefined;
  if (single && frames !== undefined && count === 1)
    throw new GatewayError('bad-request', 'The instance has one frame: "frameNumber" is for several.');
  return new PickedFrames(count, frames);
}

/** Pictures of one instance. */
async function renderedInstance(
  opened: OpenInstance,
  request: RenderedCallOf,
  by: Rendering,
): Promise<PartsAnswer> {
  if (request.frames === undefined && isDocumentClass(opened.instance.info.sopClassUid))
    return documentAnswer(opened, request, by);
  const frames = framesOf(opened, request);
  if (frames === undefined) return videoAnswer(opened, request);
  const representation = negotiateRendered(kindOf(request, frames), request.accept);
  const { mediaType, multipart } = representation;
  requireIccProfile(request.rendered, mediaType);
  requireRenderable(opened, frames, by.pool);
  const job = { asked: request, by };
  const isSeveral = !multipart && frames.size > 1;
  if (isSeveral && mediaType === 'image/gif') return animated(opened, frames, job);
  const source = pictureSource(opened);
  const make = (frame: number): Promise<BodyPart> => picturePart(source, frame, representation, job);
  const firstPart = await make(frames.first);
  return partsAnswer(representation, opened, request, {
    warnings: isSeveral ? [`This is the first of ${frames.size} frames; "frameNumber" names another.`] : [],
    parts: (async function* () {
      yield firstPart;
      if (multipart) for (const frame of frames.rest()) yield await make(frame);
    })(),
  });
}

const kindOf = ({ single }: RenderedCallOf, frames: PickedFrames): RenderedKind =>
  single ? 'thumbnail' : frames.size === 1 ? 'picture' : 'cine';

/** A report, or what an instance encapsulates: nothing about pictures changes it. */
async function documentAnswer(
  opened: OpenInstance,
  request: RenderedCallOf,
  { limits, fallbackCharacterSetOf }: Rendering,
): Promise<PartsAnswer> {
  const fallbackCharacterSet = fallbackCharacterSetOf(opened.instance.key.peer);
  const answer = await renderedDocument(opened, request, { limits, fallbackCharacterSet });
  const isPlain = Object.keys(request.rendered.picture).length === 0;
  const ignored = isPlain ? [] : ['A document is given as it is; no parameter of pictures changes it.'];
  return { ...answer, warnings: [...request.rendered.warnings, ...ignored] };
}

function videoAnswer(opened: OpenInstance, request: RenderedCallOf): PartsAnswer {
  const representation = negotiateRendered({ video: opened.stored.frameMediaType }, request.accept);
  const { picture } = request.rendered;
  const isPlain = Object.keys(picture).length === 0;
  const part = videoPart(opened, representation, request.serviceUrl);
  const warnings = isPlain ? [] : ['A video is given as it is stored; no parameter changes it.'];
  return partsAnswer(representation, opened, request, { warnings, parts: each([part]) });
}

const videoTypes = ['video/mp4', 'video/mpeg', 'video/H265'] as const;

/** How the instances of a series or study can be answered with, pictures and videos each by itself. */
interface Wanted {
  readonly pictures: RenderedRepresentation | undefined;
  readonly video: (mediaType: string) => RenderedRepresentation | undefined;
}

const wantedOf = (accept: readonly MediaRange[]): Wanted => ({
  pictures: chooseRendered('pictures', accept),
  video: (video) => chooseRendered({ video, inParts: true }, accept),
});

/** @throws GatewayError `not-acceptable` where nothing that a series may hold will do */
export function requireSomeType(accept: readonly MediaRange[]): void {
  const { pictures, video } = wantedOf(accept);
  if (!pictures && !videoTypes.some(video)) negotiateRendered('pictures', accept);
}

/**
 * Pictures of all that was opened, one after the other, each frame in a part of its own; what is no picture is left out,
 * which is told beforehand.
 *
 * @throws GatewayError `not-acceptable` when there is no picture at all
 * @see rules W-09, W-14, W-58
 */
export async function renderedInstances(
  { refused, instances, stalled, sopClassUids }: OpenedRetrieve,
  request: RenderedAsked,
  by: Rendering,
): Promise<PartsAnswer> {
  const close = async (): Promise<void> => {
    await instances.return();
  };
  try {
    // What will be left out must be known before the status line.
    const mayLeaveOut = [...(await sopClassUids())].some((uid) => uid === undefined || !isImageClass(uid));
    const parts = partsOfAll(instances, { asked: request, by }, mayLeaveOut);
    const first = await parts.next();
    if (first.done) throw new GatewayError('not-acceptable', 'Nothing here can be made into a picture.');
    const partType = first.value.contentType;
    const answer = partsAnswer({ mediaType: partType, multipart: true }, { stalled, close }, request, {
      warnings: mayLeaveOut ? ['What is no still image, such as a report, is left out of this answer.'] : [],
      parts: startingWith(first.value, parts),
    });
    return { ...answer, refused };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

async function* partsOfAll(
  instances: OpenedRetrieve['instances'],
  job: RenderedJob,
  mayLeaveOut: boolean,
): AsyncGenerator<BodyPart, void, undefined> {
  const wanted = wantedOf(job.asked.accept);
  for await (const instance of instances) {
    let isLeftOut = true;
    for await (const part of partsOfOne(instance, wanted, job)) {
      isLeftOut = false;
      yield part;
    }
    if (isLeftOut && !mayLeaveOut)
      throw new GatewayError('not-acceptable', 'An image holds no picture that can be given so.');
  }
}

async function* partsOfOne(
  instance: HeldInstance,
  { pictures, video }: Wanted,
  job: RenderedJob,
): AsyncGenerator<BodyPart, void, undefined> {
  const record = await instance.unlessTooLong(instance.complete);
  const stored = transferSyntax(instance.info.transferSyntaxUid);
  const { index, problem } = record;
  if (index === undefined || stored === undefined)
    throw problem ?? new GatewayError('malformed-dataset', 'The elements of an instance cannot be read.');
  const source = pictureSource({ instance, index, stored, record });
  requireDeclaredFrames(index);
  const count = frameCount(index);
  if (count === 0) return;
  if (isOfVideo(source)) {
    const representation = video(stored.frameMediaType);
    if (representation) yield videoPart(source, representation, job.asked.serviceUrl);
    return;
  }
  if (!pictures) return;
  requireIccProfile(job.asked.rendered, pictures.mediaType);
  for (let frame = 1; frame <= count; frame += 1) {
    requireRenderable(source, [frame], job.by.pool);
    yield await picturePart(source, frame, pictures, job);
  }
}
