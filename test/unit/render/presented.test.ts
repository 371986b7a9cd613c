import { describe, expect, test } from '@jest/globals';
import { Tags } from '../../../src/dicom/index.js';
import { presentedLooks, readPresentationState, type PictureRequest } from '../../../src/render/index.js';
import {
  annotations,
  area,
  CSPS,
  figure,
  floats,
  referred,
  shorts,
  stateAttributes,
  window,
} from '../../helpers/presentation-states.js';
import { encodeAttributes, type Attributes } from '../../helpers/rogue-peer.js';
import { element, ELE, sourceOf } from '../dicom/dataset-bytes.js';
import { decoded, imageOf, pictureOf, type ImageOptions } from './images.js';

const one = { seriesInstanceUid: '1.2.3', sopInstanceUid: '1.2.3.4' };
const read = (more: Attributes): ReturnType<typeof readPresentationState> => {
  const source = sourceOf(encodeAttributes(stateAttributes([one], more), 'explicit'));
  return readPresentationState({ source, stored: ELE });
};

interface Shown {
  readonly width: number;
  readonly height: number;
  readonly levels: readonly number[];
}

async function shown(
  options: ImageOptions,
  more: Attributes,
  request: Partial<PictureRequest> = {},
  frame = 1,
): Promise<Shown> {
  const image = await imageOf(options);
  const looks = presentedLooks(image.looks, await read(more), { ...one, index: image.index });
  const { bytes, width, height } = await pictureOf(image, request, frame, await looks.of(frame));
  return { width, height, levels: await decoded(bytes) };
}
const levels = async (options: ImageOptions, more: Attributes): Promise<readonly number[]> =>
  (await shown(options, more)).levels;

/** Rows of `.` for what is black and `#` for what is white. */
async function drawn(more: Attributes, size = 9, request: Partial<PictureRequest> = {}): Promise<string> {
  const pixels = Array.from({ length: size * size }, () => 0);
  const { levels: all, width } = await shown({ rows: size, pixels }, more, request);
  const text = all.map((level) => (level > 127 ? '#' : '.')).join('');
  return (text.match(new RegExp(`.{${width}}`, 'g')) ?? []).join('/');
}

const ramp = [0, 50, 100, 150, 200, 250];
/** 1 2 3 over 4 5 6, in tens. */
const six: ImageOptions = { rows: 2, pixels: [10, 20, 30, 40, 50, 60] };
const lut = (tag: string, entries: readonly number[], first = 0): Attributes => ({
  [`${tag}:SQ`]: [{ '00283002:US': shorts(entries.length, first, 8), '00283006:OW': shorts(...entries) }],
});

