import { sampleBytes, type NativeFrame } from '../dicom/index.js';
import { modalityStage, presentationStage, rangeStage, voiStage } from './grey-stages.js';
import type { ImageLook } from './image-look.js';
import type { PictureRequest } from './picture-request.js';
import type { Part } from './geometry.js';
import type { Raster } from './raster.js';
import { codesIn, meansOfBoxes, type Boxes } from './sample-loops.js';
import { storedSamples, unitsOf, type StoredSamples, type Units } from './stored-samples.js';

/** Codes up to so many bits are looked up in a table; there are seldom more. */
const MOST_TABLE_BITS = 16;
const BLACK = 0;

/** What may stand in place of what the dataset says. */
type Asked = Pick<PictureRequest, 'window'>;

/** The grey levels of a frame of one sample for each pixel, 0 black to 255 white. @see rule W-56, PS3.4 N.2 */
export function greyPixels(frame: NativeFrame, look: ImageLook, request: Asked): Uint8Array {
  if (look.floating) return floatingPixels(frame, look, request);
  const { samples, shape } = frame;
  const stored = storedSamples(samples, shape, look.lowestBit);
  const units = unitsOf(samples, shape.bitsAllocated);
  const level = levelOf(look, request, () => storedRange(stored, look, units));
  const out = new Uint8Array(stored.count);
  if (stored.bits > MOST_TABLE_BITS) {
    for (let at = 0; at < out.length; at++) out[at] = level(stored.valueOf(stored.code(at)));
    return out;
  }
  const levels = new LazyLevels(stored, level);
  if (units) levels.lookUp(units, look.lowestBit, out);
  else for (let at = 0; at < out.length; at++) out[at] = levels.of(stored.code(at));
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
  { samples, shape }: NativeFrame,
  { look, request }: { readonly look: ImageLook; readonly request: Asked },
  part: Part,
  boxes: Boxes,
): Raster {
  const stored = storedSamples(samples, shape, look.lowestBit);
  const units = unitsOf(samples, shape.bitsAllocated) ?? samples;
  const level = levelOf(look, request, () => storedRange(stored, look, units));
  const table = new Uint8Array(2 ** stored.bits);
  for (let code = 0; code < table.length; code++) table[code] = level(stored.valueOf(code));
  const { columns } = shape;
  return meansOfBoxes(units, { columns, part }, boxes, { table, shift: look.lowestBit });
}

/** The level of each code, worked out when it first comes: an image has a few of the 65,536 that it might have. */
class LazyLevels {
  readonly #stored: StoredSamples;
  readonly #level: (value: number) => number;
  readonly #table: Int16Array;

  constructor(stored: StoredSamples, level: (value: number) => number) {
    this.#stored = stored;
    this.#level = level;
    this.#table = new Int16Array(2 ** stored.bits).fill(NOT_YET);
  }

  of(code: number): number {
    const known = this.#table[code] ?? NOT_YET;
    if (known !== NOT_YET) return known;
    return (this.#table[code] = this.#level(this.#stored.valueOf(code)));
  }

  /** The loop that all pixels of nearly all images go through. */
  lookUp(units: Units, shift: number, out: Uint8Array): void {
    const table = this.#table;
    const mask = table.length - 1;
    for (let at = 0; at < out.length; at++) {
      const code = ((units[at] ?? 0) >> shift) & mask;
      const known = table[code] ?? NOT_YET;
      out[at] = known === NOT_YET ? this.of(code) : known;
    }
  }
}

const NOT_YET = -1;

interface Range {
  readonly lowest: number;
  readonly highest: number;
}

/** From a stored value to a level. */
function levelOf(look: ImageLook, { window }: Asked, range: () => Range): (value: number) => number {
  const modality = modalityStage(look.modality);
  const chosen = window ? ({ kind: 'window', ...window } as const) : look.voi[0];
  const voi = chosen ? voiStage(chosen) : fullRange(look, range());
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
  const stored: StoredSamples = { count, bits: 32, code: finite, valueOf: (value) => value };
  const level = levelOf(look, request, () => storedRange(stored, look));
  return Uint8Array.from({ length: count }, (_, at) => level(valueAt(at)));
}
