import { frameCount } from './frames.js';
import type { DatasetIndex } from './dataset-index.js';
import type { PixelData } from './dataset-index-pixel-data.js';

type Encapsulated = Extract<PixelData, { kind: 'encapsulated' }>;

/** `later`: more must be read; `never`: only the whole dataset can tell. */
type Unsettled = 'later' | 'never';

/**
 * The index by which frame `frame` (1-based) can be cut out of a dataset that is still being read, just as by the index
 * of the whole; `never` when only the whole can tell.
 *
 * Native frames are known from the header of the pixel data on. Of encapsulated ones those are that an offset table puts
 * at one fragment each, from the first to this one and the next: then every rule of `frameRanges` comes to the same.
 */
export function indexForFrame(soFar: DatasetIndex, frame: number): DatasetIndex | Unsettled {
  const { pixelData, numberOfFrames = 1 } = soFar;
  if (pixelData === undefined) return 'later';
  if (pixelData.kind === 'native') return frameCount(soFar) > 0 ? soFar : 'never';
  // Where a code stream stands within its boxes is looked up in what is whole.
  if (pixelData.boxed) return 'never';
  const settled = isSettled(pixelData, frame, numberOfFrames);
  if (settled !== true) return settled;
  // What follows could only make the rules doubt; it is not looked at.
  return { ...soFar, pixelData: { ...pixelData, fragments: pixelData.fragments.slice(0, frame) } };
}

function isSettled(pixelData: Encapsulated, frame: number, frames: number): true | Unsettled {
  const { fragments, basicOffsetTable, extendedOffsetTable } = pixelData;
  const [first] = fragments;
  if (first === undefined) return 'later';
  const table = [extendedOffsetTable, basicOffsetTable].find((one) => one?.length === frames);
  if (table === undefined || frame >= frames) return 'never';
  for (let at = 0; at <= frame; at += 1) {
    const start = fragments[at]?.start;
    if (start === undefined) return 'later';
    if (start - first.start !== table[at]) return 'never';
  }
  return marksAgree(pixelData, frame) ? true : 'never';
}

/** Code streams that begin elsewhere would be believed if a later entry of the table turned out to be wrong. */
const marksAgree = ({ codeStreamStarts }: Encapsulated, frame: number): boolean =>
  codeStreamStarts.length === 0 || codeStreamStarts.slice(0, frame).every((start, at) => start === at);
