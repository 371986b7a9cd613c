/** Files made of boxes: JPEG 2000 and MPEG-4. @see ISO/IEC 14496-12 4.2, ISO/IEC 15444-1 annex I */
import type { ByteRange } from '../dicom/index.js';
import { bytesAt, nextTurn, type MediaFile } from './file-bytes.js';
import { badFrame } from './frame-error.js';

/** A box of a file, by what it holds. */
export interface Box {
  readonly type: string;
  readonly content: ByteRange;
}

const HEADER = 8;
const WIDE_HEADER = 16;
/** Of one file: fragments of a second make a video of a day. */
const MOST_BOXES = 200_000;
const BOXES_AT_ONCE = 1000;

/** How many boxes may still be looked at. */
export interface BoxBudget {
  left: number;
}

/** For one file. */
export const boxBudget = (): BoxBudget => ({ left: MOST_BOXES });

/**
 * The boxes of a file, or of what is within one of its boxes, by their headers alone.
 *
 * @throws GatewayError `malformed-dataset` for a box that is longer than what it is in, or when there are too many
 */
export async function* boxesIn(
  file: MediaFile,
  { start, end }: ByteRange,
  budget: BoxBudget,
): AsyncGenerator<Box, void, undefined> {
  for (let at = start; at + HEADER <= end;) {
    budget.left -= 1;
    if (budget.left < 0) throw badFrame('is in a file of too many boxes');
    // What is in memory is read at once: without a pause nobody else would be served meanwhile.
    if (budget.left % BOXES_AT_ONCE === 0) await nextTurn();
    const header = await bytesAt(file, at, at + WIDE_HEADER);
    const length = lengthOf(header, end - at);
    const from = at + (header.readUInt32BE(0) === 1 ? WIDE_HEADER : HEADER);
    if (length < from - at || at + length > end) throw badFrame('is in a file that ends early');
    yield { type: header.toString('latin1', 4, 8), content: { start: from, end: at + length } };
    at += length;
  }
}

/** 0 stands for all that is left, and 1 for a number of 64 bits behind the type. */
function lengthOf(header: Buffer, left: number): number {
  const short = header.readUInt32BE(0);
  if (short === 0) return left;
  if (short !== 1) return short;
  return header.length < WIDE_HEADER ? 0 : Number(header.readBigUInt64BE(8));
}

/** The boxes of these types, the first of each. */
export async function firstBoxes(
  file: MediaFile,
  within: ByteRange,
  budget: BoxBudget,
  ...types: readonly string[]
): Promise<ReadonlyMap<string, ByteRange>> {
  const found = new Map<string, ByteRange>();
  for await (const { type, content } of boxesIn(file, within, budget))
    if (types.includes(type) && !found.has(type)) found.set(type, content);
  return found;
}
