import { availableParallelism } from 'node:os';
import type { Config } from './config/index.js';
import type { Observe } from './core/index.js';
import { createFramePool, type FramePool, type LossySettings } from './transcode/index.js';

type Loss = Pick<Config['transcode'], 'jpegQuality' | 'jpegLsError' | 'j2kRatio' | 'htJ2kStep'>;

const lossOf = ({ jpegQuality, jpegLsError, j2kRatio, htJ2kStep }: Loss): LossySettings => ({
  jpegQuality,
  jpegLsError,
  j2kRatio,
  htJ2kStep: htJ2kStep / STEPS,
});

/** The configuration counts in whole millionths. */
const STEPS = 1_000_000;

/** Opens the threads that decode, encode and render, by the configuration. */
export function openFramePool({ transcode }: Config, observe: Observe): FramePool {
  const { workers, queue, frameTimeout, maxFrameBytes, maxPicturePixels } = transcode;
  const { workerHeap, codecMemory, lossy, lossyUid, ...loss } = transcode;
  return createFramePool(
    {
      workers: workers === 0 ? availableParallelism() : workers,
      queue,
      frameMs: frameTimeout,
      heapMegabytes: Math.round(workerHeap / 2 ** 20),
      codecBytes: codecMemory,
      frameBytes: maxFrameBytes,
      picturePixels: maxPicturePixels,
      ...(lossy && { lossy: lossOf(loss) }),
      derivesInstances: lossyUid === 'new',
    },
    observe,
  );
}
