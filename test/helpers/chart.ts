import { execFileSync } from 'node:child_process';
import { findProgram } from './needs.js';
import { projectPath } from './markdown.js';
import { readManifests, type Manifest } from './kubernetes.js';

const CHART = projectPath('helm/dicomweb-gateway');

/** Helm, where it is: HELM names it, or it is on PATH. */
export const helmProgram = findProgram('helm', 'HELM');

/** What Helm said, and whether it was content. */
export interface Helm {
  readonly ok: boolean;
  readonly output: string;
}

function helm(args: readonly string[]): Helm {
  try {
    const output = execFileSync(helmProgram ?? 'helm', args, { encoding: 'utf8', stdio: 'pipe' });
    return { ok: true, output };
  } catch (thrown) {
    const { stdout = '', stderr = '' } = thrown as { stdout?: string; stderr?: string };
    return { ok: false, output: stdout + stderr };
  }
}

const valuesOf = (example: string, sets: readonly string[]): readonly string[] => [
  '-f',
  `${CHART}/examples/${example}.yaml`,
  ...sets.flatMap((set) => ['--set-json', set]),
];

/** Lints the chart with the values of an example. */
export const lint = (example: string): Helm => helm(['lint', '--strict', CHART, ...valuesOf(example, [])]);

/** Renders the chart with the values of an example and others, each as `path=JSON`. */
export const template = (example: string, sets: readonly string[] = []): Helm =>
  helm(['template', 'gw', CHART, '--namespace', 'imaging', ...valuesOf(example, sets)]);

/** The objects of the chart. @throws Error with what Helm says */
export function render(example: string, sets: readonly string[] = []): readonly Manifest[] {
  const { ok, output } = template(example, sets);
  if (!ok) throw new Error(output);
  return readManifests(output);
}

/** What is told after an installation. */
export const notes = (example: string, sets: readonly string[] = []): string =>
  helm(['install', '--dry-run=client', 'gw', CHART, ...valuesOf(example, sets)]).output.split('NOTES:')[1] ??
  '';
