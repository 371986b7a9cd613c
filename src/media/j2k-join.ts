import { badFrame } from './frame-error.js';
import { J2kMarkers, j2kSegments, readJ2kHeader } from './j2k-header.js';

/** Of a tile-part: where its length stands, its number among those of its tile, and their count. @see ISO/IEC 15444-1 A.4.2 */
const PSOT = 6;
const TPSOT = 10;
const TNSOT = 11;
/** A tile-part has its number in a byte. */
const MOST_TILE_PARTS = 255;
/** Of SIZ: how many components there are, and three bytes for each; behind marker and length. @see ISO/IEC 15444-1 A.5.1 */
const CSIZ = 38;
/** Of TLM: what comes before the lengths of tile-parts. @see ISO/IEC 15444-1 A.7.1 */
const TLM_HEAD = 6;

const START = Buffer.from('ff4f', 'hex');
const END = Buffer.from('ffd9', 'hex');

interface Parts {
  readonly main: readonly { readonly marker: number; readonly bytes: Buffer }[];
  readonly tileParts: readonly Buffer[];
}

/**
 * One code stream of several components, made of one for each: alike in all but their samples, of one tile, and without a
 * transform of components. Nothing is decoded, the tile-parts come one of each component in turn. That is the order of the
 * packets where there is one tile-part for a component (component before all else), or one for a resolution of a single
 * precinct (resolution before component).
 *
 * @throws GatewayError `malformed-dataset` for streams that are not alike
 * @see ISO/IEC 15444-1 A.4.2, B.12
 */
export function joinJ2kComponents(streams: readonly Buffer[]): Buffer {
  const all = streams.map(partsOf);
  const [first] = all;
  const count = first?.tileParts.length ?? 0;
  const isAlike = all.every(({ tileParts }) => tileParts.length === count);
  if (!first || !isAlike || count * all.length > MOST_TILE_PARTS)
    throw badFrame('has components that are not alike');
  const main = first.main.map(({ marker, bytes }, at) => {
    if (marker === J2kMarkers.size) return sizeOf(bytes, all.length);
    const others = all.map((one) => one.main[at]?.bytes ?? bytes);
    return marker === J2kMarkers.tilePartLengths ? inTurn(others, TLM_HEAD, count) : bytes;
  });
  const tileParts = Array.from({ length: count }, (_, part) =>
    all.map(({ tileParts: own }, component) =>
      renumbered(own[part] ?? Buffer.alloc(0), part * all.length + component, count * all.length),
    ),
  );
  return Buffer.concat([START, ...main, ...tileParts.flat(), END]);
}

function partsOf(stream: Buffer): Parts {
  // That the tile-parts are there is what is found out first.
  readJ2kHeader(stream);
  const main: { marker: number; bytes: Buffer }[] = [];
  const tileParts: Buffer[] = [];
  for (const { marker, segment, at } of j2kSegments(stream)) {
    if (marker === J2kMarkers.tilePart) tileParts.push(...tilePartsFrom(stream.subarray(at)));
    else main.push({ marker, bytes: stream.subarray(at, at + 4 + segment.length) });
  }
  return { main, tileParts };
}

function* tilePartsFrom(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; bytes.readUInt16BE(at) === J2kMarkers.tilePart;) {
    const length = bytes.readUInt32BE(at + PSOT);
    // One that goes on until the end does not say where others would be put.
    if (length === 0) throw badFrame('has a tile-part of no length');
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** The size of the picture, with as many components as the first of them. */
function sizeOf(segment: Buffer, components: number): Buffer {
  const one = segment.subarray(CSIZ + 2, CSIZ + 5);
  const size = Buffer.concat([
    segment.subarray(0, CSIZ + 2),
    ...Array.from({ length: components }, () => one),
  ]);
  size.writeUInt16BE(size.length - 2, 2);
  size.writeUInt16BE(components, CSIZ);
  return size;
}

/** Segments with one entry of each in turn, behind the head of the first. */
function inTurn(segments: readonly Buffer[], head: number, entries: number): Buffer {
  const bytes = Math.floor(((segments[0]?.length ?? head) - head) / entries);
  const turns = Array.from({ length: entries }, (_, entry) =>
    segments.map((one) => one.subarray(head + entry * bytes, head + (entry + 1) * bytes)),
  );
  const joined = Buffer.concat([segments[0]?.subarray(0, head) ?? Buffer.alloc(0), ...turns.flat()]);
  joined.writeUInt16BE(joined.length - 2, 2);
  return joined;
}

function renumbered(tilePart: Buffer, number: number, count: number): Buffer {
  const copy = Buffer.from(tilePart);
  copy.writeUInt8(number, TPSOT);
  copy.writeUInt8(count, TNSOT);
  return copy;
}
