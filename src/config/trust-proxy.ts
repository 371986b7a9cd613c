import type { Kind } from './kind.js';
import { isNetwork } from './network.js';

const NAMED = new Set(['loopback', 'linklocal', 'uniquelocal']);

const isProxy = (value: unknown): value is string =>
  (typeof value === 'string' && NAMED.has(value)) || isNetwork(value);

/**
 * Which proxies are believed, in Express's terms: none, a number of hops, or addresses.
 *
 * Express's `true` (believe anybody) is refused: whoever reaches the port could choose the URLs that are sent out.
 */
export const trustProxy: Kind<false | number | readonly string[]> = {
  takes:
    'the number of proxies in front, or a list of their addresses (10.0.0.0/8, 127.0.0.1, loopback, linklocal, uniquelocal), or false',
  read(value) {
    if (value === false || value === 0) return false;
    if (typeof value === 'number')
      return Number.isInteger(value) && value > 0 && value <= 10 ? value : undefined;
    const networks: readonly unknown[] = Array.isArray(value) ? value : [value];
    return networks.length > 0 && networks.length <= 100 && networks.every(isProxy) ? networks : undefined;
  },
  fromText(value) {
    if (value === 'false') return false;
    if (/^\d{1,2}$/.test(value)) return Number(value);
    return value.split(',').map((entry) => entry.trim());
  },
};
