import { GatewayError } from '../core/index.js';
import { retrieveUrl } from '../dicomweb/index.js';
import { GIF_END, type PictureRequest } from '../render/index.js';
import type { PartsAnswer } from './answer.js';
import { each } from './frames-answer.js';
import type { OpenInstance } from './open-instance.js';
import type { PickedFrames } from './picked-frames.js';
import { pictureSource } from './pictures.js';
import { partsAnswer, pictureRequest, type RenderedJob } from './rendered-parts.js';
import { etagOf } from './validator.js';

const mediaType = 'image/gif';

/** Over an hour and a half at the pace below: nobody plays more, and a small instance may say that it has millions. */
const MOST_FRAMES = 65_536;

/** What is taken where the dataset does not say; viewers play at about this rate. */
const DEFAULT_MS = 100;
/** GIF counts in hundredths of a second, and browsers slow down what is faster than two of them. */
const [LEAST_MS, MOST_MS] = [20, 10_000];

const delayOf = (told: number | undefined): number =>
  Math.min(Math.max(Math.round(told ?? DEFAULT_MS), LEAST_MS), MOST_MS);

/**
 * Several frames as one animated GIF, each made when the client has taken the one before it; the first before the status
 * line. The frames are kept as other pictures are, those at the beginning of a long one alone.
 *
 * @throws GatewayError `not-acceptable` for too many frames, or of the first frame
 * @see rule W-50
 */
export async function animated(
  opened: OpenInstance,
  frames: PickedFrames,
  job: RenderedJob,
): Promise<PartsAnswer> {
  if (frames.size > MOST_FRAMES)
    throw new GatewayError(
      'not-acceptable',
      `An animation of more than ${MOST_FRAMES} frames is not made; frames can be named.`,
    );
  const { instance, record } = opened;
  const source = pictureSource(opened);
  const looks = await source.looks();
  const { asked, by } = job;
  const { first } = frames;
  const requestOf = async (frame: number): Promise<PictureRequest> => ({
    ...(await pictureRequest(source, frame, mediaType, job)),
    animation: { isFirst: frame === first, delayMs: delayOf(looks.delayMs(frame)) },
  });
  const request = await requestOf(first);
  const etag = etagOf(record, 'rendered', frames.name, JSON.stringify(request));
  let made = 0;
  const make = async (frame: number, of: PictureRequest): Promise<Buffer> => {
    const mayKeep = made < by.pictures.animationBytes;
    const blocks = await by.pictures.make({ source, frame, request: of }, by.context, mayKeep);
    made += blocks.length;
    return blocks;
  };
  const known = asked.hasEtag?.(etag) ?? false;
  const beginning = known ? undefined : await make(first, request);
  const bytes = async function* (): AsyncGenerator<Buffer, void, undefined> {
    if (beginning) yield beginning;
    for (const frame of frames.rest()) yield await make(frame, await requestOf(frame));
    yield Buffer.from(GIF_END);
  };
  const part = {
    contentType: mediaType,
    peer: instance.key.peer,
    contentLocation: retrieveUrl(asked.serviceUrl, instance.key),
    bytes: bytes(),
    etag,
  };
  return partsAnswer({ mediaType, multipart: false }, opened, asked, { parts: each([part]) });
}
