import { GatewayError } from '../core/index.js';
import {
  frameCount,
  requireDeclaredFrames,
  transferSyntax,
  type DatasetIndex,
  type TransferSyntax,
} from '../dicom/index.js';
import type { FrameChoice } from '../dicomweb/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { writerOf, type ArrivalWriter } from './arrival-writer.js';
import { chooseFrames, framePart, type FramesRequest } from './frames-answer.js';
import { whenWhole, type ComingInstance } from './open-instance.js';
import { recordNow } from './validator.js';

/**
 * Frames of an instance that is still arriving, each as soon as its bytes are there; undefined when the instance is
 * whole, or only the whole can tell where they are or whose they are.
 *
 * @throws GatewayError `not-found`, `not-acceptable`
 */
export async function earlyFrames(
  coming: ComingInstance,
  request: FramesRequest,
): Promise<PartsAnswer | undefined> {
  const { instance } = coming;
  const stored = transferSyntax(instance.info.transferSyntaxUid);
  const writer = writerOf(instance);
  // Offsets in a deflated dataset say nothing about the bytes that came.
  if (!writer || stored === undefined || stored.deflated || (await recordNow(instance))) return undefined;
  const index = await instance.unlessTooLong(writer.findFrame(request.frames[0] ?? 1));
  if (index === undefined || !writer.isProved) return undefined;
  requireFrames(index, request.frames);
  const choice = chooseFrames({ stored }, request, request.frames.length);
  return {
    kind: 'parts',
    refused: 0,
    multipart: choice.representation.multipart,
    partType: choice.mediaType,
    parts: partsOf(coming, writer, stored, { request, choice }),
    stalled: coming.stalled,
    close: coming.close,
  };
}

/** Of native pixel data the count is known; of encapsulated what is declared is the most there can be. */
function requireFrames(index: DatasetIndex, frames: readonly number[]): void {
  const count = index.pixelData?.kind === 'native' ? frameCount(index) : (index.numberOfFrames ?? 1);
  const beyond = frames.find((frame) => frame > count);
  if (beyond === undefined) return;
  if (index.pixelData?.kind === 'native') requireDeclaredFrames(index);
  throw new GatewayError('not-found', `There is no frame ${beyond}; there are ${count}.`);
}

interface Asked {
  readonly request: FramesRequest;
  readonly choice: FrameChoice;
}

async function* partsOf(
  coming: ComingInstance,
  writer: ArrivalWriter,
  stored: TransferSyntax,
  { request, choice }: Asked,
): AsyncGenerator<BodyPart, void, undefined> {
  for (const frame of request.frames) {
    const index = await coming.instance.unlessTooLong(writer.findFrame(frame));
    // What has become another patient's meanwhile fails at its end.
    const isEarly = index !== undefined && writer.isProved;
    const source = isEarly ? { instance: coming.instance, index, stored } : await whenWhole(coming);
    yield framePart(source, frame, choice, request.serviceUrl);
  }
}
