import { describe, expect, test } from '@jest/globals';
import { networkTest } from '../../../src/http/client-networks.js';

describe('addresses in networks', () => {
  test('anybody is in no list, nobody without an address is in one', () => {
    expect(networkTest(undefined)(undefined)).toBe(true);
    for (const address of [undefined, '', 'unknown', '10.0.0.1, 10.0.0.2'])
      expect(networkTest(['0.0.0.0/0', '::/0'])(address)).toBe(false);
  });

  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.255.0.1', true],
    ['10.0.0.0/8', '::ffff:11.0.0.1', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['2001:db8::/32', '2001:db8:1::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['0.0.0.0/0', '::1', false],
    ['192.0.2.7', '192.0.2.7:50123', true],
    ['192.0.2.7', '192.0.2.8:50123', false],
  ])('%s has %s: %s', (network, address, expected) => {
    expect(networkTest([network])(address)).toBe(expected);
  });
});
