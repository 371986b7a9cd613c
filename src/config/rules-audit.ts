import { isLoopback } from './loopback.js';
import type { ParsedConfig } from './schema.js';

/** What is wrong between the keys of the audit trail. */
export function* brokenAudit({ audit, cache }: ParsedConfig): Generator<string> {
  const { syslog, lines, spool } = audit;
  const isOn = syslog !== undefined || lines !== undefined;
  if (isOn && spool.directory === undefined)
    yield 'audit.spool.directory: must name where events wait until they have been sent';
  if (!isOn && spool.directory !== undefined)
    yield 'audit.spool.directory: nobody gets what waits there; set audit.syslog, audit.lines or both';
  if (spool.directory !== undefined && spool.directory === cache.disk?.directory)
    yield 'audit.spool.directory: takes another directory than cache.disk.directory, which may be emptied';
  if (syslog) yield* brokenSyslog(syslog);
}

function* brokenSyslog({
  address,
  transport,
  ca,
  certificate,
  key,
}: NonNullable<ParsedConfig['audit']['syslog']>): Generator<string> {
  if (transport === 'tcp' && !isLoopback(address.host))
    yield `audit.syslog.transport: tcp would send patient identifiers in the clear to ${address.host}; it takes a loopback address`;
  if ((certificate === undefined) !== (key === undefined))
    yield 'audit.syslog.key: goes together with audit.syslog.certificate';
  if (transport === 'tcp' && (ca !== undefined || certificate !== undefined))
    yield 'audit.syslog.transport: tcp has no certificates';
}
