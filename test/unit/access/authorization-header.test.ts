import { describe, expect, test } from '@jest/globals';
import { parseAuthorization } from '../../../src/access/authorization-header.js';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('an Authorization header', () => {
  test.each([
    ['Bearer abc.def-_~+/=', { scheme: 'bearer', token: 'abc.def-_~+/=' }],
    ['bearer   abc', { scheme: 'bearer', token: 'abc' }],
    [basic('anna:se:cret'), { scheme: 'basic', user: 'anna', password: 'se:cret' }],
    [basic('jörg:pässword'), { scheme: 'basic', user: 'jörg', password: 'pässword' }],
    [basic('nocolon'), { scheme: 'other' }],
    ['Bearer', { scheme: 'other' }],
    ['Bearer a b', { scheme: 'other' }],
    ['Bearer "a"', { scheme: 'other' }],
    ['Negotiate abc', { scheme: 'other' }],
    ['', { scheme: 'other' }],
  ])('%s', (header, expected) => {
    expect(parseAuthorization([header])).toEqual(expected);
  });

  test('that is missing says nothing', () => {
    expect(parseAuthorization([])).toBeUndefined();
  });

  test('that comes twice is refused, whatever it says', () => {
    expect(() => parseAuthorization(['Bearer a', 'Bearer a'])).toThrow('more than one Authorization header');
  });
});
