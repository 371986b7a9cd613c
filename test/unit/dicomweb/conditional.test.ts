import { describe, expect, test } from '@jest/globals';
import { noneMatchNames, parseRange, rangeApplies } from '../../../src/dicomweb/index.js';

describe('If-None-Match', () => {
  test.each([
    ['"a"', true],
    ['W/"a"', true],
    ['*', true],
    [' "x" , "a"', true],
    [',, "a",', true],
    ['"x,y", "a"', true],
    ['"b"', false],
    ['"A"', false],
    ['a', false],
    ['', false],
    ['w/"a"', false],
    ['"a" "b"', false],
    ['"a', false],
    ['"x","a" y', false],
    ['"x,"a","', false],
    ['*, "a"', false],
    [undefined, false],
  ])('%p names "a": %p', (header, expected) => {
    expect(noneMatchNames(header, '"a"')).toBe(expected);
  });

  test('a hostile list is read in linear time', () => {
    const started = performance.now();
    expect(noneMatchNames(`"a"${',    '.repeat(6000)}x`, '"a"')).toBe(false);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

test.each([
  [undefined, '"a"', true],
  [undefined, undefined, true],
  ['"a"', '"a"', true],
  ['W/"a"', '"a"', false],
  ['W/"a"', 'W/"a"', false],
  ['"b"', '"a"', false],
  ['"a"', undefined, false],
  ['Wed, 21 Oct 2015 07:28:00 GMT', '"a"', false],
])('If-Range %p lets a range of a body tagged %p be sent: %p', (header, etag, expected) => {
  expect(rangeApplies(header, etag)).toBe(expected);
});

describe('Range of a body of 100 bytes', () => {
  test.each([
    ['bytes=0-0', 0, 1],
    ['bytes=10-19', 10, 20],
    ['Bytes=90-', 90, 100],
    ['bytes=-1', 99, 100],
    ['bytes=-1000', 0, 100],
    ['bytes=50-99999999999999999999999', 50, 100],
    ['bytes=0-9,10-19', 0, 20],
    ['bytes=30-39, 10-35', 10, 40],
    ['bytes=5-6,200-300', 5, 7],
    ['bytes= , 1-2 ,', 1, 3],
  ])('%p is one span', (header, start, end) => {
    expect(parseRange(header, 100)).toEqual({ start, end });
  });

  test.each(['bytes=100-', 'bytes=100-200', 'bytes=-0', 'bytes=500-600,700-'])(
    '%p cannot be satisfied',
    (header) => {
      expect(parseRange(header, 100)).toBe('unsatisfiable');
    },
  );

  test.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=9-5',
    'bytes=900-500',
    'bytes=1-2,x',
    'bytes=--1',
    'bytes=1.5-2',
    'bytes=1 - 2',
    'items=0-1',
    'bytes=0-1,50-51',
    `bytes=${'0-1,'.repeat(17)}`,
  ])('%p is answered with the whole body', (header) => {
    expect(parseRange(header, 100)).toBeUndefined();
  });

  test('of an empty body nothing can be satisfied', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
  });
});
