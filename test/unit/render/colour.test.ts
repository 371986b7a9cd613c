import { describe, expect, test } from '@jest/globals';
import { Tags } from '../../../src/dicom/index.js';
import { EBE, element, us } from '../dicom/dataset-bytes.js';
import { imageOf, levelsOf, pictureOf, words, type ImageOptions } from './images.js';

const colour = { samples: 3, columns: 2 };
const palette = { photometric: 'PALETTE COLOR' };

function table(
  color: 'Red' | 'Green' | 'Blue',
  descriptor: readonly number[],
  entries: Buffer,
  segmented = false,
): readonly Buffer[] {
  const data = segmented
    ? Tags[`Segmented${color}PaletteColorLookupTableData`]
    : Tags[`${color}PaletteColorLookupTableData`];
  return [
    element(Tags[`${color}PaletteColorLookupTableDescriptor`], 'US', words(...descriptor)),
    element(data, 'OW', entries),
  ];
}

const same = (descriptor: readonly number[], entries: Buffer, segmented = false): readonly Buffer[] =>
  (['Red', 'Green', 'Blue'] as const).flatMap((color) => table(color, descriptor, entries, segmented));

/** The reds of a picture. */
const reds = async (options: ImageOptions): Promise<readonly number[]> =>
  (await levelsOf(options)).filter((_, at) => at % 3 === 0);