describe('grey levels under a presentation state (PS3.4 N.2)', () => {
  const own = [
    element(Tags.WindowCenter, 'DS', '10'),
    element(Tags.WindowWidth, 'DS', '2'),
    element(Tags.RescaleIntercept, 'DS', '-1000'),
    element(Tags.RescaleSlope, 'DS', '3'),
  ];

  test('what the state does not say is no transformation, whatever the image says', async () => {
    expect(await levels({ pixels: ramp, more: own }, {})).toEqual(ramp);
    // All that there might be, not what there is: 12 bits from black to white.
    expect(await levels({ allocated: 16, stored: 12, pixels: [0, 2048, 4095] }, {})).toEqual([0, 128, 255]);
    expect(await levels({ pixels: ramp, photometric: 'MONOCHROME1' }, {})).toEqual(ramp);
  });

  test('modality LUT, window and shape are those of the state', async () => {
    const rescale = { '00281052:DS': '-100', '00281053:DS': '2', '00281054:LO': 'US' };
    const exact = window(100, 200, { '00281056:CS': 'LINEAR_EXACT' });
    // 2 x - 100, and of that 0 to 200.
    expect(await levels({ pixels: ramp, more: own }, { ...rescale, ...exact })).toEqual([
      0, 0, 128, 255, 255, 255,
    ]);
    expect(await levels({ pixels: ramp }, { '20500020:CS': 'INVERSE' })).toEqual(ramp.map((x) => 255 - x));
  });

  test('tables of all three stages follow one another', async () => {
    const tables = {
      ...lut('00283000', [3, 2, 1, 0]),
      '00283110:SQ': [lut('00283010', [0, 255, 128, 64])],
      ...lut(
        '20500010',
        Array.from({ length: 256 }, (_, at) => 255 - at),
      ),
    };
    expect(await levels({ pixels: [0, 1, 2, 3] }, tables)).toEqual([191, 127, 0, 255]);
  });

  test('a window is for the images and frames that it names', async () => {
    const named = (frames: string, center: string): Attributes => ({
      '00081140:SQ': referred({ ...one, frames }),
      '00281050:DS': center,
      '00281051:DS': '1',
    });
    const other = {
      '00081140:SQ': referred({ sopInstanceUid: '1.9' }),
      '00281050:DS': '0',
      '00281051:DS': '1',
    };
    const more = { '00283110:SQ': [other, named('1', '100'), named('2', '200')] };
    const frames = { frames: 2, pixels: [...ramp, ...ramp] };
    expect((await shown(frames, more, {}, 1)).levels).toEqual([0, 0, 255, 255, 255, 255]);
    expect((await shown(frames, more, {}, 2)).levels).toEqual([0, 0, 0, 0, 255, 255]);
  });

  test('shutters are those of the state, and its overlays are on a layer', async () => {
    const closed = {
      '00181600:CS': 'RECTANGULAR',
      '00181602:IS': '1',
      '00181604:IS': '4',
      '00181606:IS': '0',
      '00181608:IS': '3',
      '00181622:US': 0,
    };
    expect(await levels(six, closed)).toEqual([0, 20, 30, 0, 50, 60]);
    const overlay = {
      '60000010:US': 1,
      '60000011:US': 3,
      '60000040:CS': 'G',
      '60000050:SS': shorts(2, 1),
      '60003000:OW': shorts(0b101),
    };
    expect(await levels(six, overlay)).toEqual([10, 20, 30, 40, 50, 60]);
    expect(await levels(six, { ...overlay, '60001001:CS': 'ONE' })).toEqual([10, 20, 30, 255, 50, 255]);
  });

  test('an overlay of the image is seen only if the state puts it on a layer', async () => {
    const more = [
      element(0x60000010, 'US', shorts(1)),
      element(0x60000011, 'US', shorts(3)),
      element(0x60000040, 'CS', 'G'),
      element(0x60000050, 'SS', shorts(1, 1)),
      element(0x60003000, 'OW', shorts(0b010)),
    ];
    expect(await levels({ ...six, more }, {})).toEqual([10, 20, 30, 40, 50, 60]);
    expect(await levels({ ...six, more }, { '60001001:CS': 'ONE' })).toEqual([10, 255, 30, 40, 50, 60]);
  });
});

describe('colours', () => {
  const colours = { samples: 3, pixels: [1, 2, 3, 4, 5, 6] };

  test('a color state turns colours, and each kind is for its own images', async () => {
    const { levels: turned } = await shown(colours, { SOPClassUID: CSPS, '00700041:CS': 'Y' });
    expect(turned).toEqual([4, 5, 6, 1, 2, 3]);
    await expect(levels(colours, {})).rejects.toMatchObject({ code: 'not-acceptable' });
    await expect(levels(six, { SOPClassUID: CSPS })).rejects.toMatchObject({ code: 'not-acceptable' });
  });
});

