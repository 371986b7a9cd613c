import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { heightsOf } from '../../../src/console/row-heights.js';
import { attributeRows } from '../../../src/console/attribute-rows.js';
import { searchQuery } from '../../../src/console/search-query.js';
import { texts } from '../../../src/console/texts.js';
import { projectPath } from '../../helpers/markdown.js';

const directory = projectPath('src/console');
const sources = readdirSync(directory)
  .filter((name) => /\.tsx?$/.test(name) && name !== 'texts.ts')
  .map((name) => [name, readFileSync(join(directory, name), 'utf8')] as const);

describe('the texts of the page', () => {
  test.each(sources.filter(([name]) => name.endsWith('.tsx')))(
    'all of %s stand in one file',
    (_name, source) => {
      const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      const literal = [
        ...code.matchAll(
          /\b(?:title|aria-label|aria-description|placeholder|alt|label)="([^"]*[a-z][^"]*)"/g,
        ),
        ...code.matchAll(/<[a-z][^<>]*>\s*([A-Za-z][^<>{}=;()]*)<\/[a-z]/g),
      ];
      expect(literal.map(([, text]) => text)).toEqual([]);
    },
  );

  test('none of them is left over', () => {
    const code = sources.map(([, source]) => source).join('\n');
    const names = Object.entries(texts).flatMap(([name, value]) =>
      typeof value === 'string' || name === 'reasons' ? [name] : Object.keys(value),
    );
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([]);
  });
});

/** Relative luminance of `#rrggbb`. @see WCAG 2.2, relative luminance */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

describe('the colours of the page', () => {
  const css = readFileSync(join(directory, 'styles/base.css'), 'utf8');
  const colours = new Map(
    [...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name = '', ...both]) => [
      name,
      both,
    ]),
  );
  const pairs = [
    ...['text', 'faint', 'accent', 'bad', 'good', 'warn'].flatMap((text) =>
      ['ground', 'surface', 'sunk'].map((ground) => [text, ground] as const),
    ),
    ...['text', 'faint', 'bad'].map((text) => [text, 'bad-ground'] as const),
    ['good', 'good-ground'] as const,
    ['warn', 'warn-ground'] as const,
    ['on-accent', 'accent'] as const,
  ];

  test.each(pairs)('%s on %s can be read, light and dark (WCAG 2.2 1.4.3 AA)', (text, ground) => {
    for (const scheme of [0, 1]) {
      const of = (name: string): number => luminance(colours.get(name)?.[scheme] ?? '#808080');
      const [most = 0, least = 0] = [of(text), of(ground)].sort((a, b) => b - a);
      expect((most + 0.05) / (least + 0.05)).toBeGreaterThanOrEqual(4.5);
    }
  });
});

describe('rows of different heights', () => {
  test('begin where those before them end, and are found there', () => {
    const { topOf, indexAt } = heightsOf(
      { count: 5, rowHeight: 10 },
      new Map([
        [1, 35],
        [3, 4],
      ]),
    );
    expect([0, 1, 2, 3, 4, 5, 9].map(topOf)).toEqual([0, 10, 45, 55, 59, 69, 69]);
    expect([0, 9, 10, 44, 45, 58, 59, 500].map(indexAt)).toEqual([0, 0, 1, 1, 2, 3, 4, 5]);
  });
});

test('a value that is cut says so, and how long it is', () => {
  const row = {
    '00081030': { vr: 'LT', Value: ['x'.repeat(5000)] },
    '00420011': { vr: 'OB', InlineBinary: 'A'.repeat(4000) },
  };
  const values = attributeRows(row, {}).map(({ value }) => value);
  expect(values[0]).toMatch(/^x{2000}… \(the beginning of 5000 characters\)$/);
  expect(values[1]).toMatch(/^base64 A{2000}… \(the beginning of 4000 characters\)$/);
});

test('a single time is the whole of its minute (PS3.4 C.2.2.2.5)', () => {
  const query = searchQuery(new URLSearchParams({ fromTime: '09:30', untilTime: '09:30' }));
  expect(new URLSearchParams(query).get('StudyTime')).toBe('0930-0930');
});
