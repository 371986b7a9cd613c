import { describe, expect, test } from '@jest/globals';
import { Tags } from '../../../src/dicom/index.js';
import { EBE, element, ELE, us } from '../dicom/dataset-bytes.js';
import { decoded, imageOf, levelsOf, lutSequence, numbers, pictureOf, words } from './images.js';

const window = (center: string, width: string, more: readonly Buffer[] = []): readonly Buffer[] => [
  element(Tags.WindowCenter, 'DS', center),
  element(Tags.WindowWidth, 'DS', width),
  ...more,
];
const rescale = (slope: string, intercept: string): readonly Buffer[] => [
  element(Tags.RescaleIntercept, 'DS', intercept),
  element(Tags.RescaleSlope, 'DS', slope),
];
const ct = { allocated: 16, stored: 12 };

describe('the window (W-54, PS3.3 C.11.2.1.2)', () => {
  test('LINEAR: from c - 0.5 - (w - 1) / 2 to c - 0.5 + (w - 1) / 2', async () => {
    // The standard's own example: c = 2048, w = 4096 is an identity over 12 bits.
    expect(
      await levelsOf({ ...ct, pixels: [0, 1, 2047, 2048, 4094, 4095], more: window('2048', '4096') }),
    ).toEqual([0, 0, 127, 128, 255, 255]);
    // c = 100, w = 101: from 49.5 to 149.5.
    const pixels = [49, 50, 99, 100, 149, 150];
    expect(await levelsOf({ ...ct, pixels, more: window('100', '101') })).toEqual([0, 1, 126, 129, 254, 255]);
  });

  test('of width 1 is a threshold: c - 0.5 and less is black', async () => {
    expect(await levelsOf({ pixels: [98, 99, 100, 101], more: window('100', '1') })).toEqual([
      0, 0, 255, 255,
    ]);
  });

  test('LINEAR_EXACT: from c - w / 2 to c + w / 2', async () => {
    const more = window('100', '100', [element(Tags.VOILUTFunction, 'CS', 'LINEAR_EXACT')]);
    expect(await levelsOf({ pixels: [50, 75, 100, 150, 200], more })).toEqual([0, 64, 128, 255, 255]);
  });

  test('SIGMOID: 1 / (1 + exp(-4 (x - c) / w))', async () => {
    const more = window('100', '80', [element(Tags.VOILUTFunction, 'CS', 'SIGMOID')]);
    // exp(-4), exp(0), exp(4) at 20, 100 and 180.
    expect(await levelsOf({ pixels: [20, 100, 180], more })).toEqual([5, 128, 250]);
  });

  test('that the client asks for stands in place of that of the dataset', async () => {
    const pixels = [50, 100, 150];
    const asked = { window: { center: 100, width: 100, shape: 'linear-exact' } } as const;
    expect(await levelsOf({ pixels, more: window('10', '2') }, asked)).toEqual([0, 128, 255]);
  });

  test('is the first of several, and one without a width is none', async () => {
    expect(await levelsOf({ pixels: [98, 102], more: window('100\\50', '2\\4') })).toEqual([0, 255]);
    expect(await levelsOf({ pixels: [10, 20, 30], more: window('100', '0') })).toEqual([0, 128, 255]);
  });
});

describe('without a window (W-56)', () => {
  test('all values of the frame are shown, from black to white, but padding', async () => {
    expect(await levelsOf({ ...ct, pixels: [1000, 1500, 2000] })).toEqual([0, 128, 255]);
    const more = [element(Tags.PixelPaddingValue, 'US', us(4095))];
    expect(await levelsOf({ ...ct, pixels: [1000, 1500, 2000, 4095], more })).toEqual([0, 128, 255, 0]);
  });

  test('a frame of one value is black, and one of nothing but padding as well', async () => {
    expect(await levelsOf({ pixels: [7, 7] })).toEqual([0, 0]);
    expect(await levelsOf({ pixels: [7, 7], more: [element(Tags.PixelPaddingValue, 'US', us(7))] })).toEqual([
      0, 0,
    ]);
  });
});

describe('modality values (PS3.3 C.11.1)', () => {
  test('are stored ones times the slope, plus the intercept', async () => {
    const more = [
      ...rescale('2', '-1024'),
      ...window('0', '200', [element(Tags.VOILUTFunction, 'CS', 'LINEAR_EXACT')]),
    ];
    expect(await levelsOf({ ...ct, pixels: [462, 512, 562], more })).toEqual([0, 128, 255]);
  });

  test('a negative slope turns the whole range round', async () => {
    expect(await levelsOf({ pixels: [10, 20], more: rescale('-1', '0') })).toEqual([255, 0]);
  });

  test('come out of a table, and what is below or above it is its first or last entry', async () => {
    const more = [lutSequence(Tags.ModalityLUTSequence, [3, 10, 16], words(100, 300, 500))];
    expect(await levelsOf({ pixels: [0, 10, 11, 12, 200], more })).toEqual([0, 0, 128, 255, 255]);
  });

  test('a table of an X-ray image that is LOG is not for display (PS3.3 C.8.7.1.1.2)', async () => {
    const more = [
      element(Tags.SOPClassUID, 'UI', '1.2.840.10008.5.1.4.1.1.12.1'),
      element(Tags.PixelIntensityRelationship, 'CS', 'LOG'),
      lutSequence(Tags.ModalityLUTSequence, [2, 0, 16], words(500, 0)),
    ];
    expect(await levelsOf({ pixels: [0, 1], more })).toEqual([0, 255]);
  });
});

