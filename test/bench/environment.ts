import { execFile } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { Settings } from './settings.js';

const run = promisify(execFile);

/** Where and with what the figures were measured. */
export interface Environment {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  /** Load averages of 1, 5 and 15 minutes before the part began. */
  readonly load: readonly number[];
  readonly node: string;
  readonly dcmtk: string;
  readonly orthanc: string;
  readonly nginx?: string;
  readonly seed: number;
  readonly scale: number;
  readonly runs: number;
}

async function versionOf(command: string, option = '--version'): Promise<string> {
  const { stdout, stderr } = await run(command, [option]);
  return /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0] ?? 'unknown';
}

/** Describes the machine as it is now. @throws when DCMTK or Orthanc is not installed */
export async function describeEnvironment({
  seed,
  scale,
  runs,
}: Pick<Settings, 'seed' | 'scale' | 'runs'>): Promise<Environment> {
  const processors = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    load: loadavg().map((value) => Number(value.toFixed(2))),
    node: process.version.slice(1),
    dcmtk: await versionOf('getscu'),
    orthanc: await versionOf('Orthanc'),
    // only some parts need it: those that do say that it is missing
    ...(await versionOf('nginx', '-v').then(
      (nginx) => ({ nginx }),
      () => ({}),
    )),
    seed,
    scale,
    runs,
  };
}
