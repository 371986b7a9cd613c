import { Tags, type Dataset } from '../dicom/index.js';
import type { Shutter } from './image-look.js';
import { numbersOf } from './look-values.js';

/** What was read of a dataset: it is asked once for every frame that is shown. */
const found = new WeakMap<Dataset, readonly Shutter[]>();

/** Reads the shutters of a dataset, one of each shape at most; one that is not whole is none. @see PS3.3 C.7.6.11 */
export function readShutters(dataset: Dataset): readonly Shutter[] {
  const known = found.get(dataset);
  if (known) return known;
  const shapes = new Set(dataset.strings(Tags.ShutterShape));
  const shutters = [...shapes].flatMap((shape) => readShutter(dataset, shape) ?? []);
  found.set(dataset, shutters);
  return shutters;
}

function readShutter(dataset: Dataset, shape: string): Shutter | undefined {
  const one = (tag: (typeof Tags)[keyof typeof Tags]): number => numbersOf(dataset, tag)[0] ?? Number.NaN;
  if (shape === 'RECTANGULAR') {
    const left = one(Tags.ShutterLeftVerticalEdge);
    const right = one(Tags.ShutterRightVerticalEdge);
    const upper = one(Tags.ShutterUpperHorizontalEdge);
    const lower = one(Tags.ShutterLowerHorizontalEdge);
    return Number.isNaN(left + right + upper + lower)
      ? undefined
      : { kind: 'rectangle', left, right, upper, lower };
  }
  if (shape === 'CIRCULAR') {
    const [row, column] = numbersOf(dataset, Tags.CenterOfCircularShutter);
    const radius = one(Tags.RadiusOfCircularShutter);
    return row === undefined || column === undefined || Number.isNaN(radius)
      ? undefined
      : { kind: 'circle', row, column, radius };
  }
  if (shape !== 'POLYGONAL') return undefined;
  const numbers = numbersOf(dataset, Tags.VerticesOfThePolygonalShutter);
  const vertices = Array.from({ length: numbers.length >> 1 }, (_, at) => ({
    row: numbers[at * 2] ?? 0,
    column: numbers[at * 2 + 1] ?? 0,
  }));
  return vertices.length < 3 ? undefined : { kind: 'polygon', vertices };
}

/** From black, 0, to white, 1; black when nothing is said. */
export function shutterValueOf(dataset: Dataset): number {
  return (numbersOf(dataset, Tags.ShutterPresentationValue)[0] ?? 0) / 0xffff;
}

/** Blackens what the shutters shut out, if there are any: pixels of `channels` bytes each. */
export function closeShutters(
  pixels: Uint8Array,
  { rows, columns, channels }: { readonly rows: number; readonly columns: number; readonly channels: number },
  { shutters, shutterValue }: { readonly shutters: readonly Shutter[]; readonly shutterValue: number },
): void {
  if (shutters.length === 0) return;
  const value = Math.round(shutterValue * 255);
  for (let row = 1; row <= rows; row++) {
    const spans = shutters.map((shutter) => openSpans(shutter, row));
    for (let column = 1, at = (row - 1) * columns * channels; column <= columns; column++, at += channels)
      if (!spans.every((open) => open.some(([from, to]) => column >= from && column <= to)))
        pixels.fill(value, at, at + channels);
  }
}

type Span = readonly [from: number, to: number];

/** Where one row is seen. */
function openSpans(shutter: Shutter, row: number): readonly Span[] {
  if (shutter.kind === 'rectangle')
    // The edges themselves are shut.
    return row > shutter.upper && row < shutter.lower ? [[shutter.left + 1, shutter.right - 1]] : [];
  if (shutter.kind === 'circle') {
    const half = Math.sqrt(shutter.radius ** 2 - (row - shutter.row) ** 2);
    return Number.isNaN(half) ? [] : [[shutter.column - half, shutter.column + half]];
  }
  return polygonSpans(shutter.vertices, row);
}

/** By the rule of even and odd. */
function polygonSpans(
  vertices: readonly { readonly row: number; readonly column: number }[],
  row: number,
): readonly Span[] {
  const crossings: number[] = [];
  vertices.forEach((one, at) => {
    const other = vertices[(at + 1) % vertices.length] ?? one;
    if (one.row <= row === other.row <= row) return;
    crossings.push(one.column + ((row - one.row) / (other.row - one.row)) * (other.column - one.column));
  });
  crossings.sort((left, right) => left - right);
  return Array.from({ length: crossings.length >> 1 }, (_, at): Span => [
    crossings[at * 2] ?? 0,
    crossings[at * 2 + 1] ?? 0,
  ]);
}
