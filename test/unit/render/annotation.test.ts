import { describe, expect, test } from '@jest/globals';
import { glyphOf } from '../../../src/render/font.js';
import { decoded, imageOf, pictureOf, type ImageOptions } from './images.js';

const gray = (rows: number, columns: number): ImageOptions => ({
  rows,
  columns,
  pixels: Array.from({ length: rows * columns }, (_, at) => (at === 0 ? 0 : at === 1 ? 255 : 128)),
});

/** The picture as rows of points: # white, + black, . as it was. */
async function drawn(options: ImageOptions, annotation: readonly string[]): Promise<readonly string[]> {
  const { bytes, width, height } = await pictureOf(await imageOf(options), { annotation });
  const levels = await decoded(bytes);
  const row = (at: number): string =>
    levels
      .slice(at * width, (at + 1) * width)
      .map((level) => (level === 255 ? '#' : level === 0 ? '+' : '.'))
      .join('');
  return Array.from({ length: height }, (_, at) => row(at));
}

const points = (character: string): readonly string[] =>
  glyphOf(character).map((row) => row.toString(2).padStart(5, '0').replaceAll('0', '.').replaceAll('1', '#'));

describe('annotations (W-51)', () => {
  test('are drawn into the upper left, white with a black edge', async () => {
    const rows = await drawn(gray(20, 16), ['I']);
    // Two points from the edge, and three for marks above.
    expect(rows.slice(4, 14).map((row) => row.slice(1, 9))).toEqual([
      '.+++++..',
      '.+###+..',
      '.++#++..',
      '..+#+...',
      '..+#+...',
      '..+#+...',
      '.++#++..',
      '.+###+..',
      '.+++++..',
      '........',
    ]);
  });

  test('are larger in larger pictures', async () => {
    const white = async (size: number): Promise<number> =>
      (await drawn(gray(size, size), ['I'])).join('').replaceAll(/[^#]/g, '').length;
    // 11 points, and the one pixel of the image that is white lies outside of them.
    expect(await white(256)).toBe(11 + 1);
    expect(await white(512)).toBe(4 * 11 + 1);
  });

  test('that are too long go on in the next line', async () => {
    // Two characters in a row: the third stands below the first.
    const rows = await drawn(gray(40, 18), ['IIL']);
    expect(rows.slice(17, 24).map((row) => row.slice(2, 7).replaceAll(/[^#]/g, '.'))).toEqual(
      points('L').slice(3, 10),
    );
  });

  test('are refused where there is no room for all of them', async () => {
    const picture = pictureOf(await imageOf(gray(16, 16)), { annotation: ['one', 'two'] });
    await expect(picture).rejects.toMatchObject({ code: 'not-acceptable' });
  });
});

describe('the font', () => {
  test('has all of ASCII and Latin-1, and each looks like no other', () => {
    const codes = [
      ...Array.from({ length: 0x7f - 0x21 }, (_, at) => 0x21 + at),
      ...Array.from({ length: 0x100 - 0xa1 }, (_, at) => 0xa1 + at),
    ];
    const unknown = points('日').join();
    const seen = codes.map((code) => points(String.fromCodePoint(code)).join());
    expect(seen.filter((glyph) => glyph === unknown)).toEqual([]);
    // A soft hyphen is a short one; Đ and Ð have always looked alike.
    const alike = codes
      .filter((_, at) => seen.indexOf(seen[at] ?? '') !== at)
      .map((code) => String.fromCodePoint(code));
    expect(alike).toEqual([]);
  });

  test('puts marks above and below letters, also those that Unicode writes apart', () => {
    expect(points('é')).toEqual(points('e\u0301'));
    expect(points('Š').slice(3)).toEqual(points('S').slice(3));
    expect(points('Š').slice(0, 2)).toEqual(['.#.#.', '..#..']);
    expect(points('ç').slice(10)).toEqual(['..#..', '.##..']);
    expect(points('ï').slice(2, 5)).toEqual(['.....', '.#.#.', '.....']);
  });

  test('shows what it does not have as a box', () => {
    expect(points('日').slice(3, 10)).toEqual([
      '#####',
      '#...#',
      '#...#',
      '#...#',
      '#...#',
      '#...#',
      '#####',
    ]);
    expect(points('א')).toEqual(points('日'));
  });
});
