/** An RGB space of three primaries, as its profile describes it. */
export interface ColourSpace {
  readonly name: string;
  /** Columns are the primaries in the profile connection space: XYZ, adapted to D50. */
  readonly toXyz: readonly [
    readonly [number, number, number],
    readonly [number, number, number],
    readonly [number, number, number],
  ];
  /** g, a, b, c, d of the curve: (a x + b)^g from d on, below it c x. @see ICC.1:2010 10.16 */
  readonly curve: readonly [g: number, a: number, b: number, c: number, d: number];
  /** From what is written to linear light, each from 0 to 1. */
  decode(value: number): number;
  encode(light: number): number;
}

type Curve = ColourSpace['curve'];

function space(name: string, toXyz: ColourSpace['toXyz'], curve: Curve): ColourSpace {
  const [g, a, b, c, d] = curve;
  return {
    name,
    toXyz,
    curve,
    decode: (value) => (value >= d ? (a * value + b) ** g : c * value),
    encode: (light) => (light >= (a * d + b) ** g || c === 0 ? (light ** (1 / g) - b) / a : light / c),
  };
}

/** The spaces that clients may ask for. @see PS3.18 8.3.5.1.5 */
export const colourSpaces = {
  /** @see IEC 61966-2-1 */
  srgb: space(
    'sRGB IEC61966-2.1',
    [
      [0.436066, 0.385147, 0.143066],
      [0.222488, 0.716873, 0.060608],
      [0.013916, 0.097076, 0.714096],
    ],
    [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045],
  ),
  /** @see Adobe RGB (1998) Color Image Encoding */
  adobergb: space(
    'Adobe RGB (1998)',
    [
      [0.609741, 0.205276, 0.149185],
      [0.311111, 0.625671, 0.063217],
      [0.01947, 0.060867, 0.744568],
    ],
    [2.19921875, 1, 0, 0, 0],
  ),
  /** @see ISO 22028-2 */
  rommrgb: space(
    'ROMM RGB',
    [
      [0.797675, 0.135193, 0.031342],
      [0.28804, 0.711868, 0.000092],
      [0, 0, 0.825104],
    ],
    [1.8, 1, 0, 1 / 16, 16 / 512],
  ),
} as const satisfies Record<string, ColourSpace>;