describe('a VOI LUT (PS3.3 C.11.2.1.1)', () => {
  test('has white where its bits are all set, and begins at a signed value where values are', async () => {
    const more = [
      ...rescale('1', '-10'),
      lutSequence(Tags.VOILUTSequence, [3, 0x10000 - 5, 8], words(0, 51, 255)),
    ];
    // Modality values -6 to -3.
    expect(await levelsOf({ pixels: [4, 5, 6, 7], more })).toEqual([0, 0, 51, 255]);
  });

  test('of packed bytes, and one that has more bits than it says', async () => {
    const packed = lutSequence(Tags.VOILUTSequence, [4, 0, 8], Buffer.from([0, 85, 170, 255]));
    expect(await levelsOf({ pixels: [0, 1, 2, 3], more: [packed] })).toEqual([0, 85, 170, 255]);
    const more = [lutSequence(Tags.VOILUTSequence, [3, 0, 8], words(0, 0x800, 0xfff))];
    expect(await levelsOf({ pixels: [0, 1, 2], more })).toEqual([0, 128, 255]);
  });
});

describe('MONOCHROME1 and the shape INVERSE (PS3.3 C.7.6.3.1.2, C.11.6)', () => {
  test('show the lowest value white; both together as well', async () => {
    const inverse = element(Tags.PresentationLUTShape, 'CS', 'INVERSE');
    const pixels = [0, 255];
    expect(await levelsOf({ pixels, photometric: 'MONOCHROME1' })).toEqual([255, 0]);
    expect(await levelsOf({ pixels, photometric: 'MONOCHROME1', more: [inverse] })).toEqual([255, 0]);
    expect(await levelsOf({ pixels, more: [inverse] })).toEqual([255, 0]);
  });

  test('padding stays black (PS3.3 C.7.5.1.1.2)', async () => {
    const more = [
      element(Tags.PixelPaddingValue, 'US', us(0)),
      element(Tags.PixelPaddingRangeLimit, 'US', us(2)),
    ];
    expect(await levelsOf({ pixels: [0, 2, 3, 9], photometric: 'MONOCHROME1', more })).toEqual([
      0, 0, 255, 0,
    ]);
  });

  test('a presentation LUT is spread over what the VOI gives', async () => {
    const image = await imageOf({ pixels: [0, 1, 2] });
    const entries = Uint16Array.of(0, 0x4000, 0xffff);
    const presentation = { kind: 'table', first: 0, bits: 16, entries } as const;
    const look = { ...(await image.looks.of(1)), presentation };
    expect(await decoded((await pictureOf(image, {}, 1, look)).bytes)).toEqual([0, 64, 255]);
  });
});

describe('samples (PS3.5 8.1.1)', () => {
  test.each([
    ['1 bit', { allocated: 1, columns: 4, pixels: Buffer.from([0b0101, 0]) }, [255, 0, 255, 0]],
    ['8 bits', { pixels: [0, 128, 255] }, [0, 128, 255]],
    ['signed 8 bits', { signed: true, pixels: [-128, 0, 127] }, [0, 128, 255]],
    ['signed 12 of 16 bits', { ...ct, signed: true, pixels: [0x800, 0, 0x7ff] }, [0, 128, 255]],
    [
      '12 of 16 bits that begin at the fourth',
      { ...ct, highBit: 15, pixels: [0, 0x8000, 0xfff0] },
      [0, 128, 255],
    ],
    ['16 bits', { allocated: 16, pixels: [0, 32768, 65535] }, [0, 128, 255]],
    ['24 bits', { allocated: 24, pixels: [0, 2 ** 23, 2 ** 24 - 1] }, [0, 128, 255]],
    ['32 bits', { allocated: 32, pixels: [0, 2 ** 31, 2 ** 32 - 1] }, [0, 128, 255]],
    ['signed 32 bits', { allocated: 32, signed: true, pixels: [-(2 ** 31), 0, 2 ** 31 - 1] }, [0, 128, 255]],
  ])('%s', async (_name, options, levels) => {
    expect(await levelsOf(options)).toEqual(levels);
  });

  test('big endian ones', async () => {
    const pixels = Buffer.from([0, 0, 0x80, 0, 0xff, 0xff]);
    expect(await levelsOf({ allocated: 16, pixels, syntax: EBE })).toEqual([0, 128, 255]);
  });

  test('that are no integers (PS3.3 C.7.6.24): what is no number is black', async () => {
    const pixels = Buffer.alloc(16);
    [-1.5, 0, 1.5, Number.NaN].forEach((value, at) => pixels.writeFloatLE(value, at * 4));
    const options = { allocated: 32, pixels, pixelDataTag: Tags.FloatPixelData, syntax: ELE };
    expect(await levelsOf(options)).toEqual([0, 128, 255, 0]);
  });

  test('bits above those that are stored are no part of them', async () => {
    expect(await levelsOf({ ...ct, pixels: [0xf000, 0x1800, 0xffff] })).toEqual([0, 128, 255]);
  });

  test('a frame that ends early is malformed', async () => {
    const image = await imageOf({ allocated: 16, pixels: numbers([1, 2, 3], 16) });
    const short = { ...image, shape: { ...image.shape, columns: 4 } };
    await expect(pictureOf(short)).rejects.toMatchObject({ code: 'malformed-dataset' });
  });
});
