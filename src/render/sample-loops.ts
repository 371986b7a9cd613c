/** Loops that every pixel of large images goes through. */
import type { FrameShape } from '../dicom/index.js';
import type { Part } from './geometry.js';
import type { Raster } from './raster.js';
import type { Units } from './stored-samples.js';

/** What codes stand for: a table of a power of two of them, and the lowest bit of a code in its unit. */
interface Levels {
  readonly table: Uint8Array;
  readonly shift: number;
}

/** Columns and rows of boxes. */
export type Boxes = Pick<FrameShape, 'columns' | 'rows'>;

/** The mean level of each box of pixels of a part of an image that has `columns`: boxes differ by a pixel where they must. */
export function meansOfBoxes(
  units: Units,
  { columns, part }: { readonly columns: number; readonly part: Part },
  boxes: Boxes,
  levels: Levels,
): Raster {
  const across = edges(part.width, boxes.columns);
  const down = edges(part.height, boxes.rows);
  const pixels = new Uint8Array(boxes.columns * boxes.rows);
  // A box of more than 16 million pixels has a sum of more than 32 bits.
  const sums = new Float64Array(boxes.columns);
  for (let y = 0; y < boxes.rows; y++) {
    const [top = 0, bottom = 0] = down.subarray(y, y + 2);
    sums.fill(0);
    for (let row = top; row < bottom; row++) {
      const from = (part.top + row) * columns + part.left;
      addSums(sums, units.subarray(from, from + part.width), across, levels);
    }
    for (let x = 0; x < boxes.columns; x++) {
      const count = (bottom - top) * ((across[x + 1] ?? 0) - (across[x] ?? 0));
      pixels[y * boxes.columns + x] = Math.round((sums[x] ?? 0) / count);
    }
  }
  return { pixels, width: boxes.columns, height: boxes.rows, channels: 1 };
}

/** Where `count` pieces of a length begin, and the last one ends. */
const edges = (length: number, count: number): Uint32Array =>
  Uint32Array.from({ length: count + 1 }, (_, at) => Math.round((at * length) / count));

/** Adds the levels of one line of pixels, a box at a time. */
function addSums(sums: Float64Array, line: Units, across: Uint32Array, { table, shift }: Levels): void {
  const mask = table.length - 1;
  for (let x = 0, at = 0; x < sums.length; x++) {
    let sum = 0;
    for (const end = across[x + 1] ?? 0; at < end; at++) sum += table[((line[at] ?? 0) >> shift) & mask] ?? 0;
    sums[x] = (sums[x] ?? 0) + sum;
  }
}

/** Which codes of `bits` bits there are: 1 at each of them. */
export function codesIn(units: Units, bits: number, shift: number): Uint8Array {
  const seen = new Uint8Array(2 ** bits);
  const mask = seen.length - 1;
  for (const unit of units) seen[(unit >> shift) & mask] = 1;
  return seen;
}
