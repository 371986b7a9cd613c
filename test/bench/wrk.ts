/** wrk: requests over kept connections as fast as the other side answers, at little cost for the machine it shares. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What is asked for, again and again. */
export interface Load {
  /** Paths that are asked for in turn, with their query. */
  readonly paths: readonly string[];
  readonly accept: string;
  readonly connections: number;
  readonly seconds: number;
  /** For the script. */
  readonly directory: string;
}

/** Requests per second; throws when one of them failed. */
export async function wrk(origin: string, load: Load): Promise<number> {
  const own = mkdtempSync(join(load.directory, 'wrk-'));
  try {
    const script = join(own, 'requests.lua');
    const lines = [
      `local paths = {${load.paths.map((path) => JSON.stringify(path)).join(', ')}}`,
      `wrk.headers["Accept"] = ${JSON.stringify(load.accept)}`,
      'local at = 0',
      'request = function()',
      '  at = at % #paths + 1',
      '  return wrk.format("GET", paths[at])',
      'end',
      '',
    ];
    writeFileSync(script, lines.join('\n'));
    const amount = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '--timeout', '30s'];
    const { stdout } = await run('wrk', [...amount, '-s', script, origin]);
    const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
    if (!(rate > 0) || /Non-2xx|Socket errors/.test(stdout))
      throw new Error(`requests failed at ${origin}\n${stdout}`);
    return rate;
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}
