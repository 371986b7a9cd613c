import { BlockList, isIPv6 } from 'node:net';
import { Rejections, type Rejection } from './storage-scp-rejections.js';

/** How a configured peer opens associations. Of what is an empty list anything will do. */
export interface KnownCaller {
  /** Configured name. */
  readonly peer: string;
  readonly aeTitles: readonly string[];
  /** Addresses and networks in CIDR notation. */
  readonly networks: readonly string[];
  /** SHA-256 fingerprints of client certificates, in hexadecimal bytes with colons between. */
  readonly certificates: readonly string[];
}

/** Who asks for an association. */
export interface Caller {
  readonly aeTitle: string;
  /** Address of the connection. */
  readonly remote: string;
  /** Fingerprint of the client certificate, if there is one. */
  readonly certificate: string | undefined;
}

interface Known extends KnownCaller {
  readonly list: BlockList | undefined;
}

/** The configured peers as callers, and whether others may call. */
export class Callers {
  readonly #known: readonly Known[];
  readonly #admits: 'any' | 'known';

  constructor(known: readonly KnownCaller[], admits: 'any' | 'known') {
    this.#known = known.map((one) => ({ ...one, list: listOf(one.networks) }));
    this.#admits = admits;
  }

  /** Configured names of the peers that call under an AE title. */
  peersOf(aeTitle: string): readonly string[] {
    return this.#named(aeTitle).map(({ peer }) => peer);
  }

  /** Why somebody may not open an association; undefined if he may. */
  judge({ aeTitle, remote, certificate }: Caller): Rejection | undefined {
    const named = this.#named(aeTitle);
    if (named.length === 0) return this.#admits === 'any' ? undefined : Rejections.unknownCaller;
    const here = named.filter(({ list }) => !list || list.check(remote, isIPv6(remote) ? 'ipv6' : 'ipv4'));
    if (here.length === 0) return Rejections.wrongAddress;
    const shows = here.some(
      ({ certificates }) =>
        certificates.length === 0 || (certificate !== undefined && certificates.includes(certificate)),
    );
    return shows ? undefined : Rejections.wrongCertificate;
  }

  #named(aeTitle: string): readonly Known[] {
    return this.#known.filter(({ aeTitles }) => aeTitles.includes(aeTitle));
  }
}

function listOf(networks: readonly string[]): BlockList | undefined {
  if (networks.length === 0) return undefined;
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
