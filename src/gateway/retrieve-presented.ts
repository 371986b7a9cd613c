import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import {
  negotiateRendered,
  type RenderedRepresentation,
  type RenderedRequest,
  type RetrieveTarget,
} from '../dicomweb/index.js';
import {
  isShownState,
  presentedLooks,
  readPresentationState,
  type PresentationState,
} from '../render/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { ofPeer, type OpenInstance, type StudyInstances } from './open-instance.js';
import { pictureSource, type PictureSource } from './pictures.js';
import { findPresented, shownFrames, type PresentedImage, type PresentedImages } from './presented-images.js';
import {
  isPresentationState,
  noPicture,
  picturePart,
  renderingOf,
  requireIccProfile,
  type RenderedCallOf,
  type RenderedJob,
  type Rendering,
} from './rendered-parts.js';
import type { RetrieveBinding } from './side.js';
import { startingWith } from './starting-with.js';

/** A presentation state that was read, and what is asked of it. */
interface Shown {
  readonly images: StudyInstances;
  /** Most images of a state. */
  readonly most: number;
  readonly state: OpenInstance;
  readonly said: PresentationState;
  /** How its texts were read where it names no character set. */
  readonly fallback: string | undefined;
  readonly asked: RenderedCallOf;
  readonly job: RenderedJob;
}

async function readShown(
  side: RetrieveBinding,
  state: OpenInstance,
  asked: RenderedCallOf,
  rendering: Rendering,
): Promise<Shown> {
  const images = imagesFor(side, asked, rendering.context);
  const by = { ...rendering, fallbackCharacterSetOf: images.fallbackCharacterSetOf };
  const { sopClassUid } = state.instance.info;
  requireNoWindow(asked.rendered);
  if (!isShownState(sopClassUid)) throw noPicture(sopClassUid);
  const { instance, stored } = state;
  const fallback = by.fallbackCharacterSetOf(instance.key.peer);
  const said = await readPresentationState({ source: instance.source, stored }, fallback);
  const most = side.binding.retrieve.maxInstances;
  return { images, most, state, said, fallback, asked, job: { asked, by } };
}

const imagesFor = (
  side: RetrieveBinding,
  { among }: RenderedCallOf,
  context: OperationContext,
): StudyInstances => among ?? ofPeer(side, context);

/** @throws GatewayError `bad-request` @see rules W-53, W-54 */
function requireNoWindow({ picture }: RenderedRequest): void {
  if (picture.window ?? picture.viewport?.region)
    throw new GatewayError('bad-request', 'A presentation state decides about window and region itself.');
}

/**
 * Pictures of all frames that a presentation state shows, as it shows them: of one frame one picture, of several a part
 * each.
 *
 * @throws GatewayError `bad-request` for what the state decides itself, `not-implemented` for a kind of state that is not
 * rendered, as `readPresentationState` and `findPresented`
 * @see rules W-09, W-53, W-54, W-57
 */
export async function presentedAnswer(
  side: RetrieveBinding,
  state: OpenInstance,
  asked: RenderedCallOf,
  by: Rendering,
): Promise<PartsAnswer> {
  const shown = await readShown(side, state, asked, by);
  const found = await findImages(shown, shown.said.images);
  const count = found.images.reduce((sum, one) => sum + shownFrames(one).size, 0);
  const isOne = found.missing === 0 && count === 1;
  const kind = asked.single ? 'thumbnail' : isOne ? 'picture' : 'pictures';
  const representation = negotiateRendered(kind, asked.accept);
  const isFirst = !representation.multipart && count > 1;
  const warnings = isFirst
    ? [
        `This is the first of ${count} pictures; "objectUID" names another, with "presentationUID" for the state.`,
      ]
    : [];
  return answerOf(shown, found, representation, warnings);
}

const findImages = (
  { images: { open }, most, state, job }: Shown,
  images: PresentationState['images'],
): Promise<PresentedImages> => {
  const { studyInstanceUid } = state.instance.key;
  return findPresented({ studyInstanceUid, images, most }, open, job.by.pool);
};

/**
 * WADO-URI: one frame of one image as a presentation state shows it.
 *
 * @throws GatewayError `bad-request` for a state that is not there, or does not show the image
 * @see rule U-08
 */
