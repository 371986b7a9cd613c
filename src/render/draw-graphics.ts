import { blockOf, drawBlock, penOf, type TextBlock } from './annotation.js';
import { drawFigure, drawLine } from './draw-figure.js';
import type { Graphic, Point, TextObject } from './image-look.js';
import { placeOf, type AreaLayout } from './present.js';
import type { Raster } from './raster.js';

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
}

/**
 * Draws the graphics of a presentation state over its picture, in white: first the figures, so that none is over a text.
 *
 * @throws GatewayError `not-acceptable` when the picture is too small for a text: none is left out
 * @see PS3.3 C.10.5
 */
export function drawGraphics(raster: Raster, graphics: readonly Graphic[], layout: AreaLayout): void {
  const pen = penOf(raster);
  for (const graphic of graphics) {
    if (graphic.kind === 'text') continue;
    const points = graphic.points.map((point) => placeOf(point, graphic.units, layout));
    drawFigure(raster, { ...graphic, points }, pen);
  }
  for (const graphic of graphics) if (graphic.kind === 'text') drawText(raster, graphic, layout, pen);
}

function drawText(raster: Raster, text: TextObject, layout: AreaLayout, pen: number): void {
  const { anchor } = text;
  const block = blockOf(raster, text.lines);
  const at = anchor && placeOf(anchor.at, anchor.units, layout);
  const place = inside(raster, block, text.box ? inBox(text.box, block, layout) : beside(at, block));
  if (at && anchor.isVisible) {
    const [right, bottom] = [place.x + block.width, place.y + block.height];
    drawLine(raster, at, { x: within(at.x, place.x, right), y: within(at.y, place.y, bottom) }, pen);
  }
  drawBlock(raster, block, place);
}

/** To the right of an anchor. */
const beside = (anchor: Point | undefined, { scale }: TextBlock): Point => ({
  x: (anchor?.x ?? 0) + 2 * scale,
  y: anchor?.y ?? 0,
});

function inBox(
  { units, from, to, justification }: NonNullable<TextObject['box']>,
  { width }: TextBlock,
  layout: AreaLayout,
): Point {
  const { left, top, right } = boxOf(placeOf(from, units, layout), placeOf(to, units, layout));
  const x = { left, center: (left + right - width) / 2, right: right - width }[justification];
  return { x, y: top };
}

const boxOf = (one: Point, other: Point): Box => ({
  left: Math.min(one.x, other.x),
  top: Math.min(one.y, other.y),
  right: Math.max(one.x, other.x),
});

const within = (value: number, from: number, to: number): number => Math.min(Math.max(value, from), to);

/** Text that would begin or end outside of the picture is moved into it. */
const inside = (raster: Raster, block: TextBlock, { x, y }: Point): Point => ({
  x: Math.round(within(x, 0, raster.width - block.width)),
  y: Math.round(within(y, 0, raster.height - block.height)),
});
