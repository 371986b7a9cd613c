/** Profiles of the colours of pictures. @see PS3.18 8.3.5.1.5, rule W-55 */
import { GatewayError } from '../core/index.js';
import { badLook } from './bad-look.js';
import { toSrgb } from './encode-picture.js';
import type { ColourProfile } from './picture-request.js';
import type { Raster } from './raster.js';
import { colourSpaces, type ColourSpace } from './colour-spaces.js';
import { matrixProfile } from './matrix-profile.js';
import { readMatrixProfile, type WrittenSpace } from './read-matrix-profile.js';

/** A picture, and the profile to embed. */
interface Profiled {
  readonly raster: Raster;
  readonly profile?: Uint8Array;
}

/**
 * Turns a picture into the colours that are asked for. What the dataset has no profile for is taken for sRGB, as displays
 * take it, and so are greys.
 *
 * @throws GatewayError `malformed-dataset` for a profile that is none, `not-implemented` for colours that can only be had by
 * way of a smaller space
 */
export async function inProfile(
  raster: Raster,
  source: Uint8Array | undefined,
  asked: ColourProfile = 'no',
): Promise<Profiled> {
  if (asked === 'no') return { raster };
  const own = source && raster.channels === 3 ? requireRgbProfile(source) : undefined;
  if (asked === 'yes') return { raster, profile: own ?? matrixProfile(colourSpaces.srgb) };
  const profile = matrixProfile(colourSpaces[asked]);
  if (asked === 'srgb') return { raster: own ? await toSrgb(raster, own) : raster, profile };
  const from = own ? readMatrixProfile(own) : srgb();
  if (from) return { raster: converted(raster, from, colourSpaces[asked]), profile };
  const message = 'Colours with a profile of tables can be had with that, or in sRGB.';
  throw new GatewayError('not-implemented', message);
}

function srgb(): WrittenSpace {
  const light = Float64Array.from({ length: 256 }, (_, level) => colourSpaces.srgb.decode(level / 255));
  return { toXyz: colourSpaces.srgb.toXyz, light: [light, light, light] };
}

const HEADER_BYTES = 128;
const TAG_BYTES = 12;

/** Whether a profile is one of RGB colours, and its tags lie within it. @see ICC.1:2010 7.2, 7.3 */
function requireRgbProfile(profile: Uint8Array): Uint8Array {
  const bytes = Buffer.from(profile.buffer, profile.byteOffset, profile.byteLength);
  const isProfile =
    bytes.length > HEADER_BYTES + 4 &&
    bytes.readUInt32BE(0) <= bytes.length &&
    bytes.toString('latin1', 36, 40) === 'acsp' &&
    bytes.toString('latin1', 16, 20) === 'RGB ';
  if (!isProfile) throw badLook('has a colour profile that is none of RGB');
  const count = bytes.readUInt32BE(HEADER_BYTES);
  const tableEnd = HEADER_BYTES + 4 + count * TAG_BYTES;
  if (tableEnd > bytes.length) throw badLook('has a colour profile that ends early');
  for (let at = HEADER_BYTES + 4; at < tableEnd; at += TAG_BYTES)
    if (bytes.readUInt32BE(at + 4) + bytes.readUInt32BE(at + 8) > bytes.length)
      throw badLook('has a colour profile that ends early');
  return profile;
}

/** From one space to another; what that does not hold becomes the nearest that it does, channel by channel. */
function converted(
  { pixels, width, height, channels }: Raster,
  from: WrittenSpace,
  space: ColourSpace,
): Raster {
  const [redLight, greenLight, blueLight] = from.light;
  const matrix = multiply(inverse(space.toXyz), from.toXyz);
  const encoded = Uint8Array.from({ length: STEPS + 1 }, (_, step) =>
    Math.round(space.encode(step / STEPS) * 255),
  );
  const levelAt = (at: number): number => pixels[at] ?? 0;
  const out = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = pixel * channels;
    const others = channels === 3 ? 1 : 0;
    const red = redLight[levelAt(at)] ?? 0;
    const green = greenLight[levelAt(at + others)] ?? 0;
    const blue = blueLight[levelAt(at + 2 * others)] ?? 0;
    for (let color = 0; color < 3; color++) {
      const [byRed, byGreen, byBlue] = matrix[color] ?? NO_LIGHT;
      const value = Math.min(Math.max(byRed * red + byGreen * green + byBlue * blue, 0), 1);
      out[pixel * 3 + color] = encoded[Math.round(value * STEPS)] ?? 0;
    }
  }
  return { pixels: out, width, height, channels: 3 };
}

const NO_LIGHT: Row = [0, 0, 0];
/** Of linear light: enough for a step of a level in the shadows. */
const STEPS = 0xffff;

type Row = readonly [number, number, number];
type Matrix = readonly [Row, Row, Row];

function multiply(left: Matrix, right: Matrix): Matrix {
  const cell = (row: Row, column: 0 | 1 | 2): number =>
    row[0] * right[0][column] + row[1] * right[1][column] + row[2] * right[2][column];
  const line = (row: Row): Row => [cell(row, 0), cell(row, 1), cell(row, 2)];
  return [line(left[0]), line(left[1]), line(left[2])];
}

function inverse([[a, b, c], [d, e, f], [g, h, i]]: Matrix): Matrix {
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const over = (value: number): number => value / determinant;
  return [
    [over(e * i - f * h), over(c * h - b * i), over(b * f - c * e)],
    [over(f * g - d * i), over(a * i - c * g), over(c * d - a * f)],
    [over(d * h - e * g), over(b * g - a * h), over(a * e - b * d)],
  ];
}
