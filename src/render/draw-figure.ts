import type { GraphicKind, Point } from './image-look.js';
import type { Raster } from './raster.js';

const WHITE = 255;
/** Corners of what stands for a circle or an ellipse. */
const CORNERS = 180;
/** Straight pieces of a curve between two of its points. */
const PIECES = 16;
/** Half of the cross that stands for a point, in widths of a line. */
const ARM = 3;

/** A figure in pixels of the picture. */
export interface PlacedFigure {
  readonly kind: GraphicKind;
  readonly points: readonly Point[];
  readonly filled: boolean;
}

/** Draws a figure in white, with lines of `pen` pixels. @see PS3.3 C.10.5.1.2 */
export function drawFigure(raster: Raster, { kind, points, filled }: PlacedFigure, pen: number): void {
  const [first = { x: 0, y: 0 }] = points;
  if (kind === 'point') {
    const arm = ARM * pen;
    drawLine(raster, { x: first.x - arm, y: first.y }, { x: first.x + arm, y: first.y }, pen);
    drawLine(raster, { x: first.x, y: first.y - arm }, { x: first.x, y: first.y + arm }, pen);
    return;
  }
  const line = outlineOf(kind, points);
  if (filled) fillPolygon(raster, line);
  line.forEach((point, at) => {
    const before = line[at - 1];
    if (before) drawLine(raster, before, point, pen);
  });
}

function outlineOf(kind: GraphicKind, points: readonly Point[]): readonly Point[] {
  if (kind === 'interpolated') return curve(points);
  const [one, two, three, four] = points;
  if (kind === 'circle' && one && two) {
    const radius = Math.hypot(two.x - one.x, two.y - one.y);
    return ellipse(one, { x: radius, y: 0 }, { x: 0, y: radius });
  }
  if (kind === 'ellipse' && one && two && three && four) {
    const half = (from: Point, to: Point): Point => ({ x: (to.x - from.x) / 2, y: (to.y - from.y) / 2 });
    return ellipse({ x: (one.x + two.x) / 2, y: (one.y + two.y) / 2 }, half(one, two), half(three, four));
  }
  return points;
}

/** By its middle and two half axes. */
const ellipse = (middle: Point, one: Point, other: Point): readonly Point[] =>
  Array.from({ length: CORNERS + 1 }, (_, at) => {
    const [across, along] = [Math.cos((2 * Math.PI * at) / CORNERS), Math.sin((2 * Math.PI * at) / CORNERS)];
    return { x: middle.x + one.x * across + other.x * along, y: middle.y + one.y * across + other.y * along };
  });

/** A curve through all of the points (Catmull-Rom); closed when it ends where it begins. */
function curve(points: readonly Point[]): readonly Point[] {
  const last = points.length - 1;
  const [start, end] = [points[0], points[last]];
  if (!start || !end || last < 2) return points;
  const isClosed = start.x === end.x && start.y === end.y;
  const at = (index: number): Point => {
    const inside = isClosed ? (index + last) % last : Math.min(Math.max(index, 0), last);
    return points[inside] ?? start;
  };
  const out: Point[] = [start];
  for (let piece = 0; piece < last; piece++) {
    const around = [at(piece - 1), at(piece), at(piece + 1), at(piece + 2)] as const;
    for (let step = 1; step <= PIECES; step++) out.push(between(around, step / PIECES));
  }
  return out;
}

function between([a, b, c, d]: readonly [Point, Point, Point, Point], t: number): Point {
  const of = (p: number, q: number, r: number, s: number): number =>
    q + (t / 2) * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p)));
  return { x: of(a.x, b.x, c.x, d.x), y: of(a.y, b.y, c.y, d.y) };
}

/** Draws a straight line, of which only what is in the picture costs anything. */
export function drawLine(raster: Raster, from: Point, to: Point, pen: number): void {
  const part = clipped(from, to, raster, pen);
  if (!part) return;
  const [start, end] = part;
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(end.x - start.x), Math.abs(end.y - start.y))));
  for (let step = 0; step <= steps; step++) {
    const x = start.x + ((end.x - start.x) * step) / steps;
    const y = start.y + ((end.y - start.y) * step) / steps;
    dot(raster, Math.round(x - pen / 2), Math.round(y - pen / 2), pen);
  }
}

/** The part of a line that lies within the picture and a margin (Liang-Barsky). */
function clipped(
  from: Point,
  to: Point,
  { width, height }: Raster,
  margin: number,
): readonly [Point, Point] | undefined {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  let [enter, leave] = [0, 1];
  const edges: readonly (readonly [number, number])[] = [
    [-dx, from.x + margin],
    [dx, width + margin - from.x],
    [-dy, from.y + margin],
    [dy, height + margin - from.y],
  ];
  for (const [towards, distance] of edges) {
    if (towards === 0 && distance < 0) return undefined;
    if (towards < 0) enter = Math.max(enter, distance / towards);
    if (towards > 0) leave = Math.min(leave, distance / towards);
  }
  if (!(enter <= leave)) return undefined;
  const at = (part: number): Point => ({ x: from.x + dx * part, y: from.y + dy * part });
  return [at(enter), at(leave)];
}

function dot(raster: Raster, left: number, top: number, size: number): void {
  for (let row = top; row < top + size; row++) fillRow(raster, row, left, left + size);
}

/** Pixels from `from` to the one before `to`, those of them that are in the picture. */
function fillRow({ pixels, width, height, channels }: Raster, row: number, from: number, to: number): void {
  if (row < 0 || row >= height) return;
  const [start, end] = [Math.max(0, from), Math.min(width, to)];
  if (start < end) pixels.fill(WHITE, (row * width + start) * channels, (row * width + end) * channels);
}

/** By the rule of even and odd, a pixel by its middle. */
function fillPolygon(raster: Raster, points: readonly Point[]): void {
  for (let row = 0; row < raster.height; row++) {
    const y = row + 0.5;
    const crossings: number[] = [];
    points.forEach((one, at) => {
      const other = points[(at + 1) % points.length] ?? one;
      if (one.y <= y === other.y <= y) return;
      crossings.push(one.x + ((y - one.y) / (other.y - one.y)) * (other.x - one.x));
    });
    crossings.sort((left, right) => left - right);
    for (let at = 0; at + 1 < crossings.length; at += 2)
      fillRow(raster, row, Math.ceil((crossings[at] ?? 0) - 0.5), Math.ceil((crossings[at + 1] ?? 0) - 0.5));
  }
}
