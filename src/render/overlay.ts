import type { Dataset, Tag } from '../dicom/index.js';
import { badLook } from './bad-look.js';
import type { OverlayPlane } from './image-look.js';
import type { Located } from './look-collector.js';
import { FIRST_OVERLAY_GROUP, LAST_OVERLAY_GROUP, OVERLAY_DATA } from './look-tags.js';
import { numbersOf } from './look-values.js';

/** Element numbers of a group of overlays. @see PS3.3 C.9.2, C.9.3 */
const Numbers = {
  rows: 0x0010,
  columns: 0x0011,
  frames: 0x0015,
  type: 0x0040,
  origin: 0x0050,
  firstFrame: 0x0051,
  bitsAllocated: 0x0100,
  bitPosition: 0x0102,
} as const;

/** Frames of graphics for some frames of an image. */
export interface LocatedOverlay extends Omit<OverlayPlane, 'bits'> {
  /** Undefined: for all frames of the image. */
  readonly frames?: { readonly first: number; readonly count: number };
  /** Where the bits of all frames stand, or which bit of the samples they are. */
  readonly bits: Located | number;
}

/** The overlays of graphics of a dataset; regions of interest are no graphics. */
export function locateOverlays(dataset: Dataset, data: ReadonlyMap<Tag, Located>): readonly LocatedOverlay[] {
  const overlays: LocatedOverlay[] = [];
  for (let group = FIRST_OVERLAY_GROUP; group <= LAST_OVERLAY_GROUP; group += 2) {
    const bits = data.get(tagOf(group, OVERLAY_DATA)) ?? embeddedBit(dataset, group);
    const overlay = bits === undefined ? undefined : locate(dataset, group, bits);
    if (overlay) overlays.push(overlay);
  }
  return overlays;
}

const tagOf = (group: number, number: number): Tag => group * 0x10000 + number;

function numberOf(dataset: Dataset, group: number, name: keyof typeof Numbers): number | undefined {
  return numbersOf(dataset, tagOf(group, Numbers[name]))[0];
}

/** Which bit of the samples is an overlay, where it has no data of its own. @see PS3.3 C.9.2.1.1 (2004) */
function embeddedBit(dataset: Dataset, group: number): number | undefined {
  const isEmbedded = (numberOf(dataset, group, 'bitsAllocated') ?? 1) > 1;
  return isEmbedded ? numberOf(dataset, group, 'bitPosition') : undefined;
}

function locate(dataset: Dataset, group: number, bits: Located | number): LocatedOverlay | undefined {
  const rows = numberOf(dataset, group, 'rows') ?? 0;
  const columns = numberOf(dataset, group, 'columns') ?? 0;
  const isRegion = dataset.string(tagOf(group, Numbers.type)) === 'R';
  if (isRegion || rows <= 0 || columns <= 0) return undefined;
  const [row = 1, column = 1] = numbersOf(dataset, tagOf(group, Numbers.origin));
  const count = numberOf(dataset, group, 'frames');
  const first = numberOf(dataset, group, 'firstFrame') ?? 1;
  return {
    group,
    rows,
    columns,
    origin: { row, column },
    ...(count !== undefined && { frames: { first, count } }),
    bits,
  };
}

/**
 * What an overlay has for a frame of the image, if it has anything.
 *
 * @throws GatewayError `malformed-dataset` when there are fewer bits than pixels
 */
export async function overlayPlane(
  { frames, bits, ...place }: LocatedOverlay,
  frame: number,
  read: (located: Located) => Promise<Buffer>,
): Promise<OverlayPlane | undefined> {
  const at = frames ? frame - frames.first : 0;
  if (frames && (at < 0 || at >= frames.count)) return undefined;
  if (typeof bits === 'number') return { ...place, bits };
  const pixels = place.rows * place.columns;
  const from = at * pixels;
  // Words, and whole ones: those that are big endian are swapped.
  const start = bits.start + Math.floor(from / 16) * 2;
  const end = bits.start + Math.ceil((from + pixels) / 16) * 2;
  const needed = bits.start + Math.ceil((from + pixels) / 8);
  if (needed > bits.end) throw badLook('has an overlay with fewer bits than pixels');
  const bytes = await read({ vr: bits.vr, start, end: Math.min(end, bits.end) });
  return { ...place, bits: shifted(bytes, from % 16, pixels) };
}

/** Frames follow one another without a gap, so that one may begin within a byte. @see PS3.5 8.1.2 */
function shifted(bytes: Buffer, firstBit: number, bits: number): Uint8Array {
  const skip = firstBit >> 3;
  const shift = firstBit & 7;
  const out = new Uint8Array(Math.ceil(bits / 8));
  for (let at = 0; at < out.length; at++)
    out[at] = ((bytes[at + skip] ?? 0) >> shift) | ((bytes[at + skip + 1] ?? 0) << (8 - shift));
  return out;
}
