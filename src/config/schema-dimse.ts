import { z } from 'zod';
import { aeTitle, duration, hostPort, integer, key, size } from './kind.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;

const storageScp = z.strictObject({
  maxAssociations: key(integer(1, 1000), 'Most inbound associations at once; more are rejected.').prefault(
    16,
  ),
  associationTimeout: key(
    duration,
    'How long a connection may take to send its association request.',
  ).prefault('10s'),
  idleTimeout: key(duration, 'How long an inbound association may be silent.').prefault('60s'),
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
});
