import { describe, expect, test } from '@jest/globals';
import { Tags } from '../../../src/dicom/index.js';
import { EBE, element, us } from '../dicom/dataset-bytes.js';
import { imageOf, levelsOf, pictureOf, words, decoded } from './images.js';

const window = [element(Tags.WindowCenter, 'DS', '128'), element(Tags.WindowWidth, 'DS', '256')];
const sixteen = { rows: 4, columns: 4, pixels: Array.from({ length: 16 }, () => 0) };

interface OverlayOptions {
  readonly group?: number;
  readonly rows?: number;
  readonly columns?: number;
  readonly type?: string;
  readonly origin?: readonly [number, number];
  readonly more?: readonly Buffer[];
  readonly bits?: readonly number[];
}

function overlay(options: OverlayOptions): readonly Buffer[] {
  const { group = 0x6000, rows = 2, columns = 2, type = 'G', origin = [1, 1], more = [], bits } = options;
  const tag = (number: number): number => group * 0x10000 + number;
  return [
    element(tag(0x0010), 'US', us(rows)),
    element(tag(0x0011), 'US', us(columns)),
    element(tag(0x0040), 'CS', type),
    element(tag(0x0050), 'SS', words(...origin)),
    ...more,
    ...(bits ? [element(tag(0x3000), 'OW', packed(bits))] : []),
  ];
}

function packed(bits: readonly number[]): Buffer {
  const bytes = Buffer.alloc(Math.ceil(bits.length / 16) * 2);
  bits.forEach((bit, at) => {
    bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (bit << (at & 7));
  });
  return bytes;
}

const lit = async (more: readonly Buffer[], frame = 1, frames = 1): Promise<string> => {
  const pixels = Array.from({ length: 16 * frames }, () => 0);
  const levels = await levelsOf({ ...sixteen, frames, pixels, more: [...window, ...more] }, {}, frame);
  return levels
    .map((level) => (level === 255 ? '#' : '.'))
    .join('')
    .replace(/(.{4})(?!$)/g, '$1/');
};

describe('overlays (PS3.3 C.9.2)', () => {
  test('are drawn in white where their bits are set, from their origin on', async () => {
    expect(await lit(overlay({ bits: [1, 0, 0, 1] }))).toBe('#.../.#../..../....');
    expect(await lit(overlay({ bits: [1, 1, 1, 1], origin: [2, 3] }))).toBe('..../..##/..##/....');
  });

  test('may begin outside of the image, and end there', async () => {
    expect(await lit(overlay({ bits: [0, 1, 1, 1], origin: [0, 0xffff] }))).toBe('..../..../..../....');
    expect(await lit(overlay({ bits: [0, 1, 1, 1], origin: [0, 0] }))).toBe('#.../..../..../....');
    expect(await lit(overlay({ bits: [1, 1, 1, 1], origin: [4, 4] }))).toBe('..../..../..../...#');
  });

  test('stand in sixteen groups; regions of interest are not drawn', async () => {
    const first = overlay({ bits: [1, 0, 0, 0] });
    const last = overlay({ group: 0x601e, bits: [1, 0, 0, 0], origin: [4, 4] });
    expect(await lit([...first, ...last])).toBe('#.../..../..../...#');
    expect(await lit(overlay({ type: 'R', bits: [1, 1, 1, 1] }))).toBe('..../..../..../....');
  });

  test('of several frames begin at one of the image, each within a byte of the one before (PS3.3 C.9.3)', async () => {
    const frames = [element(0x60000015, 'IS', '2'), element(0x60000051, 'US', us(2))];
    const more = overlay({ rows: 1, columns: 3, more: frames, bits: [1, 0, 0, 0, 0, 1] });
    expect(await lit(more, 1, 3)).toBe('..../..../..../....');
    expect(await lit(more, 2, 3)).toBe('#.../..../..../....');
    expect(await lit(more, 3, 3)).toBe('..#./..../..../....');
  });

  test('of one frame are of all frames of the image', async () => {
    expect(await lit(overlay({ bits: [1, 0, 0, 0] }), 2, 2)).toBe('#.../..../..../....');
  });

  test('in a bit that the samples do not use', async () => {
    const more = [
      element(Tags.WindowCenter, 'DS', '2048'),
      element(Tags.WindowWidth, 'DS', '4096'),
      ...overlay({
        rows: 1,
        columns: 3,
        more: [element(0x60000100, 'US', us(16)), element(0x60000102, 'US', us(12))],
      }),
    ];
    const pixels = [0, 0x1000, 0x2800];
    expect(await levelsOf({ allocated: 16, stored: 12, pixels, more })).toEqual([0, 255, 128]);
  });

  test('big endian ones are words that are turned round', async () => {
    const tag = (number: number): number => 0x60000000 + number;
    const more = [
      element(tag(0x0010), 'US', us(1, EBE), EBE),
      element(tag(0x0011), 'US', us(16, EBE), EBE),
      element(tag(0x0040), 'CS', 'G', EBE),
      element(tag(0x3000), 'OW', Buffer.from([0x80, 0x01]), EBE),
    ];
    const pixels = Buffer.alloc(16);
    const image = await imageOf({ syntax: EBE, columns: 16, pixels, more });
    const levels = await decoded((await pictureOf(image)).bytes);
    expect(levels.map((level) => Number(level === 255))).toEqual([
      1,
      ...Array.from({ length: 14 }, () => 0),
      1,
    ]);
  });

  test('with fewer bits than pixels are malformed', async () => {
    const image = await imageOf({ ...sixteen, more: overlay({ rows: 5, columns: 5, bits: [1] }) });
    await expect(image.looks.of(1)).rejects.toMatchObject({ code: 'malformed-dataset' });
  });

  test('of more pixels than are read are refused, whatever stands there', async () => {
    const image = await imageOf({ ...sixteen, more: overlay({ rows: 65_535, columns: 65_535, bits: [1] }) });
    await expect(image.looks.of(1)).rejects.toMatchObject({ code: 'not-acceptable' });
  });
});

