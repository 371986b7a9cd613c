import { describe, expect, test } from '@jest/globals';
import { formatAeAddress, isAeTitle, parseAeAddress, parseHostPort } from '../../../src/core/index.js';

describe('AE addresses', () => {
  test.each([
    ['ORTHANC@127.0.0.1:4242', { aeTitle: 'ORTHANC', host: '127.0.0.1', port: 4242 }],
    ['MY PACS@pacs.example:104', { aeTitle: 'MY PACS', host: 'pacs.example', port: 104 }],
    ['AE@[::1]:104', { aeTitle: 'AE', host: '::1', port: 104 }],
    ['A@B@host:1', { aeTitle: 'A@B', host: 'host', port: 1 }],
  ])('%s is read and written back', (text, address) => {
    expect(parseAeAddress(text)).toEqual(address);
    expect(formatAeAddress(address)).toBe(text);
  });

  test.each([
    '',
    'host:104',
    '@host:104',
    'A@host',
    'A@host:0x50',
    'A@host:70000',
    'SEVENTEEN-LETTERS@h:1',
    'A@::1:104',
  ])('"%s" is refused in words', (text) => {
    expect(() => parseAeAddress(text)).toThrow(/is not/);
  });

  test('an AE title has 1 to 16 characters, not only spaces, no backslash', () => {
    expect(['A', 'A'.repeat(16), 'A B'].every(isAeTitle)).toBe(true);
    expect(['', ' ', 'A\\B', 'A'.repeat(17), 'Ä', 'A\n'].some(isAeTitle)).toBe(false);
  });

  test('host:port alone is read for listeners', () => {
    expect(parseHostPort('0.0.0.0:8080')).toEqual({ host: '0.0.0.0', port: 8080 });
  });
});
