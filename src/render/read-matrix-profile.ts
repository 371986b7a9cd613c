/** Profiles of spaces of three primaries, which nearly all cameras, displays and slide scanners come with. */
import { badLook } from './bad-look.js';
import type { ColourSpace } from './colour-spaces.js';

/** An RGB space in which colours are written. */
export interface WrittenSpace {
  /** As of `ColourSpace`. */
  readonly toXyz: ColourSpace['toXyz'];
  /** Linear light of the 256 levels of red, green and blue, each from 0 to 1. */
  readonly light: readonly [Float64Array, Float64Array, Float64Array];
}

const TAGS_AT = 128;
const TAG_BYTES = 12;
const LEVELS = 256;

/**
 * What a profile says, the tags of which lie within it; undefined for one that has tables of whole colours in place of
 * primaries.
 *
 * @throws GatewayError `malformed-dataset` for primaries or curves that are none
 * @see ICC.1:2010 8.3, 8.4
 */
export function readMatrixProfile(profile: Uint8Array): WrittenSpace | undefined {
  const bytes = Buffer.from(profile.buffer, profile.byteOffset, profile.byteLength);
  const tags = tagsOf(bytes);
  const names = ['rXYZ', 'gXYZ', 'bXYZ', 'rTRC', 'gTRC', 'bTRC'] as const;
  const found = names.map((name) => tags.get(name));
  const isOfTables = tags.has('A2B0') || bytes.toString('latin1', 20, 24) !== 'XYZ ';
  const [red, green, blue, ...curves] = found;
  if (isOfTables || !red || !green || !blue || curves.includes(undefined)) return undefined;
  const [r, g, b] = [primaryOf(red), primaryOf(green), primaryOf(blue)];
  const [rLight, gLight, bLight] = curves.map((curve) => lightOf(curve ?? Buffer.alloc(0)));
  if (!rLight || !gLight || !bLight) return undefined;
  return {
    toXyz: [
      [r[0], g[0], b[0]],
      [r[1], g[1], b[1]],
      [r[2], g[2], b[2]],
    ],
    light: [rLight, gLight, bLight],
  };
}

function tagsOf(bytes: Buffer): ReadonlyMap<string, Buffer> {
  const count = bytes.readUInt32BE(TAGS_AT);
  return new Map(
    Array.from({ length: count }, (_, index): [string, Buffer] => {
      const at = TAGS_AT + 4 + index * TAG_BYTES;
      const start = bytes.readUInt32BE(at + 4);
      return [
        bytes.toString('latin1', at, at + 4),
        bytes.subarray(start, start + bytes.readUInt32BE(at + 8)),
      ];
    }),
  );
}

const bad = (): Error => badLook('has a colour profile with curves or primaries that are none');

/** A number with 16 bits before its point and 16 behind it. */
const fixed = (bytes: Buffer, at: number): number => bytes.readInt32BE(at) / 0x10000;

function primaryOf(tag: Buffer): readonly [number, number, number] {
  if (tag.length < 20 || tag.toString('latin1', 0, 4) !== 'XYZ ') throw bad();
  return [fixed(tag, 8), fixed(tag, 12), fixed(tag, 16)];
}

/** Of each level. @see ICC.1:2010 10.5, 10.16 */
function lightOf(tag: Buffer): Float64Array {
  const type = tag.toString('latin1', 0, 4);
  const curve = type === 'curv' ? sampled(tag) : type === 'para' ? parametric(tag) : undefined;
  if (!curve) throw bad();
  return Float64Array.from({ length: LEVELS }, (_, level) => {
    const light = curve(level / (LEVELS - 1));
    return Number.isNaN(light) ? 0 : Math.min(Math.max(light, 0), 1);
  });
}

type Curve = (value: number) => number;

/** Nothing is what is written; one number a power; several are values that lie as far from one another. */
function sampled(tag: Buffer): Curve | undefined {
  const count = tag.length < 12 ? Infinity : tag.readUInt32BE(8);
  if (tag.length < 12 + count * 2) return undefined;
  if (count === 0) return (value) => value;
  const entry = (at: number): number => tag.readUInt16BE(12 + 2 * Math.min(at, count - 1));
  if (count === 1) return (value) => value ** (entry(0) / 256);
  return (value) => {
    const place = value * (count - 1);
    const at = Math.floor(place);
    return (entry(at) + (entry(at + 1) - entry(at)) * (place - at)) / 0xffff;
  };
}

/** How many numbers each kind of curve has. */
const PARAMETERS = [1, 3, 4, 5, 7];

function parametric(tag: Buffer): Curve | undefined {
  const kind = tag.length < 12 ? -1 : tag.readUInt16BE(8);
  const count = PARAMETERS[kind] ?? Infinity;
  if (tag.length < 12 + count * 4) return undefined;
  return formula(
    kind,
    Array.from({ length: count }, (_, at) => fixed(tag, 12 + 4 * at)),
  );
}

function formula(kind: number, [g = 1, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0]: readonly number[]): Curve {
  const power: Curve = (value) => (a * value + b) ** g;
  if (kind === 0) return power;
  // Kinds 1 and 2 are straight where the power would be of something negative.
  if (kind < 3) return (value) => (a * value + b >= 0 ? power(value) : 0) + c;
  return (value) => (value >= d ? power(value) + e : c * value + f);
}
