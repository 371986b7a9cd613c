import { GatewayError } from '../core/index.js';
import { Tags, type Dataset, type Tag } from '../dicom/index.js';
import { badLook } from './bad-look.js';
import type { Figure, Graphic, GraphicKind, GraphicUnits, Point, TextObject } from './image-look.js';
import { numbersOf } from './look-values.js';

/** Most figures and texts of a state, and most points of all its figures. */
const MOST_GRAPHICS = 10_000;
const MOST_POINTS = 50_000;

/** The graphics of one item of the Graphic Annotation Sequence, and the images that it is for. */
export interface Annotations {
  /** Says which images. */
  readonly item: Dataset;
  readonly graphics: readonly Graphic[];
}

export interface StateGraphics {
  readonly annotations: readonly Annotations[];
  /** What of the state is not drawn, for who is to know it. */
  readonly warnings: readonly string[];
}

const kinds: ReadonlyMap<string | undefined, GraphicKind> = new Map([
  ['POINT', 'point'],
  ['POLYLINE', 'polyline'],
  ['INTERPOLATED', 'interpolated'],
  ['CIRCLE', 'circle'],
  ['ELLIPSE', 'ellipse'],
]);
const leastPoints: Readonly<Record<GraphicKind, number>> = {
  point: 1,
  polyline: 2,
  interpolated: 2,
  circle: 2,
  ellipse: 4,
};
const units: ReadonlyMap<string | undefined, GraphicUnits> = new Map([
  ['PIXEL', 'pixel'],
  ['DISPLAY', 'display'],
]);

/**
 * Reads the graphic annotations of a presentation state.
 *
 * @throws GatewayError `malformed-dataset`; `not-acceptable` for more of them than are drawn
 * @see PS3.3 C.10.5
 */
export function readGraphics(state: Dataset): StateGraphics {
  const counts = { graphics: 0, points: 0, unknown: 0 };
  const annotations = state.items(Tags.GraphicAnnotationSequence).map((item) => {
    const figures = item.items(Tags.GraphicObjectSequence).map((object) => figureOf(object));
    const texts = item.items(Tags.TextObjectSequence).map((object) => textOf(object));
    const all = [...figures, ...texts];
    const graphics = all.filter((graphic) => graphic !== undefined);
    // What is compound is there as plain objects too, for those who know no others.
    const isCompound = all.length === 0 && item.items(Tags.CompoundGraphicSequence).length > 0;
    counts.unknown += all.length - graphics.length + Number(isCompound);
    counts.graphics += all.length;
    for (const one of graphics) counts.points += one.kind === 'text' ? 0 : one.points.length;
    if (counts.graphics > MOST_GRAPHICS || counts.points > MOST_POINTS)
      throw new GatewayError(
        'not-acceptable',
        'The presentation state has more graphics than are drawn here.',
      );
    return { item, graphics };
  });
  const warnings = counts.unknown === 0 ? [] : [`${counts.unknown} graphics of the state are not drawn.`];
  return { annotations, warnings };
}

/** Undefined for what is not drawn. */
function figureOf(object: Dataset): Figure | undefined {
  const kind = kinds.get(object.string(Tags.GraphicType));
  const unit = units.get(object.string(Tags.GraphicAnnotationUnits));
  if (kind === undefined || unit === undefined) return undefined;
  const numbers = numbersOf(object, Tags.GraphicData);
  const points = Array.from({ length: numbers.length >> 1 }, (_, at) => pointAt(numbers, at));
  if (points.length < leastPoints[kind]) throw badLook('has a graphic without its points');
  return { kind, units: unit, points, filled: object.string(Tags.GraphicFilled) === 'Y' };
}

const pointAt = (numbers: readonly number[], at: number): Point => ({
  x: numbers[at * 2] ?? 0,
  y: numbers[at * 2 + 1] ?? 0,
});

function textOf(object: Dataset): TextObject | undefined {
  const text = object.strings(Tags.UnformattedTextValue).join('\\');
  // eslint-disable-next-line no-control-regex -- what moves a printer has no letter
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.replace(/[\u0000-\u001f\u007f]/g, ' '));
  const box = boxOf(object);
  const anchor = anchorOf(object);
  if (!box && !anchor) return undefined;
  return { kind: 'text', lines, ...(box && { box }), ...(anchor && { anchor }) };
}

function pointOf(object: Dataset, tag: Tag): Point | undefined {
  const [x, y] = numbersOf(object, tag);
  return x === undefined || y === undefined ? undefined : { x, y };
}

function boxOf(object: Dataset): TextObject['box'] {
  const unit = units.get(object.string(Tags.BoundingBoxAnnotationUnits));
  const from = pointOf(object, Tags.BoundingBoxTopLeftHandCorner);
  const to = pointOf(object, Tags.BoundingBoxBottomRightHandCorner);
  if (!unit || !from || !to) return undefined;
  const term = object.string(Tags.BoundingBoxTextHorizontalJustification);
  const justification = term === 'RIGHT' ? 'right' : term === 'CENTER' ? 'center' : 'left';
  return { units: unit, from, to, justification };
}

function anchorOf(object: Dataset): TextObject['anchor'] {
  const unit = units.get(object.string(Tags.AnchorPointAnnotationUnits));
  const at = pointOf(object, Tags.AnchorPoint);
  if (!unit || !at) return undefined;
  return { units: unit, at, isVisible: object.string(Tags.AnchorPointVisibility) === 'Y' };
}