export async function retrieveUnderState(
  side: RetrieveBinding,
  asked: RenderedCallOf,
  uids: NonNullable<RenderedCallOf['presentation']>,
  context: OperationContext,
): Promise<PartsAnswer> {
  const { studyInstanceUid } = asked.target;
  const state = await openState(imagesFor(side, asked, context), { studyInstanceUid, ...uids });
  try {
    if (!isPresentationState(state.instance.info.sopClassUid))
      throw new GatewayError('bad-request', 'What is named as a presentation state is none.');
    return await underState(await readShown(side, state, asked, renderingOf(side, context)));
  } catch (thrown) {
    await state.close();
    throw thrown;
  }
}

async function openState({ open }: StudyInstances, target: Required<RetrieveTarget>): Promise<OpenInstance> {
  try {
    return await open(target);
  } catch (thrown) {
    if (toGatewayError(thrown).code !== 'not-found') throw thrown;
    throw new GatewayError('bad-request', 'The study has no such presentation state.', { cause: thrown });
  }
}

async function underState(shown: Shown): Promise<PartsAnswer> {
  const { target, accept, frames: wanted } = shown.asked;
  const named = shown.said.images.filter((one) => one.sopInstanceUid === target.sopInstanceUid);
  const [first] = named;
  if (first === undefined || first.seriesInstanceUid !== target.seriesInstanceUid)
    throw new GatewayError('bad-request', 'The presentation state does not show the image.');
  const found = await findImages(shown, [first]);
  const [image] = found.images;
  if (image === undefined) throw new GatewayError('internal', 'An image was found and is not there.');
  const frames = shownFrames(image);
  const frame = wanted?.[0] ?? frames.first;
  if (wanted && image.count === 1)
    throw new GatewayError('bad-request', 'The instance has one frame: "frameNumber" is for several.');
  if (!frames.has(frame))
    throw new GatewayError('bad-request', 'The presentation state does not show the frame.');
  const isFirst = wanted === undefined && frames.size > 1;
  const warnings = isFirst
    ? [`This is the first of ${frames.size} frames; "frameNumber" names another.`]
    : [];
  const one = { images: [{ ...image, frames: [frame] }], missing: 0 };
  return await answerOf(shown, one, negotiateRendered('thumbnail', accept), warnings);
}

async function answerOf(
  shown: Shown,
  { images, missing }: PresentedImages,
  representation: RenderedRepresentation,
  warnings: readonly string[] = [],
): Promise<PartsAnswer> {
  const { state, said, job } = shown;
  const { mediaType, multipart } = representation;
  requireIccProfile(job.asked.rendered, mediaType);
  // Where an image is missing the client does not have what is answered, whatever it has.
  const asked = missing === 0 ? job.asked : { ...job.asked, hasEtag: undefined };
  const parts = partsOf({ ...shown, job: { ...job, asked } }, images, representation);
  const first = await parts.next();
  if (first.done) throw new GatewayError('internal', 'A presentation state was opened without a picture.');
  const all = startingWith(first.value, parts);
  return {
    kind: 'parts',
    refused: missing,
    warnings: [...job.asked.rendered.warnings, ...said.warnings, ...warnings],
    multipart,
    partType: mediaType,
    parts: all,
    stalled: state.stalled,
    close: async () => {
      await all.return();
      await parts.return();
      await state.close();
    },
  };
}

/** Each image is held while its frames are made into pictures, one after the other. */
async function* partsOf(
  shown: Shown,
  images: readonly PresentedImage[],
  representation: RenderedRepresentation,
): AsyncGenerator<BodyPart, void, undefined> {
  const {
    images: { open },
    job,
  } = shown;
  for (const image of images) {
    const opened = await open(image.target);
    try {
      const source = shownBy(shown, opened);
      for (const frame of shownFrames(image)) yield await picturePart(source, frame, representation, job);
    } finally {
      await opened.close();
    }
  }
}

/** An image as a state shows it; its pictures are known by both. */
function shownBy({ state, said, fallback }: Shown, opened: OpenInstance): PictureSource {
  const source = pictureSource(opened);
  const { sopInstanceUid } = opened.instance.key;
  return {
    ...source,
    shownBy: `${state.instance.key.sopInstanceUid} ${state.record.digest} ${fallback ?? ''}`,
    looks: async () => presentedLooks(await source.looks(), said, { sopInstanceUid, index: opened.index }),
  };
}
