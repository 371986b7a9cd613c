import { describe, expect, test } from '@jest/globals';
import { parseRendered, parseThumbnail } from '../../../src/dicomweb/index.js';
import { codeOf } from './code-of.js';

const picture = (query: string): unknown => parseRendered(query).picture;

describe('parameters of rendered resources', () => {
  test('none ask for the picture as it is', () => {
    expect(parseRendered('')).toEqual({ picture: {}, warnings: [] });
    expect(parseRendered('accept=image/png&charset=utf-8')).toEqual({ picture: {}, warnings: [] });
  });

  test.each([
    ['40,400,linear', { center: 40, width: 400, shape: 'linear' }],
    ['-600.5,1500,linear-exact', { center: -600.5, width: 1500, shape: 'linear-exact' }],
    ['%2B1e3,.5,sigmoid', { center: 1000, width: 0.5, shape: 'sigmoid' }],
    ['+40,1,linear', { center: 40, width: 1, shape: 'linear' }],
    ['40%2C400%2Clinear', { center: 40, width: 400, shape: 'linear' }],
  ])('W-54: window=%s', (value, window) => {
    expect(picture(`window=${value}`)).toEqual({ window });
  });

  test.each([
    '',
    '40',
    '40,400',
    '40,,linear',
    ',400,linear',
    '40,400,',
    '40,400,linear,1',
    '40,400,LINEAR',
    '40,400,cubic',
    'a,400,linear',
    '40,4OO,linear',
    '40,0,linear',
    '40,0.5,linear',
    '40,-1,linear',
    '40,0,linear-exact',
    '40,-2,sigmoid',
    'NaN,400,linear',
    'Infinity,400,linear',
    '0x10,400,linear',
    '1e400,400,linear',
    '40, 400,linear',
  ])('W-54: window=%s is refused', (value) => {
    expect(codeOf(() => parseRendered(`window=${value}`))).toBe('bad-request');
  });

  test.each([
    ['512,256', { width: 512, height: 256 }],
    ['1,65535', { width: 1, height: 65535 }],
    ['512,512,,,,', { width: 512, height: 512 }],
    [
      '512,512,,,512,512',
      {
        width: 512,
        height: 512,
        region: { unit: 'pixels', x: 0, y: 0, width: 512, height: 512 },
        flipX: false,
        flipY: false,
      },
    ],
    [
      '64,64,10.5,-20,-30,40',
      {
        width: 64,
        height: 64,
        region: { unit: 'pixels', x: 10.5, y: 20, width: 30, height: 40 },
        flipX: true,
        flipY: false,
      },
    ],
    [
      '64,64,10',
      {
        width: 64,
        height: 64,
        region: { unit: 'pixels', x: 10, y: 0 },
        flipX: false,
        flipY: false,
      },
    ],
    [
      '64,64,,,,-7',
      {
        width: 64,
        height: 64,
        region: { unit: 'pixels', x: 0, y: 0, height: 7 },
        flipX: false,
        flipY: true,
      },
    ],
  ])('W-53: viewport=%s', (value, viewport) => {
    expect(picture(`viewport=${value}`)).toEqual({ viewport });
  });

  test.each([
    '',
    '512',
    '512,',
    ',512',
    '0,512',
    '512,0',
    '-1,512',
    '512.5,512',
    '65536,1',
    '+512,512',
    '512,512,a',
    '512,512,,,0,',
    '512,512,,,,0',
    '512,512,0,0,1,1,1',
    '512,512,,,1,1,',
    '512x512',
  ])('W-53: viewport=%s is refused', (value) => {
    expect(codeOf(() => parseRendered(`viewport=${value}`))).toBe('bad-request');
  });

  test.each([
    ['1', 1],
    ['90', 90],
    ['100', 100],
  ])('W-52: quality=%s', (value, quality) => {
    expect(picture(`quality=${value}`)).toEqual({ quality });
  });

  test.each(['', '0', '101', '-1', '90.5', 'best', '1e2', '+90'])('W-52: quality=%s is refused', (value) => {
    expect(codeOf(() => parseRendered(`quality=${value}`))).toBe('bad-request');
  });

  test('W-51: what cannot be written into a picture is passed over with a warning', () => {
    expect(parseRendered('annotation=technique,patient')).toEqual({
      picture: { annotation: ['patient', 'technique'] },
      warnings: [],
    });
    expect(parseRendered('annotation=patient,ruler,logo')).toEqual({
      picture: { annotation: ['patient'] },
      warnings: ['The following annotation values are not supported: ruler, logo'],
    });
    expect(parseRendered('annotation=ruler').picture).toEqual({ annotation: [] });
  });

  test.each(['', ',', 'patient,', 'patient technique', 'pa%22tient', '1'])(
    'W-51: annotation=%s is refused',
    (value) => {
      expect(codeOf(() => parseRendered(`annotation=${value}`))).toBe('bad-request');
    },
  );

  test('W-55: the colours of the picture', () => {
    for (const iccProfile of ['no', 'yes', 'srgb', 'adobergb', 'rommrgb'])
      expect(picture(`iccprofile=${iccProfile}`)).toEqual({ iccProfile });
    for (const value of ['', 'sRGB', 'p3', 'yes,no'])
      expect(codeOf(() => parseRendered(`iccprofile=${value}`))).toBe('bad-request');
  });

  test('H-02: what is not known is passed over with a warning, by its name alone', () => {
    const { picture: plain, warnings } = parseRendered('Window=1,2,linear&_=173&quality=7');
    expect(plain).toEqual({ quality: 7 });
    expect(warnings).toEqual(['Parameters that are not known here were ignored: Window, _.']);
  });

  test('H-03: a parameter that stands there twice is refused', () => {
    for (const query of [
      'quality=1&quality=1',
      'window=1,2,linear&window=1,2,linear',
      'viewport=1,1&viewport=2,2',
    ])
      expect(codeOf(() => parseRendered(query))).toBe('bad-request');
  });
});

describe('parameters of thumbnails', () => {
  test('W-59: a viewport without a region', () => {
    expect(parseThumbnail('viewport=64,48&accept=image/jpeg&charset=utf-8')).toEqual({
      picture: { viewport: { width: 64, height: 48 } },
      warnings: [],
    });
    expect(parseThumbnail('t=1').warnings).toHaveLength(1);
  });

  test.each([
    'viewport=64,64,0,0,10,10',
    'viewport=64,64,',
    'viewport=64',
    'window=40,400,linear',
    'quality=80',
    'annotation=patient',
    'iccprofile=no',
  ])('W-53, W-59: %s is refused', (query) => {
    expect(codeOf(() => parseThumbnail(query))).toBe('bad-request');
  });
});
