import { BlockList, isIP } from 'node:net';
import { withoutPort } from './client-key.js';

/** Tells whether an address belongs to one of `networks`, such as `10.0.0.0/8` or `192.0.2.7`; all do without a list. */
export function networkTest(
  networks: readonly string[] | undefined,
): (address: string | undefined) => boolean {
  if (networks === undefined) return () => true;
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = familyOf(address);
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (given = '') => {
    // A link-local address comes with the interface that it was seen on.
    const [address = ''] = withoutPort(given).split('%');
    return isIP(address) !== 0 && list.check(address, familyOf(address));
  };
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
