import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createAudit, FileSink, StreamSink, SyslogSink, type Audit, type Sink } from './audit/index.js';
import { lockDirectory } from './cache/index.js';
import { dumpConfig, type Config } from './config/index.js';
import { GatewayError, systemClock, type Observe } from './core/index.js';
import type { Telemetry } from './telemetry/index.js';

const LOCKED = { name: 'directory of the audit trail', code: 'internal' } as const;

/** The audit trail of a gateway that runs. */
export interface OpenedAudit {
  readonly audit: Audit;
  /** Tells of the stop, and gives what waits `graceMs` to be sent. */
  close(graceMs: number): Promise<void>;
}

/**
 * The audit trail as it is configured, with what an earlier process left; undefined without one. Tells of the start, and of a
 * configuration that is not that of the last start.
 *
 * @throws GatewayError `internal` when its directory cannot be used
 */
export async function openAudit(config: Config, telemetry: Telemetry): Promise<OpenedAudit | undefined> {
  const { spool, onFull } = config.audit;
  const { directory } = spool;
  if (directory === undefined) return undefined;
  const unlock = await lockDirectory(directory, systemClock, LOCKED);
  const { sinks, file } = sinksOf(config);
  const { observe } = telemetry;
  const settings = { directory, limit: spool.size, sync: spool.sync, onFull, sinks };
  const audit = await createAudit({ ...settings, clock: systemClock, observe }).catch(
    async (cause: unknown) => {
      await unlock();
      throw new GatewayError('internal', 'The spool of the audit trail cannot be opened.', { cause });
    },
  );
  const reopen = (): void => {
    file?.reopen();
  };
  if (file) process.on('SIGHUP', reopen);
  watchAudit(telemetry, audit);
  audit.record({ kind: 'application-start', outcome: 'success' });
  await tellChange(config, directory, audit, observe);
  return {
    audit,
    close: async (graceMs) => {
      audit.record({ kind: 'application-stop', outcome: 'success' });
      await audit.close(graceMs);
      process.off('SIGHUP', reopen);
      await unlock();
    },
  };
}

function sinksOf({ audit, dimse, peers }: Config): {
  readonly sinks: readonly Sink[];
  readonly file?: FileSink;
} {
  const { syslog, lines, spool, sourceId, site } = audit;
  const hostName = hostname();
  const sinks: Sink[] = [];
  if (syslog) {
    const { address, transport, ...tls } = syslog;
    const entries = Object.entries(peers).map(
      ([
        name,
        {
          address: { aeTitle, host },
        },
      ]) => [name, { aeTitle, host }] as const,
    );
    const source = {
      sourceId: sourceId ?? `${dimse.aeTitle.replaceAll(' ', '_')}@${hostName}`,
      site,
      hostName,
      processId: String(process.pid),
      aeTitle: dimse.aeTitle,
      peers: new Map(entries),
    };
    sinks.push(
      new SyslogSink({ ...address, ...(transport === 'tls' && { tls }), source, clock: systemClock }),
    );
  }
  if (lines === 'stdout' || lines === 'stderr') sinks.push(new StreamSink(process[lines]));
  else if (lines !== undefined) {
    const file = new FileSink(lines, spool.sync === 'each');
    return { sinks: [...sinks, file], file };
  }
  return { sinks };
}

function watchAudit({ collect }: Telemetry, audit: Audit): void {
  collect('audit_spool_bytes', () => audit.state.spooledBytes);
  collect('audit_spool_limit_bytes', () => audit.state.limitBytes);
  collect('audit_events_waiting', () =>
    audit.state.sinks.map(({ name, behind }) => ({ labels: { sink: name }, value: behind })),
  );
}

/** What tells one configuration from another, without its secrets. */
const digestOf = (config: Config): string => createHash('sha256').update(dumpConfig(config)).digest('hex');

/** A configuration takes effect at a start, so that is when a change of it is seen. */
async function tellChange(config: Config, directory: string, audit: Audit, observe: Observe): Promise<void> {
  const path = join(directory, 'configuration.sha256');
  const now = digestOf(config);
  const before = await readFile(path, 'utf8').catch(() => undefined);
  if (before === now) return;
  if (before !== undefined)
    audit.record({ kind: 'configuration-change', outcome: 'success', reason: `sha256 ${now}` });
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(`${path}.tmp`, now, { mode: 0o600 });
    await rename(`${path}.tmp`, path);
  } catch (error) {
    observe({
      kind: 'log',
      level: 'error',
      message: 'The audit trail cannot remember the configuration.',
      error,
    });
  }
}
