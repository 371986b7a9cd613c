import { describe, expect, test } from '@jest/globals';
import { isForeignWrite } from '../../../src/http/cors.js';
import { clientKey } from '../../../src/http/client-key.js';

const ORIGINS = ['https://viewer.example'];

describe('what a page has its browser write', () => {
  test.each<readonly [method: string, headers: Record<string, string>, isForeign: boolean]>([
    ['POST', {}, false],
    ['POST', { 'sec-fetch-site': 'same-origin', origin: 'https://gateway.example' }, false],
    ['POST', { 'sec-fetch-site': 'none' }, false],
    ['POST', { 'sec-fetch-site': 'cross-site', origin: 'https://viewer.example' }, false],
    ['POST', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, true],
    ['POST', { 'sec-fetch-site': 'cross-site', origin: 'null' }, true],
    ['POST', { 'sec-fetch-site': 'cross-site' }, true],
    ['DELETE', { 'sec-fetch-site': 'same-site', origin: 'https://other.example' }, true],
    ['GET', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, false],
  ])('%s with %j is foreign: %s', (method, headers, isForeign) => {
    expect(isForeignWrite(method, headers, ORIGINS)).toBe(isForeign);
  });
});

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['192.0.2.7:50123', '192.0.2.7'],
  ['[2001:db8:1:2::9]:50123', '2001:db8:1:2::/64'],
  ['[2001:db8:1:2::9]', '2001:db8:1:2::/64'],
  [undefined, 'unknown'],
])('%s is the client %s', (address, client) => {
  expect(clientKey(address)).toBe(client);
});
