import { z } from 'zod';
import { choice, hostPort, key, size, text } from './kind.js';

const MIB = 2 ** 20;

const file = text(/^[^\0]+$/, 'a file');

const syslog = z.strictObject({
  address: key(hostPort, 'The audit record repository, or a relay to it.'),
  transport: key(
    choice('tls', 'tcp'),
    'How it is reached: `tls` (RFC 5425), or `tcp` for a relay on this machine, at a loopback address.',
  ).prefault('tls'),
  ca: key(
    file,
    'Certificates that its own must chain to, in PEM; those that Node trusts if left out.',
  ).exactOptional(),
  certificate: key(file, 'Our certificate, for a receiver that asks for one, in PEM.').exactOptional(),
  key: key(file, 'The key of `audit.syslog.certificate`, in PEM.').exactOptional(),
  serverName: key(
    text(/^[A-Za-z0-9.-]+$/, 'a host name'),
    'The name in its certificate, where that is not its host.',
  ).exactOptional(),
});

const spool = z.strictObject({
  directory: key(
    text(/^[^\0]+$/, 'a directory'),
    'Where events wait until they have been sent, also from one start to the next. It holds patient identifiers, and belongs to one process at a time. To be set when there is an audit trail.',
  ).exactOptional(),
  size: key(size(MIB), 'Most bytes of events that wait; some 600 for each.').prefault('1 GiB'),
  sync: key(
    choice('each', 'second', 'off'),
    'When events that were written are on the disk itself, should the machine fail: each of them, within a second, or when the system likes. A process that is killed loses none of them.',
  ).prefault('second'),
});

/** The audit trail. */
export const audit = z.strictObject({
  syslog: syslog.exactOptional(),
  lines: key(
    text(/^[^\0]+$/, 'stdout, stderr or a file'),
    'Where events go as JSON lines: `stdout`, `stderr`, or a file, that is opened anew on SIGHUP.',
  ).exactOptional(),
  spool: spool.prefault({}),
  onFull: key(
    choice('count', 'refuse'),
    'What follows when so many events wait that there is no room for more: they are lost, counted and told of (`count`), or new requests are answered 503 (`refuse`).',
  ).prefault('count'),
  sourceId: key(
    text(/^[\x21-\x7e]{1,64}$/, '1 to 64 characters without blanks'),
    'Who the gateway is in audit messages (Audit Source ID); `dimse.aeTitle` and the name of the host if left out.',
  ).exactOptional(),
  site: key(
    text(/^[^\p{Cc}]{1,64}$/u, '1 to 64 characters'),
    'The site in audit messages (Audit Enterprise Site ID).',
  ).exactOptional(),
});
