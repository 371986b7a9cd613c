import { Tags, type Dataset } from '../dicom/index.js';
import { numbersOf } from './look-values.js';

/**
 * Reads how long each frame, from 1, is to be seen in milliseconds; undefined when nothing tells. The vector is read once,
 * for all of them.
 *
 * @see PS3.3 C.7.6.5
 */
export function readFrameDelays(dataset: Dataset): (frame: number) => number | undefined {
  const vector = numbersOf(dataset, Tags.FrameTimeVector);
  const rate =
    numbersOf(dataset, Tags.RecommendedDisplayFrameRate)[0] ?? numbersOf(dataset, Tags.CineRate)[0] ?? 0;
  // The vector holds how long after the one before it each frame comes: so a frame is seen until the next.
  const all = [numbersOf(dataset, Tags.FrameTime)[0], rate > 0 ? 1000 / rate : undefined];
  return (frame) =>
    [vector[frame] ?? vector.at(-1), ...all].find((delay) => delay !== undefined && delay > 0);
}
