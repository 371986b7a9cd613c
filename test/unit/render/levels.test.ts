import { expect, test } from '@jest/globals';
import { Tags } from '../../../src/dicom/index.js';
import { codesIn, lookUp } from '../../../src/render/sample-loops.js';
import { Scratch } from '../../../src/render/index.js';
import { element, us } from '../dicom/dataset-bytes.js';
import { imageOf, levelsOf, numbers, type ImageOptions } from './images.js';
import { greyPixels } from '../../../src/render/grey.js';

const window = (center: string, width: string): readonly Buffer[] => [
  element(Tags.WindowCenter, 'DS', center),
  element(Tags.WindowWidth, 'DS', width),
];
const padding = [element(Tags.PixelPaddingValue, 'US', us(7))];
const ct = { allocated: 16, stored: 12, more: window('2000', '3000') };

/** One look after another, for one might be shown with the levels of the one before it. */
const looks: readonly (readonly [string, Omit<ImageOptions, 'pixels'>])[] = [
  ['12 bits', ct],
  ['12 bits with another window', { ...ct, more: window('1000', '500') }],
  ['signed 12 bits', { ...ct, signed: true, more: window('0', '3000') }],
  ['unsigned 12 bits with the same window', { ...ct, more: window('0', '3000') }],
  ['12 bits from the fourth on', { ...ct, highBit: 15 }],
  ['12 bits as MONOCHROME1', { ...ct, photometric: 'MONOCHROME1' }],
  ['12 bits with padding', { ...ct, more: [...window('5', '8'), ...padding] }],
  ['12 bits with the same window and no padding', { ...ct, more: window('5', '8') }],
  ['a byte in a word', { allocated: 16, stored: 8, more: window('100', '90') }],
  ['a byte', { more: window('100', '90') }],
  ['5 bits of a byte', { stored: 5, more: window('15', '20') }],
];

/** Units with bits above those of the samples, which say nothing: as in old images that keep overlays there. */
const unitsOf = (count: number, allocated: number): number[] =>
  Array.from({ length: count }, (_, at) => (at * 2_654_435_761) % 2 ** allocated);

test.each(looks)('W-56: %s have the same levels in a large image as in a small one', async (_name, look) => {
  const allocated = look.allocated ?? 8;
  // An odd number of lines of an odd length: pixels are left that make no four.
  const [rows, columns] = [67, 65];
  const units = unitsOf(rows * columns, allocated);
  const large = await levelsOf({ ...look, rows, columns, pixels: numbers(units, allocated) });
  for (const from of [0, 1000, 4336]) {
    const few = units.slice(from, from + 19);
    expect(large.slice(from, from + 19)).toEqual(await levelsOf({ ...look, pixels: few }));
  }
});

test('words that begin within four bytes are looked up one by one', () => {
  const table = Uint8Array.from({ length: 2 ** 16 }, (_, at) => at % 251);
  const memory = new Uint16Array(12).map((_, at) => at * 5000);
  const expected = [...memory].map((unit) => unit % 251);
  for (const skipped of [0, 1, 2, 3]) {
    const out = new Uint8Array(12 - skipped);
    lookUp(memory.subarray(skipped), table, out);
    expect([...out]).toEqual(expected.slice(skipped));
  }
});

test.each([
  ['words', new Uint16Array(13).map((_, at) => at * 5000), 12, 4],
  ['words whose upper bits say nothing', new Uint16Array(13).map((_, at) => 0xf000 + at), 12, 0],
  ['bytes', new Uint8Array(13).map((_, at) => at * 19), 5, 3],
] as const)('the codes of %s are found wherever these begin, and no others', (_name, units, bits, shift) => {
  for (const skipped of [0, 1, 2, 3]) {
    const some = units.subarray(skipped);
    const expected = new Set(Array.from(some, (unit) => (unit >> shift) % 2 ** bits));
    const found = [...codesIn(some, bits, shift)].flatMap((isThere, code) => (isThere ? [code] : []));
    expect(new Set(found)).toEqual(expected);
  }
});

test('nothing of a picture is left in the one that is made in its memory', async () => {
  const scratch = new Scratch();
  const [bright, dark] = await Promise.all(
    [255, 0].map((value) =>
      imageOf({ rows: 20, columns: 30, pixels: Buffer.alloc(600, value), more: window('128', '256') }),
    ),
  );
  const draw = async (image: typeof bright, rows: number): Promise<Uint8Array> => {
    if (!image) throw new RangeError('there is no image');
    const shape = { ...image.shape, rows };
    return greyPixels({ samples: await image.frame(), shape }, await image.looks.of(1), {}, scratch);
  };
  const first = await draw(bright, 20);
  expect(new Set(first)).toEqual(new Set([255]));
  const second = await draw(dark, 10);
  expect(second.buffer).toBe(first.buffer);
  expect(second).toHaveLength(300);
  expect(new Set(second)).toEqual(new Set([0]));
});
