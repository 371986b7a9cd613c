import { sampleBytes, type NativeFrame } from '../dicom/index.js';
import { modalityStage, presentationStage, rangeStage, voiStage } from './grey-stages.js';
import type { ImageLook, LookUpTable, WindowFunction } from './image-look.js';
import { levelTable, type Level, type LevelKey, type LevelTable } from './level-table.js';
import type { PictureRequest } from './picture-request.js';
import type { Part } from './geometry.js';
import type { Raster } from './raster.js';
import { Scratch } from './scratch.js';
import { codesIn, lookUp, meansOfBoxes, type Boxes } from './sample-loops.js';
import { storedSamples, unitsOf, type StoredSamples, type Units } from './stored-samples.js';

/** Codes up to so many bits are looked up in a table; there are seldom more. */
const MOST_TABLE_BITS = 16;
const BLACK = 0;

/** What may stand in place of what the dataset says. */
type Asked = Pick<PictureRequest, 'window'>;

/** The grey levels of a frame of one sample for each pixel, 0 black to 255 white. @see rule W-56, PS3.4 N.2 */
export function greyPixels(
  frame: NativeFrame,
  look: ImageLook,
  request: Asked,
  scratch = new Scratch(),
): Uint8Array {
  if (look.floating) return floatingPixels(frame, look, request);
  const { samples, shape } = frame;
  const stored = storedSamples(samples, shape, look.lowestBit);
  const units = unitsOf(samples, shape.bitsAllocated);
  const out = scratch.take(stored.count);
  const { level, by } = levelsOf(look, request, () => storedRange(stored, look, units));
  // A table is worth its while for more pixels than there are codes.
  if (units && stored.bits <= MOST_TABLE_BITS && stored.count >= 2 ** stored.bits)
    lookUp(units, tableOf(frame, look, stored, { level, by }), out);
  else for (let at = 0; at < out.length; at++) out[at] = level(stored.valueOf(stored.code(at)));
  return out;
}

/** Whether `shrunkGrey` takes a frame: one of bytes or words, with more pixels than there are levels to work out. */
export function canShrinkGrey({ samples, shape }: NativeFrame, look: ImageLook): boolean {
  const { count, bits } = storedSamples(samples, shape, look.lowestBit);
  const hasUnits = shape.bitsAllocated === 8 || shape.bitsAllocated === 16;
  return hasUnits && !look.floating && shape.samplesPerPixel === 1 && count >= 2 ** bits;
}

/**
 * A part of a frame that `canShrinkGrey`, in one pass: the mean level of each of so many boxes of its pixels, as if the whole
 * picture had been made and then scaled.
 */
export function shrunkGrey(
  frame: NativeFrame,
  { look, request }: { readonly look: ImageLook; readonly request: Asked },
  part: Part,
  boxes: Boxes,
): Raster {
  const { samples, shape } = frame;
  const stored = storedSamples(samples, shape, look.lowestBit);
  const units = unitsOf(samples, shape.bitsAllocated) ?? samples;
  const levels = levelsOf(look, request, () => storedRange(stored, look, units));
  const { columns } = shape;
  return meansOfBoxes(units, { columns, part }, boxes, tableOf(frame, look, stored, levels));
}

const tableOf = (
  { shape }: NativeFrame,
  { lowestBit }: ImageLook,
  stored: StoredSamples,
  { level, by }: Levels,
): LevelTable => levelTable(shape.bitsAllocated, { stored, lowestBit }, level, by);

interface Range {
  readonly lowest: number;
  readonly highest: number;
}

/** From stored values to levels. */
interface Levels {
  readonly level: Level;
  readonly by: LevelKey;
}

function levelsOf(look: ImageLook, { window }: Asked, range: () => Range): Levels {
  const { modality, presentation, padding } = look;
  const chosen = window ? ({ kind: 'window', ...window } as const) : look.voi[0];
  const all = chosen ? undefined : range();
  const isOfTables = [modality?.kind, chosen?.kind].includes('table') || typeof presentation !== 'string';
  return {
    level: levelOf(look, chosen, all),
    by: isOfTables ? undefined : JSON.stringify([modality, chosen ?? all, presentation, padding]),
  };
}

function levelOf(
  look: ImageLook,
  chosen: WindowFunction | LookUpTable | undefined,
  all: Range | undefined,
): Level {
  const modality = modalityStage(look.modality);
  const voi = chosen ? voiStage(chosen) : fullRange(look, all ?? { lowest: 0, highest: 0 });
  const presentation = presentationStage(look.presentation);
  const { padding } = look;
  return (value) => {
    if (Number.isNaN(value) || (padding && value >= padding.from && value <= padding.to)) return BLACK;
    return Math.round(presentation(voi(modality(value))) * 255);
  };
}

/** All that there is, when nothing says what is of interest. */
function fullRange(look: ImageLook, { lowest, highest }: Range): (value: number) => number {
  const { modality } = look;
  const stage = modalityStage(modality);
  let ends = [stage(lowest), stage(highest)];
  if (modality?.kind === 'table') {
    const from = Math.max(0, lowest - modality.first);
    const used = modality.entries.subarray(from, Math.max(from, highest - modality.first) + 1);
    if (used.length > 0)
      ends = [used.reduce((a, b) => Math.min(a, b)), used.reduce((a, b) => Math.max(a, b))];
  }
  return rangeStage(Math.min(...ends), Math.max(...ends));
}

/** The lowest and highest stored values that are no padding. */
function storedRange(stored: StoredSamples, { padding, lowestBit }: ImageLook, units?: Units): Range {
  let lowest = Infinity;
  let highest = -Infinity;
  const see = (value: number): void => {
    if (padding && value >= padding.from && value <= padding.to) return;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  };
  if (units && stored.bits <= MOST_TABLE_BITS) {
    const seen = codesIn(units.subarray(0, stored.count), stored.bits, lowestBit);
    seen.forEach((isThere, code) => {
      if (isThere !== 0) see(stored.valueOf(code));
    });
  } else for (let at = 0; at < stored.count; at++) see(stored.valueOf(stored.code(at)));
  return lowest <= highest ? { lowest, highest } : { lowest: 0, highest: 0 };
}

/** Pixels of a parametric map: numbers of 4 or 8 bytes. @see PS3.3 C.7.6.24, C.7.6.25 */
function floatingPixels({ samples, shape }: NativeFrame, look: ImageLook, request: Asked): Uint8Array {
  const view = new DataView(samples.buffer, samples.byteOffset, samples.byteLength);
  const isDouble = sampleBytes(shape) === 8;
  const valueAt = (at: number): number =>
    isDouble ? view.getFloat64(at * 8, true) : view.getFloat32(at * 4, true);
  const count = shape.rows * shape.columns;
  const finite = (at: number): number => (Number.isFinite(valueAt(at)) ? valueAt(at) : Number.NaN);
  const stored: StoredSamples = {
    count,
    bits: 32,
    isSigned: true,
    code: finite,
    valueOf: (value) => value,
  };
  const { level } = levelsOf(look, request, () => storedRange(stored, look));
  return Uint8Array.from({ length: count }, (_, at) => level(valueAt(at)));
}
