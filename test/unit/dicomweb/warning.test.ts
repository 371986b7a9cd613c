import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatWarning } from '../../../src/dicomweb/index.js';

test('H-15: a warning has the form of RFC 7234 with the text of PS3.18', () => {
  expect(formatWarning('pacs.example:8080', 'There are 5 additional results that can be requested')).toBe(
    '299 pacs.example:8080 "There are 5 additional results that can be requested"',
  );
  expect(formatWarning('[::1]:8080', 'x')).toBe('299 [::1]:8080 "x"');
});

test('H-15: quotes are escaped and what could break out of the header is replaced', () => {
  expect(formatWarning('h', 'a "b" \\c')).toBe('299 h "a \\"b\\" \\\\c"');
  expect(formatWarning('h\r\nX: y', 'a\r\nSet-Cookie: b\u00e9')).toBe('299 hX:y "a??Set-Cookie: b?"');
  expect(formatWarning('', 'x')).toBe('299 - "x"');
});

test('H-15: whatever goes in, one printable line of bounded length with one quoted text comes out', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary', maxLength: 2_000 }),
      (host, text) => {
        const header = formatWarning(host, text);
        expect(header).toMatch(/^299 [\w.:[\]-]+ "(?:[ !#-[\]-~]|\\["\\])*"$/);
        expect(header.length).toBeLessThan(1_600);
      },
    ),
    { numRuns: 200 },
  );
});
