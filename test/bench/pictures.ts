/** Pictures of the kinds that scanners make, out of a seed: soft, with the noise of a detector. */
import { writeFileSync } from 'node:fs';
import { part10Header } from '../../src/dicom/index.js';
import type { FrameShape } from '../../src/transcode/index.js';
import type { RogueInstance } from '../helpers/rogue-peer.js';
import { randomBelow } from './random.js';

const gray: FrameShape = {
  rows: 512,
  columns: 512,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 12,
  signed: false,
  photometricInterpretation: 'MONOCHROME2',
  planar: false,
};

export interface Picture {
  readonly name: string;
  readonly shape: FrameShape;
  /** How often it is decoded in one measurement. */
  readonly times: number;
}

export const pictures: readonly Picture[] = [
  { name: '512 x 512 x 16', shape: gray, times: 40 },
  { name: '2048 x 2048 x 16', shape: { ...gray, rows: 2048, columns: 2048 }, times: 6 },
  {
    name: '1024 x 1024 RGB',
    shape: {
      ...gray,
      rows: 1024,
      columns: 1024,
      samplesPerPixel: 3,
      bitsAllocated: 8,
      bitsStored: 8,
      photometricInterpretation: 'RGB',
    },
    times: 12,
  },
];

/** Noise of one part in so many of the range. */
const NOISE = 200;

/** The samples of picture number `number` of a shape. */
export function samplesOf(shape: FrameShape, seed: number, number = 0): Uint8Array {
  const next = randomBelow(seed + number);
  const most = 2 ** shape.bitsStored - 1;
  const { rows, columns, samplesPerPixel } = shape;
  const values = new Uint16Array(rows * columns * samplesPerPixel);
  for (let row = 0, at = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1)
      for (let sample = 0; sample < samplesPerPixel; sample += 1, at += 1) {
        const wave = Math.sin((row + 40 * number) / 37 + sample) * Math.cos(column / 53);
        values[at] = Math.round((0.45 + 0.4 * wave) * most) + next(Math.ceil(most / NOISE));
      }
  return shape.bitsAllocated === 8 ? Uint8Array.from(values) : new Uint8Array(values.buffer);
}

/** An instance as a Part 10 file. */
export function fileOf(instance: RogueInstance): Buffer {
  return Buffer.concat([part10Header(instance), Buffer.from(instance.dataset as Buffer)]);
}

export function writeFile(path: string, instance: RogueInstance): string {
  writeFileSync(path, fileOf(instance));
  return path;
}
