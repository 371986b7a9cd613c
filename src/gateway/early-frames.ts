import { GatewayError } from '../core/index.js';
import { frameCount, transferSyntax, type DatasetIndex, type TransferSyntax } from '../dicom/index.js';
import type { FrameChoice } from '../dicomweb/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { mismatch } from './arrival-writer.js';
import { ArrivingFrames } from './arriving-frames.js';
import { chooseFrames, framePart, type FramesRequest } from './frames-answer.js';
import { whenWhole, type ComingInstance } from './open-instance.js';
import type { DatasetLimits } from './ports.js';
import { recordNow } from './validator.js';

/**
 * Frames of an instance that is still arriving, each as soon as its bytes are there; undefined when the instance is
 * whole, or only the whole can tell where they are.
 *
 * @throws GatewayError `not-found`, `not-acceptable`
 */
export async function earlyFrames(
  coming: ComingInstance,
  request: FramesRequest,
  limits: DatasetLimits,
): Promise<PartsAnswer | undefined> {
  const { instance } = coming;
  const stored = transferSyntax(instance.info.transferSyntaxUid);
  // Offsets in a deflated dataset say nothing about the bytes that came.
  if (stored === undefined || stored.deflated || (await recordNow(instance))) return undefined;
  const arriving = new ArrivingFrames(instance, stored, limits);
  const whole = instance.complete.then(
    () => undefined,
    () => undefined,
  );
  const index = await Promise.race([arriving.find(request.frames[0] ?? 1), whole]);
  if (index === undefined || mismatch(index, instance.key)) {
    arriving.close();
    return undefined;
  }
  try {
    requireFrames(index, request.frames);
    const choice = chooseFrames({ stored }, request, request.frames.length);
    const parts = partsOf(coming, arriving, stored, { request, choice });
    const close = async (): Promise<void> => {
      arriving.close();
      await coming.close();
    };
    const { multipart } = choice.representation;
    return {
      kind: 'parts',
      refused: 0,
      multipart,
      partType: choice.mediaType,
      parts,
      stalled: coming.stalled,
      close,
    };
  } catch (thrown) {
    arriving.close();
    throw thrown;
  }
}

/** Of native pixel data the count is known; of encapsulated what is declared is the most there can be. */
function requireFrames(index: DatasetIndex, frames: readonly number[]): void {
  const count = index.pixelData?.kind === 'native' ? frameCount(index) : (index.numberOfFrames ?? 1);
  const beyond = frames.find((frame) => frame > count);
  if (beyond === undefined) return;
  throw new GatewayError('not-found', `There is no frame ${beyond}; there are ${count}.`);
}

interface Asked {
  readonly request: FramesRequest;
  readonly choice: FrameChoice;
}

async function* partsOf(
  coming: ComingInstance,
  arriving: ArrivingFrames,
  stored: TransferSyntax,
  { request, choice }: Asked,
): AsyncGenerator<BodyPart, void, undefined> {
  for (const frame of request.frames) {
    const index = await arriving.find(frame);
    const source = index ? { instance: coming.instance, index, stored } : await whenWhole(coming);
    yield framePart(source, frame, choice, request.serviceUrl);
  }
}
