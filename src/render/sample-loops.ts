/** Loops that every pixel of large images goes through. */
import type { FrameShape } from '../dicom/index.js';
import type { Part } from './geometry.js';
import type { LevelTable } from './level-table.js';
import type { Raster } from './raster.js';
import type { Units } from './stored-samples.js';

/** Columns and rows of boxes. */
export type Boxes = Pick<FrameShape, 'columns' | 'rows'>;

/** The mean level of each box of pixels of a part of an image that has `columns`: boxes differ by a pixel where they must. */
export function meansOfBoxes(
  units: Units,
  { columns, part }: { readonly columns: number; readonly part: Part },
  boxes: Boxes,
  table: LevelTable,
): Raster {
  const across = edges(part.width, boxes.columns);
  const down = edges(part.height, boxes.rows);
  const pixels = new Uint8Array(boxes.columns * boxes.rows);
  // A box of more than 16 million pixels has a sum of more than 32 bits.
  const sums = new Float64Array(boxes.columns);
  for (let y = 0; y < boxes.rows; y++) {
    const top = down[y] ?? 0;
    const bottom = down[y + 1] ?? 0;
    sums.fill(0);
    for (let row = top; row < bottom; row++)
      addSums(sums, units, { from: (part.top + row) * columns + part.left, across }, table);
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

/** Where a line of pixels begins, and its boxes in it. */
interface Line {
  readonly from: number;
  readonly across: Uint32Array;
}

/** Adds the levels of one line of pixels, a box at a time. */
function addSums(sums: Float64Array, units: Units, { from, across }: Line, table: LevelTable): void {
  let at = from;
  for (let x = 0; x < sums.length; x++) {
    const end = from + (across[x + 1] ?? 0);
    let sum = 0;
    // By twos it takes three quarters of the time.
    for (; at + 2 <= end; at += 2) sum += (table[units[at] ?? 0] ?? 0) + (table[units[at + 1] ?? 0] ?? 0);
    if (at < end) sum += table[units[at++] ?? 0] ?? 0;
    sums[x] = (sums[x] ?? 0) + sum;
  }
}

/** The level of each unit. Words are read in pairs where they lie so, and levels written in fours: that takes half as long. */
export function lookUp(units: Units, table: LevelTable, out: Uint8Array): void {
  const inFours = units instanceof Uint16Array && units.byteOffset % 4 === 0 && out.byteOffset % 4 === 0;
  const fours = inFours ? out.length >> 2 : 0;
  if (fours > 0) lookUpFours(units as Uint16Array, table, new Uint32Array(out.buffer, out.byteOffset, fours));
  for (let at = fours * 4; at < out.length; at++) out[at] = table[units[at] ?? 0] ?? 0;
}

/** The bytes are those of this machine, little endian as all that Node runs on. */
function lookUpFours(units: Uint16Array, table: LevelTable, out: Uint32Array): void {
  const pairs = new Uint32Array(units.buffer, units.byteOffset, out.length * 2);
  for (let at = 0, from = 0; at < out.length; at++, from += 2) {
    const low = pairs[from] ?? 0;
    const high = pairs[from + 1] ?? 0;
    out[at] =
      (table[low & 0xffff] ?? 0) |
      ((table[low >>> 16] ?? 0) << 8) |
      ((table[high & 0xffff] ?? 0) << 16) |
      ((table[high >>> 16] ?? 0) << 24);
  }
}

/** Which codes of `bits` bits there are: 1 at each of them. Words are read in pairs where they lie so, in a third of the time. */
export function codesIn(units: Units, bits: number, shift: number): Uint8Array {
  const seen = new Uint8Array(2 ** bits);
  const mask = seen.length - 1;
  const inPairs = units instanceof Uint16Array && units.byteOffset % 4 === 0;
  const pairs = inPairs ? new Uint32Array(units.buffer, units.byteOffset, units.length >> 1) : [];
  const paired = pairs.length * 2;
  for (let at = 0; at < paired; at += 2) {
    const pair = pairs[at >> 1] ?? 0;
    seen[((pair & 0xffff) >> shift) & mask] = 1;
    seen[(pair >>> (16 + shift)) & mask] = 1;
  }
  for (let at = paired; at < units.length; at++) seen[((units[at] ?? 0) >> shift) & mask] = 1;
  return seen;
}
