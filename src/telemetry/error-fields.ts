import { GatewayError } from '../core/index.js';

/** An error as it stands in a log line. */
export interface ErrorFields {
  readonly code?: string;
  readonly name?: string;
  /** Of `GatewayError`s alone: theirs are written to be shown, all others may quote the data that they failed on. */
  readonly message?: string;
  readonly peer?: string;
  readonly dimseStatus?: string;
  readonly syscall?: string;
  readonly address?: string;
  readonly port?: number;
  /** Where it was thrown, without the message that a stack begins with. */
  readonly stack?: readonly string[];
  readonly causes?: readonly ErrorFields[];
}

/** Errors of errors: a connect that failed, the time-out that it caused, the retry that gave up. */
const MAX_CAUSES = 5;
const MAX_FRAMES = 12;

/** What of an error may be logged: codes, our own messages, places in the code; never what the failing data said. */
export function errorFields(thrown: unknown): ErrorFields {
  const causes = [...causesOf(thrown)].map(ownFields);
  return { ...ownFields(thrown), ...(causes.length > 0 && { causes }) };
}

function* causesOf(thrown: unknown): Generator {
  let seen = 0;
  const next: unknown[] = directCauses(thrown);
  for (let cause = next.shift(); cause !== undefined && seen < MAX_CAUSES; cause = next.shift()) {
    seen += 1;
    yield cause;
    next.push(...directCauses(cause));
  }
}

function directCauses(thrown: unknown): unknown[] {
  if (!(thrown instanceof Error)) return [];
  const several: readonly unknown[] = thrown instanceof AggregateError ? thrown.errors : [];
  return [thrown.cause, ...several.slice(0, MAX_CAUSES)].filter(
    (cause) => cause !== undefined && cause !== null,
  );
}

function ownFields(thrown: unknown): ErrorFields {
  if (thrown instanceof GatewayError) {
    return {
      code: thrown.code,
      message: thrown.message,
      ...(thrown.peer !== undefined && { peer: thrown.peer }),
      ...(thrown.dimseStatus !== undefined && { dimseStatus: formatStatus(thrown.dimseStatus) }),
      ...(thrown.code === 'internal' && thrown.cause === undefined && { stack: framesOf(thrown) }),
    };
  }
  if (!(thrown instanceof Error)) return { name: typeof thrown };
  const system = thrown as NodeJS.ErrnoException & { address?: unknown; port?: unknown };
  const fields = {
    name: thrown.name,
    ...(typeof system.code === 'string' && { code: system.code }),
  };
  if (typeof system.syscall !== 'string') return { ...fields, stack: framesOf(thrown) };
  return {
    ...fields,
    syscall: system.syscall,
    ...(typeof system.address === 'string' && { address: system.address }),
    ...(typeof system.port === 'number' && { port: system.port }),
  };
}

function framesOf(error: Error): readonly string[] {
  const lines = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line));
  return lines.slice(0, MAX_FRAMES).map((line) => line.slice('    at '.length));
}

/** (0000,0900) as the standard writes it: four hexadecimal digits. */
export function formatStatus(status: number): string {
  return status.toString(16).toUpperCase().padStart(4, '0');
}
