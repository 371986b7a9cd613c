import { pino, type DestinationStream, type Logger } from 'pino';
import type { Observation } from '../core/index.js';
import { dispatch, type ByKind } from './by-kind.js';
import { errorFields, formatStatus } from './error-fields.js';

/** The least important lines that are written. */
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

/** JSON lines with ISO time, the level's name and `msg`. */
export function createLogger(level: LogLevel, destination: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}

interface Line {
  readonly level: Exclude<LogLevel, 'silent'>;
  readonly message: string;
  readonly fields: object;
}

/** Writes the line of an observation, if it has one. */
export function logObservation(
  logger: Logger,
  observation: Observation,
  traceOf: (requestId: string) => string | undefined = () => undefined,
): void {
  const line = dispatch(lines, observation);
  if (!line || !logger.isLevelEnabled(line.level)) return;
  const requestId = 'requestId' in observation ? observation.requestId : undefined;
  const traceId = requestId === undefined ? undefined : traceOf(requestId);
  logger[line.level](traceId === undefined ? line.fields : { ...line.fields, traceId }, line.message);
}

const noLine = (): undefined => undefined;
const withError = (error: unknown): object => (error === undefined ? {} : { error: errorFields(error) });

/** What an observation says in the log. What comes by the thousand, and what a metric says better, has no line. */
const lines: ByKind<Line | undefined> = {
  ready: ({ urls, storageScp }) => ({ level: 'info', message: 'ready', fields: { urls, storageScp } }),
  stopping: ({ reason }) => ({ level: 'info', message: 'stopping', fields: { reason } }),
  stopped: ({ openAssociations }) => ({
    level: openAssociations > 0 ? 'warn' : 'info',
    message: 'stopped',
    fields: { openAssociations },
  }),
  'http-request': ({ error, ...fields }) => ({
    level: fields.status >= 500 ? 'error' : fields.complete ? 'info' : 'warn',
    message: 'http request',
    fields: { ...fields, ...withError(error) },
  }),
  // A peer that closes what it has not been asked on for a while does as it should.
  association: ({ event, idle, ...fields }) => ({
    level: event === 'opened' || event === 'released' || event === 'abandoned' || idle ? 'debug' : 'warn',
    message: `association ${event}${idle ? ' while idle' : ''}`,
    fields,
  }),
  dimse: ({ status, ...fields }) => ({
    level: fields.outcome === 'success' || fields.outcome === 'cancelled' ? 'debug' : 'warn',
    message: 'dimse operation',
    fields: { ...fields, ...(status !== undefined && { status: formatStatus(status) }) },
  }),
  breaker: ({ event, ...fields }) => ({
    level: event === 'opened' ? 'error' : 'info',
    message: `circuit breaker ${event}`,
    fields,
  }),
  learnt: ({ kind: _kind, ...fields }) => ({
    level: 'info',
    message: 'learnt of the peer',
    fields,
  }),
  certificate: ({ kind: _kind, event, error, ...fields }) => ({
    level: event === 'refused' ? 'error' : fields.expired ? 'warn' : 'info',
    message:
      event === 'refused'
        ? 'renewed certificate refused: the one before stays in use'
        : `certificate ${event}${fields.expired ? ': it has expired' : ''}`,
    fields: { ...fields, ...withError(error) },
  }),
  'inbound-refused': ({ reason, remote }) => ({
    level: 'warn',
    message: 'inbound association refused',
    fields: { reason, remote },
  }),
  'instance-arrived': ({ peer, bytes, outcome }) =>
    outcome === 'failed'
      ? { level: 'warn', message: 'instance broken off', fields: { peer, bytes } }
      : undefined,
  revalidation: ({ peer, outcome }) =>
    outcome === 'changed' || outcome === 'gone'
      ? { level: 'info', message: `cached study ${outcome} at the peer: dropped`, fields: { peer } }
      : undefined,
  pull: ({ error, purpose, state, ...fields }) => ({
    level: state === 'failed' || state === 'incomplete' ? 'warn' : 'info',
    message: `${purpose} ${state}`,
    fields: { ...fields, ...withError(error) },
  }),
  commitment: ({ kind: _kind, outcome, ...fields }) => ({
    level: outcome === 'requested' || outcome === 'committed' ? 'info' : 'warn',
    message: `storage commitment ${outcome}`,
    fields,
  }),
  frame: ({ from, to, outcome, durationMs }) =>
    outcome === 'done'
      ? undefined
      : { level: 'warn', message: `frame ${outcome}`, fields: { from, to, durationMs } },
  'repeated-attributes': ({ kind: _kind, in: where, isPartial, ...fields }) => ({
    level: isPartial ? 'warn' : 'debug',
    message: isPartial
      ? `attributes come twice in one ${where}, too many of them: of some the first one counts`
      : `attributes come twice in one ${where}: the last one counts`,
    fields,
  }),
  'access-refused': ({ kind: _kind, ...fields }) => ({ level: 'info', message: 'access refused', fields }),
  'reader-reset': ({ reason }) => ({ level: 'warn', message: 'reader reset', fields: { reason } }),
  log: ({ level, message, requestId, peer, error }) => ({
    level,
    message,
    fields: { requestId, peer, ...withError(error) },
  }),
  'cache-disk-failed': ({ part, error }) => ({
    level: 'error',
    message: `The cache ${part} failed.`,
    fields: withError(error),
  }),
  audit: noLine,
  'http-started': noLine,
  stage: noLine,
  'dimse-bytes': noLine,
  'head-start': noLine,
  cache: noLine,
  'part-sent': noLine,
};