describe('colours (PS3.3 C.7.6.3.1.2)', () => {
  test('RGB by pixel, and by plane (PS3.3 C.7.6.3.1.3)', async () => {
    const rgb = [1, 2, 3, 251, 252, 253];
    expect(await levelsOf({ ...colour, pixels: rgb })).toEqual(rgb);
    expect(await levelsOf({ ...colour, planar: true, pixels: [1, 251, 2, 252, 3, 253] })).toEqual(rgb);
  });

  test('of 16 bits keep the highest of those that are stored', async () => {
    const pixels = [0, 2048, 4095, 4095, 0, 1024];
    expect(await levelsOf({ ...colour, allocated: 16, stored: 12, pixels })).toEqual([
      0, 128, 255, 255, 0, 64,
    ]);
  });

  test('YBR_FULL: 76, 85, 255 is red', async () => {
    const pixels = [76, 85, 255, 150, 44, 21];
    const levels = await levelsOf({ ...colour, photometric: 'YBR_FULL', pixels });
    // R = 76 + 1.402 x 127, G = 76 + 0.344 x 43 - 0.714 x 127, B = 76 - 1.772 x 43.
    expect(levels).toEqual([254, 0, 0, 0, 255, 1]);
  });

  test('YBR_FULL_422: two pixels share their chrominance; or each has its own, whatever it is called', async () => {
    const photometric = 'YBR_FULL_422';
    expect(await levelsOf({ ...colour, photometric, pixels: [100, 50, 128, 128] })).toEqual([
      100, 100, 100, 50, 50, 50,
    ]);
    expect(await levelsOf({ ...colour, photometric, pixels: [100, 128, 128, 50, 128, 128] })).toEqual([
      100, 100, 100, 50, 50, 50,
    ]);
  });

  test('YBR_PARTIAL_422 has black at 16 and white at 235', async () => {
    const photometric = 'YBR_PARTIAL_422';
    expect(await levelsOf({ ...colour, photometric, pixels: [16, 235, 128, 128] })).toEqual([
      0, 0, 0, 255, 255, 255,
    ]);
  });

  test('windows say nothing of them (PS3.3 C.11.2.1.2)', async () => {
    const more = [element(Tags.WindowCenter, 'DS', '10'), element(Tags.WindowWidth, 'DS', '2')];
    expect(await levelsOf({ ...colour, pixels: [1, 2, 3, 4, 5, 6], more })).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('that are not known are refused (W-56)', async () => {
    const image = await imageOf({ samples: 3, columns: 1, photometric: 'HSV', pixels: [1, 2, 3] });
    await expect(pictureOf(image)).rejects.toMatchObject({ code: 'not-acceptable' });
    const four = await imageOf({ samples: 4, columns: 1, photometric: 'CMYK', pixels: [1, 2, 3, 4] });
    await expect(pictureOf(four)).rejects.toMatchObject({ code: 'not-acceptable' });
  });
});

describe('PALETTE COLOR (PS3.3 C.7.6.3.1.5)', () => {
  test('has a table for each colour; what is outside has its first or last entry', async () => {
    const more = [
      ...table('Red', [2, 1, 8], words(10, 20)),
      ...table('Green', [2, 1, 8], words(30, 40)),
      ...table('Blue', [2, 1, 8], words(50, 60)),
    ];
    expect(await levelsOf({ ...palette, pixels: [0, 1, 2, 9], more })).toEqual([
      10, 30, 50, 10, 30, 50, 20, 40, 60, 20, 40, 60,
    ]);
  });

  test('of 16 bits is brought to 8, and of 8 bits may be packed', async () => {
    expect(
      await reds({ ...palette, pixels: [0, 1, 2], more: same([3, 0, 16], words(0, 0x8000, 0xffff)) }),
    ).toEqual([0, 128, 255]);
    expect(
      await reds({ ...palette, pixels: [0, 1, 2, 3], more: same([4, 0, 8], Buffer.from([1, 2, 3, 4])) }),
    ).toEqual([1, 2, 3, 4]);
  });

  test('begins at a signed value where samples are signed', async () => {
    const more = same([3, 0x10000 - 1, 8], words(10, 20, 30));
    expect(await reds({ ...palette, signed: true, pixels: [-2, -1, 0, 1], more })).toEqual([10, 10, 20, 30]);
  });

  test('of 65,536 entries says that it has 0', async () => {
    const entries = Buffer.alloc(131_072);
    entries.writeUInt16LE(0xff00, 131_070);
    const options = { ...palette, allocated: 16, pixels: [0, 65_535], more: same([0, 0, 16], entries) };
    expect(await reds(options)).toEqual([0, 254]);
  });

  test('big endian: words are turned round, packed bytes are not what they seem', async () => {
    const big = (color: 'Red' | 'Green' | 'Blue', entries: Buffer, bits: number): readonly Buffer[] => [
      element(
        Tags[`${color}PaletteColorLookupTableDescriptor`],
        'US',
        Buffer.concat([us(2, EBE), us(0, EBE), us(bits, EBE)]),
        EBE,
      ),
      element(Tags[`${color}PaletteColorLookupTableData`], 'OW', entries, EBE),
    ];
    const of = (entries: Buffer, bits: number): readonly Buffer[] =>
      (['Red', 'Green', 'Blue'] as const).flatMap((color) => big(color, entries, bits));
    const options = { ...palette, syntax: EBE, pixels: Buffer.from([1, 0]), columns: 2 };
    expect(await reds({ ...options, more: of(Buffer.from([0x80, 0, 0x40, 0]), 16) })).toEqual([128, 64]);
    // Pixels of a byte stand in words here as well: index 0 is in the lower half of the first.
    expect(await reds({ ...options, more: of(Buffer.from([9, 7]), 8) })).toEqual([7, 9]);
  });

  test('in segments: a run, a line to a value, and the same again (PS3.3 C.7.9.2)', async () => {
    // A run of 0 and 100; a line of 4 to 500; the run and the line once more, from offset 0.
    const segments = words(0, 2, 0, 100, 1, 4, 500, 2, 2, 0, 0);
    const more = same([12, 0, 16], segments, true);
    const expected = [0, 100, 200, 300, 400, 500, 0, 100, 200, 300, 400, 500].map((v) =>
      Math.round((v * 255) / 65535),
    );
    const pixels = expected.map((_, at) => at);
    expect(await reds({ ...palette, pixels, more })).toEqual(expected);
    const bytes = Buffer.from([0, 2, 0, 100, 1, 4, 200, 2, 1, 0, 0, 0, 0, 0]);
    const packed = { ...palette, pixels: [0, 1, 2, 3, 4, 5, 6, 7], more: same([8, 0, 8], bytes, true) };
    expect(await reds(packed)).toEqual([0, 100, 125, 150, 175, 200, 0, 100]);
  });

  test.each([
    ['without a table', []],
    ['with a table that ends early', same([3, 0, 8], words(1))],
    ['with segments that end early', same([3, 0, 16], words(0, 9, 1), true)],
    ['with segments that are too long', same([1, 0, 16], words(0, 2, 1, 2), true)],
    ['with a line that begins nowhere', same([2, 0, 16], words(1, 2, 1), true)],
    ['with a segment that points at itself', same([2, 0, 16], words(2, 1, 0, 0), true)],
    [
      'with empty segments without end',
      same([9, 0, 16], words(0, 0, 2, 65_535, 0, 0, 2, 65_535, 0, 0), true),
    ],
    ['with entries of 17 bits', same([1, 0, 17], words(1))],
  ])('%s is malformed', async (_name, more) => {
    const image = await imageOf({ ...palette, pixels: [0], more });
    await expect(image.looks.of(1)).rejects.toMatchObject({ code: 'malformed-dataset' });
  });
});