describe('displayed area and spatial transformation (PS3.3 C.10.4, C.10.6)', () => {
  test.each([
    [0, 'N', [10, 20, 30, 40, 50, 60], 3],
    [0, 'Y', [30, 20, 10, 60, 50, 40], 3],
    [90, 'N', [40, 10, 50, 20, 60, 30], 2],
    // Turned first, and then flipped.
    [90, 'Y', [10, 40, 20, 50, 30, 60], 2],
    [180, 'N', [60, 50, 40, 30, 20, 10], 3],
    [270, 'N', [30, 60, 20, 50, 10, 40], 2],
    [270, 'Y', [60, 30, 50, 20, 40, 10], 2],
  ])('turned by %d, flipped: %s', async (rotation, flip, expected, width) => {
    const picture = await shown(six, { '00700042:US': rotation, '00700041:CS': flip });
    expect(picture).toEqual({ width, height: 6 / width, levels: expected });
  });

  test('an area is cut out, and is black where there is no image', async () => {
    expect(await shown(six, area([2, 1], [3, 2]))).toMatchObject({ width: 2, levels: [20, 30, 50, 60] });
    const beyond = await shown(six, area([0, 2], [4, 3]));
    expect(beyond).toEqual({ width: 5, height: 2, levels: [0, 40, 50, 60, 0, 0, 0, 0, 0, 0] });
    expect(await shown(six, area([8, 8], [9, 9]))).toMatchObject({ levels: [0, 0, 0, 0] });
  });

  test('the corners of an area are those that are seen when it has been turned', async () => {
    const more = { ...area([3, 2], [2, 1]), '00700042:US': 180 };
    expect(await shown(six, more)).toMatchObject({ width: 2, levels: [60, 50, 30, 20] });
  });

  test('a viewport is filled as far as the proportions let it, turned', async () => {
    const request = { viewport: { width: 40, height: 30 } };
    expect(await shown(six, {}, request)).toMatchObject({ width: 40, height: 27 });
    expect(await shown(six, { '00700042:US': 90 }, request)).toMatchObject({ width: 20, height: 30 });
    const wide = area([1, 1], [3, 2], { '00700102:IS': '1\\2' });
    expect(await shown(six, wide, request)).toMatchObject({ width: 40, height: 13 });
  });

  test('an area of more pixels than are made is refused, and so are turns that are no quarters', async () => {
    const huge = area([-2_000_000_000, 1], [2_000_000_000, 2_000_000_000]);
    await expect(shown(six, huge)).rejects.toMatchObject({ code: 'not-acceptable' });
    await expect(shown(six, { '00700042:US': 45 })).rejects.toMatchObject({ code: 'malformed-dataset' });
  });
});

