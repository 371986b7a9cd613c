import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import { frameCount, requireDeclaredFrames } from '../dicom/index.js';
import { negotiateRendered, type RetrieveTarget } from '../dicomweb/index.js';
import type { PartsAnswer } from './answer.js';
import { shapeOf } from './converted-frames.js';
import { each, requireFrames } from './frames-answer.js';
import { seriesOf, type ListedInstance } from './listing.js';
import { whenWhole, withInstance, type OpenInstance } from './open-instance.js';
import { openListing } from './open-listing.js';
import { PickedFrames } from './picked-frames.js';
import { pictureSource } from './pictures.js';
import { shrunkTo } from './picture-viewport.js';
import {
  isOfVideo,
  partsAnswer,
  picturePart,
  renderingOf,
  requireRenderable,
  type RenderedAsked,
  type Rendering,
} from './rendered-parts.js';
import type { RetrieveBinding } from './side.js';
import { likelyInstances, likelySeries } from './thumbnail-choice.js';

export interface ThumbnailRequest extends RenderedAsked {
  readonly target: RetrieveTarget;
  /** Of an instance, 1-based and ascending. */
  readonly frames?: readonly number[];
}

/** Series of a study, instances of a series and frames of an instance that are tried until one of them is a picture. */
const MOST_TRIED = 3;
/** Series of a study that are listed; those in which nothing can be an image are not tried. */
const MOST_LISTED = 32;

const noThumbnail = (): GatewayError =>
  new GatewayError('not-found', 'There is no image to make a thumbnail of.');

/** Behind what was looked at there may be one. */
const gaveUp = (): GatewayError =>
  new GatewayError(
    'not-found',
    'The search for an image to make a thumbnail of ended before all was looked at; ' +
      'ask for that of a series or an instance.',
  );

/**
 * Retrieves a small picture of an instance, or of the image that stands for a series or study: the one in the middle,
 * which alone is retrieved, unless it is broken.
 *
 * @throws GatewayError `not-found` where there is no image
 * @see PS3.18 8.3.5.2, 10.4 (W-07, W-59)
 */
export async function retrieveThumbnail(
  side: RetrieveBinding,
  request: ThumbnailRequest,
  context: OperationContext,
): Promise<PartsAnswer> {
  const { mediaType } = negotiateRendered('thumbnail', request.accept);
  const { target } = request;
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = target;
  // Whoever looks at a picture of its own size goes first.
  const by = renderingOf(side, { ...context, priority: 'prefetch' });
  const of = (one: Required<RetrieveTarget>): Promise<PartsAnswer> =>
    withInstance(side, one, context, async (coming) =>
      thumbnailOf(await whenWhole(coming), mediaType, request, { settings: side.rendered, by }),
    );
  if (seriesInstanceUid !== undefined && sopInstanceUid !== undefined)
    return of({ studyInstanceUid, seriesInstanceUid, sopInstanceUid });
  const ofSeries = async (one: string): Promise<Found> => {
    const list = await instancesToTry(side, { studyInstanceUid, seriesInstanceUid: one }, context);
    return firstOf(list, (sop) => of({ studyInstanceUid, seriesInstanceUid: one, sopInstanceUid: sop }));
  };
  const found =
    seriesInstanceUid === undefined
      ? await firstSeriesOf(await seriesToTry(side, target, context), ofSeries)
      : await unlessNotFound(ofSeries(seriesInstanceUid));
  if (found?.answer) return found.answer;
  throw found?.isCutShort === true ? gaveUp() : noThumbnail();
}

/** What came of a look for an image. */
interface Found {
  readonly answer?: PartsAnswer;
  /** How many were tried. */
  readonly tried: number;
  /** Whether there are others that were not tried. */
  readonly isCutShort: boolean;
}

async function unlessNotFound<T>(made: Promise<T>): Promise<T | undefined> {
  try {
    return await made;
  } catch (thrown) {
    if (toGatewayError(thrown).code !== 'not-found') throw thrown;
    return undefined;
  }
}

