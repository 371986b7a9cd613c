/** Pictures that are computed, and look like what they stand for: no patient was ever near them. */

// Called some ten million times; a global looked up each time costs more than the function.
const { PI, abs, ceil, cos, exp, floor, imul, max, min, round, sin, sqrt } = Math;

/** An ellipse on the unit square: what is inside gets the value. */
interface Ellipse {
  readonly x: number;
  readonly y: number;
  readonly a: number;
  readonly b: number;
  readonly value: number;
}

/** Reproducible noise: a linear congruential generator, for it need only look like grain. */
function createNoise(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

interface GreyImage {
  readonly size: number;
  readonly background: number;
  readonly ellipses: readonly Ellipse[];
  readonly grain: number;
  readonly seed: number;
}

/** Signed 16-bit little endian values of ellipses painted one over the other. */
function paint({ size, background, ellipses, grain, seed }: GreyImage): Buffer {
  const pixels = new Int16Array(size * size).fill(background);
  for (const { x, y, a, b, value } of ellipses) {
    const top = max(0, ceil((y - b) * size));
    const bottom = min(size - 1, floor((y + b) * size));
    for (let row = top; row <= bottom; row += 1) {
      const half = a * sqrt(max(0, 1 - ((row / size - y) / b) ** 2));
      const from = max(0, ceil((x - half) * size));
      pixels.fill(value, row * size + from, row * size + max(from, floor((x + half) * size) + 1));
    }
  }
  const noise = createNoise(seed);
  for (let i = 0; i < pixels.length; i += 1) pixels[i] = (pixels[i] ?? 0) + round(noise() * grain);
  return Buffer.from(pixels.buffer);
}

/** One slice of a chest in Hounsfield units; `z` runs from 0 (apex) to 1 (base). */
export function chestSlice(size: number, z: number, seed: number): Buffer {
  const lung = 0.09 + 0.06 * sin(PI * (0.2 + 0.7 * z));
  const heart = z > 0.35 && z < 0.85 ? 0.11 * sin((PI * (z - 0.35)) / 0.5) : 0;
  const ribs = Array.from({ length: 10 }, (_, index) => {
    const angle = ((index + 0.5 + ((z * 6) % 1)) / 10) * 2 * PI;
    return {
      x: 0.5 + 0.36 * cos(angle),
      y: 0.5 + 0.25 * sin(angle),
      a: 0.022,
      b: 0.012,
      value: 450,
    };
  });
  return paint({
    size,
    background: -1000,
    grain: 30,
    seed,
    ellipses: [
      { x: 0.5, y: 0.5, a: 0.42, b: 0.31, value: -90 },
      { x: 0.5, y: 0.5, a: 0.39, b: 0.28, value: 45 },
      ...ribs,
      { x: 0.3, y: 0.48, a: lung, b: lung * 1.4, value: -860 },
      { x: 0.7, y: 0.48, a: lung, b: lung * 1.4, value: -860 },
      { x: 0.55, y: 0.42, a: heart, b: heart, value: 60 },
      { x: 0.5, y: 0.67, a: 0.055, b: 0.045, value: 300 },
      { x: 0.5, y: 0.67, a: 0.035, b: 0.03, value: 180 },
      { x: 0.5, y: 0.7, a: 0.02, b: 0.012, value: 20 },
      { x: 0.46, y: 0.6, a: 0.024, b: 0.024, value: 70 },
      { x: 0.5, y: 0.5, a: 0.018, b: 0.016, value: -980 },
    ],
  });
}

/** One slice of a head as a T1-weighted MR shows it; `z` runs from 0 to 1. */
export function headSlice(size: number, z: number, seed: number): Buffer {
  const scale = sqrt(max(0.15, 1 - (1.6 * (z - 0.45)) ** 2));
  const ring = (factor: number, value: number): Ellipse => ({
    x: 0.5,
    y: 0.5,
    a: 0.34 * scale * factor,
    b: 0.42 * scale * factor,
    value,
  });
  const ventricle = z > 0.3 && z < 0.7 ? 0.05 * sin((PI * (z - 0.3)) / 0.4) : 0;
  return paint({
    size,
    background: 5,
    grain: 40,
    seed,
    ellipses: [
      ring(1, 900),
      ring(0.94, 60),
      ring(0.89, 420),
      ring(0.76, 560),
      { x: 0.5, y: 0.5, a: 0.006, b: 0.38 * scale, value: 120 },
      { x: 0.45, y: 0.47, a: ventricle * 0.7, b: ventricle * 2, value: 90 },
      { x: 0.55, y: 0.47, a: ventricle * 0.7, b: ventricle * 2, value: 90 },
      { x: 0.62, y: 0.36, a: 0.03, b: 0.035, value: 780 },
    ],
  });
}

/** One frame of a beating chamber in a sector of speckle, with a coloured jet: RGB, colour by pixel; `phase` 0 to 1. */
export function cineFrame(columns: number, rows: number, phase: number, seed: number): Buffer {
  const pixels = Buffer.alloc(columns * rows * 3);
  const noise = createNoise(seed);
  const radius = 0.22 + 0.06 * cos(2 * PI * phase);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const x = column / columns - 0.5;
      const y = row / rows;
      const grain = noise();
      if (abs(x) > y * 0.55 || x * x + y * y > 0.94) continue;
      const wall = sqrt((x * 1.3) ** 2 + (y - 0.58) ** 2) / radius;
      const echo = wall < 0.85 ? 12 : wall < 1.1 ? 190 : 85 * (1.2 - y);
      const grey = max(0, min(255, echo * (1 + 1.3 * grain)));
      const jet = sin(2 * PI * phase) * exp(-((x / 0.04) ** 2) - ((y - 0.55) / 0.14) ** 2);
      const at = (row * columns + column) * 3;
      pixels[at] = min(255, grey + max(0, jet) * 230);
      pixels[at + 1] = grey * (1 - 0.7 * abs(jet));
      pixels[at + 2] = min(255, grey + max(0, -jet) * 230);
    }
  }
  return pixels;
}

/** A chart of hues and greys: RGB, colour by pixel. */
export function colourChart(size: number): Buffer {
  const pixels = Buffer.alloc(size * size * 3);
  const channel = (hue: number, offset: number): number =>
    max(0, min(1, abs(((hue * 6 + offset) % 6) - 3) - 1));
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const at = (row * size + column) * 3;
      const x = column / size;
      const dark = 1 - row / size;
      const isGrey = row > size * 0.85;
      for (const [index, offset] of [0, 4, 2].entries()) {
        pixels[at + index] = round(255 * (isGrey ? floor(x * 16) / 15 : channel(x, offset) * dark));
      }
    }
  }
  return pixels;
}
