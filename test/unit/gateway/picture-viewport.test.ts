import { describe, expect, test } from '@jest/globals';
import type { Viewport } from '../../../src/dicomweb/index.js';
import { placeViewport, shrunkTo } from '../../../src/gateway/picture-viewport.js';
import { codeOf } from '../dicomweb/code-of.js';

const size = { rows: 100, columns: 200 };
const whole = { x: 0, y: 0, width: 200, height: 100 };
const place = (viewport: Viewport | undefined, most = 4096): unknown => placeViewport(viewport, size, most);

describe('a viewport on an image', () => {
  test('W-53: without one the image is as it is', () => {
    expect(place(undefined)).toBeUndefined();
  });

  test.each<[string, Viewport, object]>([
    ['a box around the whole', { width: 50, height: 60 }, { width: 50, height: 60, source: whole }],
    ['rows alone', { height: 50 }, { height: 50, mostSide: 4096, source: whole }],
    ['columns alone', { width: 50 }, { width: 50, mostSide: 4096, source: whole }],
    [
      'a region to the edges',
      { width: 10, height: 10, region: { unit: 'pixels', x: 50, y: 20 } },
      { width: 10, height: 10, source: { x: 50, y: 20, width: 150, height: 80 } },
    ],
    [
      'a region that goes over the edges',
      { width: 10, height: 10, region: { unit: 'pixels', x: 190, y: 90, width: 50, height: 50 } },
      { width: 10, height: 10, source: { x: 190, y: 90, width: 10, height: 10 } },
    ],
    [
      'a region in fractions, in its own size',
      { region: { unit: 'fractions', x: 0.25, y: 0.5, width: 0.5, height: 0.5 } },
      { source: { x: 50, y: 50, width: 100, height: 50 } },
    ],
    [
      'a region in fractions, with columns alone',
      { width: 20, region: { unit: 'fractions', x: 0, y: 0, width: 0.1, height: 1 } },
      { width: 20, mostSide: 4096, source: { x: 0, y: 0, width: 20, height: 100 } },
    ],
  ])('W-53, U-07, U-09: %s', (_what, viewport, placed) => {
    expect(place(viewport)).toEqual({ flipHorizontal: false, flipVertical: false, ...placed });
  });

  test('W-53: flipped', () => {
    expect(place({ width: 5, height: 5, flipX: true, flipY: true })).toMatchObject({
      flipHorizontal: true,
      flipVertical: true,
    });
  });

  test.each<Viewport>([
    { width: 10, height: 10, region: { unit: 'pixels', x: 200, y: 0 } },
    { width: 10, height: 10, region: { unit: 'pixels', x: 0, y: 100, width: 10, height: 10 } },
  ])('W-53: a region outside of the image is refused', (viewport) => {
    expect(codeOf(() => place(viewport))).toBe('bad-request');
  });

  test('W-53: a picture larger than is supported is refused', () => {
    expect(place({ width: 100, height: 100 }, 100)).toBeDefined();
    expect(codeOf(() => place({ width: 101, height: 100 }, 100))).toBe('bad-request');
    expect(codeOf(() => place({ height: 101 }, 100))).toBe('bad-request');
    expect(codeOf(() => place({ region: { unit: 'pixels', x: 0, y: 0 } }, 100))).toBe('bad-request');
  });

  test('a thumbnail is never larger than its image', () => {
    expect(shrunkTo(128, { rows: 64, columns: 512 })).toEqual({ width: 128, height: 64 });
    expect(shrunkTo(128, { rows: 8, columns: 9 })).toEqual({ width: 9, height: 8 });
  });
});
