import { GatewayError } from '../core/index.js';
import { CELL_HEIGHT, CELL_WIDTH, glyphOf } from './font.js';
import type { Point } from './image-look.js';
import type { Raster } from './raster.js';

const WHITE = 255;
const BLACK = 0;
/** A picture of so many pixels has letters of seven points of one pixel; a larger one larger ones. */
const PIXELS_OF_A_POINT = 256;
/** Points around the text. */
const MARGIN = 2;

/** Lines of text as they are drawn. */
export interface TextBlock {
  readonly lines: readonly string[];
  /** Pixels of one point. */
  readonly scale: number;
  /** Pixels, with a margin around the text. */
  readonly width: number;
  readonly height: number;
}

/** Pixels of a point of a letter, and of a line that is drawn. */
export const penOf = ({ width, height }: Pick<Raster, 'width' | 'height'>): number =>
  Math.max(1, Math.round(Math.min(width, height) / PIXELS_OF_A_POINT));

/**
 * Draws lines of text into the upper left of a picture, white with a black edge so that they can be read on anything.
 *
 * @throws GatewayError `not-acceptable` when the picture is too small for them: none is left out
 */
export function drawAnnotation(raster: Raster, lines: readonly string[]): void {
  if (lines.length > 0) drawBlock(raster, blockOf(raster, lines), { x: 0, y: 0 });
}

/** Draws lines of text with the upper left of their margin at a place of the picture. */
export function drawBlock(raster: Raster, { lines, scale }: TextBlock, { x, y }: Point): void {
  // The edges of all before the points of any: they must not cover them.
  for (const edge of [scale, 0])
    lines.forEach((line, row) => {
      Array.from(line).forEach((character, column) => {
        const left = x + (MARGIN + column * CELL_WIDTH) * scale;
        const top = y + (MARGIN + row * CELL_HEIGHT) * scale;
        drawGlyph(raster, glyphOf(character), { x: left, y: top, scale, edge });
      });
    });
}

/**
 * Lays lines of text out, as large as the picture lets them be; one that is too long goes on in the next.
 *
 * @throws GatewayError `not-acceptable` when the picture is too small for them
 */
export function blockOf({ width, height }: Raster, lines: readonly string[]): TextBlock {
  for (let scale = penOf({ width, height }); scale >= 1; scale--) {
    const columns = Math.floor((width / scale - 2 * MARGIN) / CELL_WIDTH);
    const rows = Math.floor((height / scale - 2 * MARGIN) / CELL_HEIGHT);
    if (columns < 1) continue;
    const broken = lines.flatMap((line) => brokenLine(line, columns));
    if (broken.length <= rows) return sized(broken, scale);
  }
  throw new GatewayError('not-acceptable', 'The picture is too small for its annotations.');
}

function sized(lines: readonly string[], scale: number): TextBlock {
  const columns = lines.reduce((most, line) => Math.max(most, Array.from(line).length), 0);
  const width = (2 * MARGIN + columns * CELL_WIDTH) * scale;
  return { lines, scale, width, height: (2 * MARGIN + lines.length * CELL_HEIGHT) * scale };
}

function brokenLine(line: string, columns: number): readonly string[] {
  const characters = Array.from(line.normalize('NFC'));
  const count = Math.max(1, Math.ceil(characters.length / columns));
  return Array.from({ length: count }, (_, at) =>
    characters.slice(at * columns, (at + 1) * columns).join(''),
  );
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  /** Pixels that are blackened around each point; 0 for the points themselves. */
  readonly edge: number;
}

function drawGlyph(raster: Raster, rows: readonly number[], { x, y, scale, edge }: Place): void {
  rows.forEach((points, row) => {
    for (let column = 0; column < CELL_WIDTH - 1; column++) {
      if ((points & (0x10 >> column)) === 0) continue;
      const left = x + column * scale - edge;
      const top = y + row * scale - edge;
      fill(raster, { left, top, size: scale + 2 * edge }, edge === 0 ? WHITE : BLACK);
    }
  });
}

function fill(
  { pixels, width, height, channels }: Raster,
  { left, top, size }: { readonly left: number; readonly top: number; readonly size: number },
  value: number,
): void {
  const from = Math.max(0, left);
  const to = Math.min(width, left + size);
  for (let row = Math.max(0, top); row < Math.min(height, top + size); row++)
    pixels.fill(value, (row * width + from) * channels, (row * width + to) * channels);
}
