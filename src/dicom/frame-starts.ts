import type { ByteRange, PixelData } from './dataset-index-pixel-data.js';

type Encapsulated = Extract<PixelData, { kind: 'encapsulated' }>;

/** Of each index what was found for its number of frames, for the index is asked once for every frame. */
const found = new WeakMap<
  Encapsulated,
  { readonly frames: number; readonly starts: readonly number[] | undefined }
>();

/**
 * The fragment with which each frame begins; undefined when nothing tells.
 *
 * One frame is all fragments, and as many fragments as frames are one each, whatever the tables say, for tables are
 * often wrong. Then the extended offset table, the basic one, and the code streams' own start markers are asked, in
 * this order; a table that does not point at fragments is passed over.
 *
 * @see PS3.5 A.4
 */
export function frameStarts(pixelData: Encapsulated, frames: number): readonly number[] | undefined {
  const known = found.get(pixelData);
  if (known?.frames === frames) return known.starts;
  const starts = findStarts(pixelData, frames);
  found.set(pixelData, { frames, starts });
  return starts;
}

function findStarts(pixelData: Encapsulated, frames: number): readonly number[] | undefined {
  const { fragments, basicOffsetTable, extendedOffsetTable, codeStreamStarts } = pixelData;
  if (frames === 1) return [0];
  if (fragments.length <= frames) return fragments.map((_, index) => index);
  return (
    fromTable(extendedOffsetTable ?? [], fragments, frames) ??
    fromTable(basicOffsetTable, fragments, frames) ??
    (codeStreamStarts[0] === 0 && codeStreamStarts.length >= frames ? codeStreamStarts : undefined)
  );
}

/** Offsets count from the item tag of the first fragment; items have 8 bytes of header. */
function fromTable(
  table: readonly number[],
  fragments: readonly ByteRange[],
  frames: number,
): readonly number[] | undefined {
  const origin = fragments[0]?.start;
  if (origin === undefined || table.length !== frames || table[0] !== 0) return undefined;
  const byOffset = new Map(fragments.map(({ start }, index) => [start - origin, index]));
  const starts = table.map((offset) => byOffset.get(offset) ?? -1);
  return starts.every((start, index) => start > (starts[index - 1] ?? -1)) ? starts : undefined;
}
