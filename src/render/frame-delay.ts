import { Tags, type Dataset } from '../dicom/index.js';
import { numbersOf } from './look-values.js';

/** How long frame `frame`, from 1, is to be seen in milliseconds; undefined when nothing tells. @see PS3.3 C.7.6.5 */
export function frameDelayMs(dataset: Dataset, frame: number): number | undefined {
  const vector = numbersOf(dataset, Tags.FrameTimeVector);
  const rate =
    numbersOf(dataset, Tags.RecommendedDisplayFrameRate)[0] ?? numbersOf(dataset, Tags.CineRate)[0] ?? 0;
  // The vector holds how long after the one before it each frame comes: so a frame is seen until the next.
  const choices = [
    vector[frame] ?? vector.at(-1),
    numbersOf(dataset, Tags.FrameTime)[0],
    rate > 0 ? 1000 / rate : undefined,
  ];
  return choices.find((delay) => delay !== undefined && delay > 0);
}
