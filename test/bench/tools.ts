/** DCMTK's command line tools, timed from start to exit and checked to have done what was asked. */
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { GeneratedSeries } from './data.js';
import type { Pacs } from './pacs.js';
import { environmentFor, exited, seconds, start, type Sockets } from './process.js';

/** Where a tool works and with which sockets. */
export interface ToolContext {
  readonly pacs: Pacs;
  readonly sockets: Sockets;
  /** For what the tool writes. */
  readonly directory: string;
}

async function timed(
  command: string,
  args: readonly string[],
  sockets: Sockets,
  output: number | 'ignore' = 'ignore',
): Promise<number> {
  let status: number | undefined;
  const took = await seconds(async () => {
    const child = start(command, args, {
      env: environmentFor(sockets),
      stdio: ['ignore', output, output],
    });
    status = await exited(child);
  });
  if (status !== 0) throw new Error(`${command} ended with ${status ?? 'a signal'}`);
  return took;
}

const at = ({ aeTitle, port }: Pacs): readonly string[] => ['-aec', aeTitle, '127.0.0.1', `${port}`];

const keys = (values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).flatMap(([keyword, value]) => ['-k', `${keyword}=${value}`]);

/**
 * Seconds in which getscu retrieves a series, or its first instance alone, with its default options; `keep: false`
 * has it drop what it receives.
 */
export async function getscu(
  { pacs, sockets, directory }: ToolContext,
  series: GeneratedSeries,
  { keep, one = false }: { readonly keep: boolean; readonly one?: boolean },
): Promise<number> {
  const wanted = keys({
    QueryRetrieveLevel: one ? 'IMAGE' : 'SERIES',
    StudyInstanceUID: series.studyInstanceUid,
    SeriesInstanceUID: series.seriesInstanceUid,
    ...(one ? { SOPInstanceUID: series.sopInstanceUid } : {}),
  });
  const into = mkdtempSync(join(directory, 'getscu-'));
  try {
    const output = keep ? ['-od', into] : ['--ignore'];
    const took = await timed('getscu', ['-q', '-S', ...output, ...wanted, ...at(pacs)], sockets);
    const expected = one ? 1 : series.count;
    const received = readdirSync(into).length;
    if (keep && received !== expected) throw new Error(`getscu received ${received} of ${expected}`);
    return took;
  } finally {
    rmSync(into, { recursive: true, force: true });
  }
}

/** Seconds in which storescu stores the files of a directory. */
export function storescu({ pacs, sockets }: ToolContext, files: string): Promise<number> {
  return timed('storescu', ['-q', ...at(pacs), '+sd', files], sockets);
}

/** What a QIDO-RS search for studies must ask of the peer, so that findscu asks no less. */
const STUDY_KEYS = [
  'StudyDate',
  'StudyTime',
  'AccessionNumber',
  'ModalitiesInStudy',
  'ReferringPhysicianName',
  'PatientName',
  'PatientID',
  'PatientBirthDate',
  'PatientSex',
  'StudyInstanceUID',
  'StudyID',
  'NumberOfStudyRelatedSeries',
  'NumberOfStudyRelatedInstances',
];

/** Seconds in which findscu lists all studies; `extract` has it write each response to a file. */
export async function findscu(
  { pacs, sockets, directory }: ToolContext,
  expected: number,
  { extract }: { readonly extract: boolean },
): Promise<number> {
  const wanted = keys({
    QueryRetrieveLevel: 'STUDY',
    ...Object.fromEntries(STUDY_KEYS.map((keyword) => [keyword, ''])),
  });
  const into = mkdtempSync(join(directory, 'findscu-'));
  const log = join(into, 'output.txt');
  const output = openSync(log, 'w');
  try {
    const options = extract ? ['-q', '-X', '-od', into] : [];
    const took = await timed('findscu', ['-S', ...options, ...wanted, ...at(pacs)], sockets, output);
    const found = extract
      ? readdirSync(into).length - 1
      : (readFileSync(log, 'latin1').match(/Find Response: /g) ?? []).length;
    if (found !== expected) throw new Error(`findscu found ${found} of ${expected}`);
    return took;
  } finally {
    closeSync(output);
    rmSync(into, { recursive: true, force: true });
  }
}
