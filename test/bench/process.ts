import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** `default` leaves the Nagle algorithm on, as DCMTK and Orthanc come; `nodelay` sets TCP_NODELAY=1 for them. */
export type Sockets = 'default' | 'nodelay';

/** The environment that DCMTK's network code reads its socket options from. */
export function environmentFor(sockets: Sockets): NodeJS.ProcessEnv {
  const { TCP_NODELAY: _ignored, ...rest } = process.env;
  return sockets === 'nodelay' ? { ...rest, TCP_NODELAY: '1' } : rest;
}

const children = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Starts a program that dies with the bench. */
export function start(
  command: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly stdio?: StdioOptions } = {},
): ChildProcess {
  const child = spawn(command, args, { stdio: 'ignore', ...options });
  children.add(child);
  const forget = (): void => void children.delete(child);
  child.once('exit', forget).once('error', forget);
  return child;
}

/** Resolves with the exit status, or undefined for one that was ended by a signal. */
export function exited(child: ChildProcess): Promise<number | undefined> {
  if (child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve(child.exitCode ?? undefined);
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', (code) => {
      resolve(code ?? undefined);
    });
  });
}

/** Asks a program to end, and makes it after ten seconds. */
export async function end(child: ChildProcess): Promise<void> {
  const gone = exited(child);
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
}

/** Runs `work` and returns how many seconds it took. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
}

/** What a process has used since it started. */
export interface Usage {
  /** Peak resident set. */
  readonly peakRssBytes: number;
  readonly cpuSeconds: number;
}

const TICKS_PER_SECOND = 100;

/** Reads a process's use from Linux's /proc. */
export function usageOf(pid: number): Usage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kilobytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // counted from behind the name in parentheses: field 14 is utime, 15 is stime
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    peakRssBytes: kilobytes * 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
  };
}