describe('shutters (PS3.3 C.7.6.11)', () => {
  const white = { rows: 5, columns: 5, pixels: Array.from({ length: 25 }, (_, at) => (at === 0 ? 0 : 255)) };
  const open = async (...more: readonly Buffer[]): Promise<string> =>
    (await levelsOf({ ...white, more }))
      .map((level) => (level === 255 ? '#' : '.'))
      .join('')
      .replace(/(.{5})(?!$)/g, '$1/');
  const rectangle = [
    element(Tags.ShutterLeftVerticalEdge, 'IS', '1'),
    element(Tags.ShutterRightVerticalEdge, 'IS', '5'),
    element(Tags.ShutterUpperHorizontalEdge, 'IS', '2'),
    element(Tags.ShutterLowerHorizontalEdge, 'IS', '5'),
  ];
  const circle = [
    element(Tags.CenterOfCircularShutter, 'IS', '3\\3'),
    element(Tags.RadiusOfCircularShutter, 'IS', '1'),
  ];
  const shape = (value: string): Buffer => element(Tags.ShutterShape, 'CS', value);

  test('show what is between their edges, in a circle, or in a polygon', async () => {
    expect(await open(shape('RECTANGULAR'), ...rectangle)).toBe('...../...../.###./.###./.....');
    expect(await open(shape('CIRCULAR'), ...circle)).toBe('...../..#../.###./..#../.....');
    const vertices = element(Tags.VerticesOfThePolygonalShutter, 'IS', '1\\1\\1\\5\\5\\5');
    expect(await open(shape('POLYGONAL'), vertices)).toMatch(/^.####\/.####\/..###\/...##\/.....$/);
  });

  test('together show what all of them show; one that is not whole shows all', async () => {
    expect(await open(shape('RECTANGULAR\\CIRCULAR'), ...rectangle, ...circle)).toBe(
      '...../...../.###./..#../.....',
    );
    expect(await open(shape('CIRCULAR'))).toBe('.####/#####/#####/#####/#####');
  });

  test('are of each shape one, however often it is named, and are read once for all frames', async () => {
    const vertices = element(Tags.VerticesOfThePolygonalShutter, 'IS', '1\\1\\1\\5\\5\\5');
    const shapes = shape(Array<string>(1000).fill('POLYGONAL').join('\\'));
    const { looks } = await imageOf({ ...white, more: [shapes, vertices] });
    const [first, second] = [await looks.of(1), await looks.of(1)];
    expect(first.shutters).toHaveLength(1);
    expect(second.shutters).toBe(first.shutters);
  });
});
