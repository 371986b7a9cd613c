import { isIP } from 'node:net';
import type { Kind } from './kind.js';

/** Whether `value` is an IP address, or a network such as 10.0.0.0/8. */
export function isNetwork(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  const [address = '', bits, ...rest] = value.split('/');
  const most = isIP(address) === 6 ? 128 : 32;
  const goodBits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
  return isIP(address) !== 0 && !address.includes('%') && goodBits && rest.length === 0;
}

/** An IP address, or a network in CIDR notation. */
export const network: Kind<string> = {
  takes: 'an address or a network such as 10.0.0.0/8',
  read: (value) => (isNetwork(value) ? value : undefined),
};

/** Whether only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/i.test(host);
}
