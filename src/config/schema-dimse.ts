import { z } from 'zod';
import { aeTitle, choice, duration, durationOrOff, hostPort, integer, key, size } from './kind.js';
import { dimseTls } from './schema-dimse-tls.js';
import { dimseUserIdentity } from './schema-user-identity.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;

const storageScp = z.strictObject({
  maxAssociations: key(
    integer(1, 1000),
    'Most inbound associations at once; more are rejected, but to one of a configured peer the oldest of strangers gives way.',
  ).prefault(16),
  maxConnecting: key(
    integer(1, 1000),
    'Most connections that have not asked for an association yet; with one more, the oldest of them is closed.',
  ).prefault(64),
  maxPerAddress: key(
    integer(1, 1000),
    'Most inbound associations, and as many connections without one, from one address. Behind a NAT or a Service all peers may have the same.',
  ).prefault(16),
  callers: key(
    choice('any', 'known'),
    'Who may open an association: anybody, who can then bring what a pending C-MOVE waits for and nothing else; or only those whose AE title is that of a configured peer or in its `inbound.aeTitles`, each with what it was asked for itself.',
  ).prefault('any'),
  associationTimeout: key(
    duration,
    'How long a connection may take for its TLS handshake, and then to send its association request.',
  ).prefault('10s'),
  idleTimeout: key(duration, 'How long an inbound association may be silent.').prefault('60s'),
  totalTimeout: key(durationOrOff, 'How long an inbound association may last in all.').prefault('24h'),
});

/** The gateway as an application entity. */
export const dimse = z.strictObject({
  aeTitle: key(aeTitle, 'The AE title of the gateway, towards every peer.').prefault('GATEWAY'),
  listen: key(
    hostPort,
    'Where peers send instances (C-MOVE) and report storage commitment; leave out if every peer does C-GET, and reports on the association of the request or not at all.',
  ).exactOptional(),
  advertise: key(
    hostPort,
    'What the PACS must be told where NAT or a Service stands between; `dimse.listen` if left out.',
  ).exactOptional(),
  maxPduLength: key(
    size(4 * KIB, MIB),
    'Largest PDU that peers may send. DCMTK and Orthanc send up to 128 KiB.',
  ).prefault('128 KiB'),
  storageScp: storageScp.prefault({}),
  tls: dimseTls.exactOptional(),
  userIdentity: dimseUserIdentity.exactOptional(),
});