/**
 * What `make` makes of the first of `all` of which it makes anything. Of one that is broken a neighbour says as much as it
 * would.
 *
 * @throws GatewayError other than `not-found`; why the first one could not be decoded, when no other could
 */
async function firstWhole<O, R>(all: readonly O[], make: (one: O) => Promise<R>): Promise<R | undefined> {
  let broken: GatewayError | undefined;
  for (const one of all)
    try {
      const made = await unlessNotFound(make(one));
      if (made !== undefined) return made;
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (error.code !== 'malformed-dataset') throw thrown;
      broken ??= error;
    }
  if (broken) throw broken;
  return undefined;
}

/** What `make` makes of the first of `all` that holds an image. @throws GatewayError as `firstWhole` */
async function firstOf(all: readonly string[], make: (one: string) => Promise<PartsAnswer>): Promise<Found> {
  const tried = all.slice(0, MOST_TRIED);
  const answer = await firstWhole(tried, make);
  return answer
    ? { answer, tried: tried.length, isCutShort: false }
    : { tried: tried.length, isCutShort: all.length > tried.length };
}

/** The first series of `all` in which something is found. @throws GatewayError other than `not-found` */
async function firstSeriesOf(all: readonly string[], look: (one: string) => Promise<Found>): Promise<Found> {
  const listed = all.slice(0, MOST_LISTED);
  let tried = 0;
  let isCutShort = all.length > listed.length;
  for (const one of listed) {
    if (tried === MOST_TRIED) return { tried, isCutShort: true };
    const found = await unlessNotFound(look(one));
    if (found?.answer) return found;
    // What its list rules out costs no retrieve, and may stand in front of the images: videos of an endoscopy.
    if (found && found.tried > 0) tried += 1;
    isCutShort ||= found?.isCutShort === true;
  }
  return { tried, isCutShort };
}

async function seriesToTry(
  { binding, finds, watch }: RetrieveBinding,
  target: RetrieveTarget,
  context: OperationContext,
): Promise<readonly string[]> {
  const since = watch.changes(target);
  const find: typeof binding.peer.find = (level, identifier, of) => finds.find(level, identifier, of, since);
  const { series } = await seriesOf({ ...binding, find }, target, context);
  return likelySeries(series).map(({ seriesInstanceUid }) => seriesInstanceUid);
}

async function instancesToTry(
  side: RetrieveBinding,
  target: RetrieveTarget,
  context: OperationContext,
): Promise<readonly string[]> {
  const { watch } = side;
  const start = watch.listingStart(target);
  const listing = await openListing(side, target, context);
  const list: ListedInstance[] = [];
  let next = await listing.next();
  for (; !next.done; next = await listing.next()) list.push(next.value);
  if (next.value.verified && !next.value.remembered) watch.remember(target, list, start);
  return likelyInstances(list).map(({ sopInstanceUid }) => sopInstanceUid);
}

interface Making {
  readonly settings: RetrieveBinding['rendered'];
  readonly by: Rendering;
}

/** The picture of the frame in the middle, or of one next to it where that cannot be decoded. */
async function thumbnailOf(
  opened: OpenInstance,
  mediaType: string,
  { frames, ...asked }: ThumbnailRequest,
  { settings, by }: Making,
): Promise<PartsAnswer> {
  const count = frameCount(opened.index);
  if (count === 0) requireDeclaredFrames(opened.index);
  if (count === 0 || isOfVideo(opened)) throw noThumbnail();
  requireFrames(opened.index, frames ?? []);
  const viewport =
    asked.rendered.picture.viewport ?? shrunkTo(settings.thumbnailPixels, shapeOf(opened.index));
  const rendered = { ...asked.rendered, picture: { viewport } };
  const representation = { mediaType, multipart: false };
  const job = { asked: { ...asked, rendered }, by };
  const source = pictureSource(opened);
  const part = await firstWhole(new PickedFrames(count, frames).aroundMiddle(MOST_TRIED), (frame) => {
    requireRenderable(opened, [frame], by.pool);
    return picturePart(source, frame, representation, job);
  });
  if (part === undefined) throw noThumbnail();
  return partsAnswer(representation, opened, job.asked, { parts: each([part]) });
}