describe('graphic annotations (PS3.3 C.10.5)', () => {
  test.each([
    [
      'a point',
      figure('POINT', [4.5, 4.5]),
      '........./....#..../....#..../....#..../.#######./....#..../....#..../....#..../.........',
    ],
    [
      'a line',
      figure('POLYLINE', [1.5, 1.5, 7.5, 1.5, 7.5, 3.5]),
      '........./.#######./.......#./.......#./........./........./........./........./.........',
    ],
    [
      'a line in parts of the display',
      figure('POLYLINE', [0, 0.5, 1, 0.5], { '00700005:CS': 'DISPLAY' }),
      '........./........./........./........./#########/........./........./........./.........',
    ],
    [
      'a filled area',
      figure('POLYLINE', [2.5, 2.5, 5.5, 2.5, 5.5, 4.5, 2.5, 4.5, 2.5, 2.5], { '00700024:CS': 'Y' }),
      '........./........./..####.../..####.../..####.../........./........./........./.........',
    ],
    [
      'a circle',
      figure('CIRCLE', [4.5, 4.5, 6.5, 4.5]),
      '........./........./...###.../..##.##../..#...#../..##.##../...###.../........./.........',
    ],
    [
      'an ellipse',
      figure('ELLIPSE', [1.5, 4.5, 7.5, 4.5, 4.5, 2.5, 4.5, 6.5]),
      '........./........./..#####../.##...##./.#.....#./.##...##./..#####../........./.........',
    ],
    [
      'a curve',
      figure('INTERPOLATED', [1.5, 4.5, 4.5, 1.5, 7.5, 4.5]),
      '........./...###.../..##.##../..#...#../.#.....#./........./........./........./.........',
    ],
  ])('%s', async (_name, item, expected) => {
    const picture = await drawn(annotations(item));
    expect(picture).toBe(expected);
  });

  test('they turn with the image, and lie where the displayed area puts them', async () => {
    const line = annotations(figure('POLYLINE', [1.5, 1.5, 3.5, 1.5]));
    expect(await drawn({ ...line, '00700042:US': 90 }, 5)).toBe('...../...#./...#./...#./.....');
    expect(await drawn({ ...line, ...area([2, 2], [5, 5]) }, 5)).toBe('###./..../..../....');
  });

  test('a text is in its box, and one beside an anchor is tied to it', async () => {
    const text = (more: Attributes): Attributes =>
      annotations({ '00700008:SQ': [{ '00700006:ST': 'I', ...more }] });
    const box = {
      '00700003:CS': 'DISPLAY',
      '00700010:FL': floats(0.5, 0),
      '00700011:FL': floats(1, 1),
      '00700012:CS': 'LEFT',
    };
    const right = await drawn(text(box), 20);
    expect(right.split('/').every((row) => row.startsWith('.'.repeat(10)))).toBe(true);
    expect(right).toContain('###');
    const anchor = { '00700004:CS': 'PIXEL', '00700014:FL': floats(1.5, 18.5), '00700015:CS': 'Y' };
    const tied = await drawn(text({ ...box, ...anchor }), 20);
    expect(tied.split('/')[18]?.slice(0, 3)).toContain('#');
    await expect(drawn(text(box), 5)).rejects.toMatchObject({ code: 'not-acceptable' });
  });

  test('what is for another image is not drawn', async () => {
    const item = { ...figure('POINT', [2, 2]), '00081140:SQ': referred({ sopInstanceUid: '1.9' }) };
    expect(await drawn(annotations(item), 5)).not.toContain('#');
  });

  test('points far outside cost nothing', async () => {
    const line = figure('POLYLINE', [-1e30, 2.5, 1e30, 2.5]);
    expect(await drawn(annotations(line), 5)).toBe('...../...../#####/...../.....');
  });

  test('what is not drawn is told; what lacks its points is malformed', async () => {
    const { warnings } = await read(annotations(figure('POINT', [1, 1], { '00700005:CS': 'MATRIX' })));
    expect(warnings).toEqual(['1 graphics of the state are not drawn.']);
    expect((await read({ '00181600:CS': 'BITMAP' })).warnings).toHaveLength(1);
    await expect(read(annotations(figure('ELLIPSE', [1, 1])))).rejects.toMatchObject({
      code: 'malformed-dataset',
    });
  });
});

describe('bounds', () => {
  test('a state of more than is read, or of more points than are drawn, is refused', async () => {
    const many = Array.from({ length: 16_000 }, () => 1);
    const long = figure('POLYLINE', [...many]);
    const items = Array.from({ length: 6 }, () => long);
    await expect(read({ '00700001:SQ': items })).resolves.toBeDefined();
    await expect(read({ '00700001:SQ': [...items, long] })).rejects.toMatchObject({
      code: 'not-acceptable',
    });
    const empty = Array.from({ length: 40_000 }, () => ({}));
    await expect(read({ '00700001:SQ': empty })).rejects.toMatchObject({ code: 'not-acceptable' });
  });

  test('a mask that would be subtracted is not left out', async () => {
    await expect(read({ '00286100:SQ': [{}] })).rejects.toMatchObject({ code: 'not-implemented' });
  });

  test('a state of no images is malformed', async () => {
    await expect(read({ '00081115:SQ': [] })).rejects.toMatchObject({ code: 'malformed-dataset' });
  });
});
