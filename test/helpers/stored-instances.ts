import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readElements, textOf } from './independent-reader.js';
import type { RealPacs } from './real-pacs.js';
import { datasetOf, transferSyntaxOf } from './test-gateway.js';

const run = promisify(execFile);

/** An instance as a PACS has it on its disk. */
export interface StoredInstance {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
  /** A copy as a file that other programs read. */
  readonly path: string;
  dataset(): Buffer;
}

function describe(path: string): StoredInstance {
  const file = readFileSync(path);
  const transferSyntaxUid = transferSyntaxOf(file);
  const elements = readElements(datasetOf(file), transferSyntaxUid);
  const uid = (tag: string): string => textOf(elements, tag) ?? '';
  return {
    studyInstanceUid: uid('0020000D'),
    seriesInstanceUid: uid('0020000E'),
    sopInstanceUid: uid('00080018'),
    sopClassUid: uid('00080016'),
    transferSyntaxUid,
    path,
    dataset: () => datasetOf(readFileSync(path)),
  };
}

async function download(restUrl: string, directory: string): Promise<readonly string[]> {
  const ids = (await (await fetch(`${restUrl}/instances`)).json()) as string[];
  mkdirSync(directory, { recursive: true });
  const paths: string[] = [];
  for (const id of ids) {
    const response = await fetch(`${restUrl}/instances/${id}/file`);
    const path = join(directory, `${id}.dcm`);
    writeFileSync(path, Buffer.from(await response.arrayBuffer()));
    paths.push(path);
  }
  return paths;
}

/** Everything that a PACS holds, read from its own storage. */
export async function storedInstances(pacs: RealPacs): Promise<readonly StoredInstance[]> {
  if (pacs.restUrl !== undefined)
    return (await download(pacs.restUrl, join(pacs.directory, 'rest'))).map(describe);
  const database = join(pacs.directory, 'db');
  return readdirSync(database, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'index.dat')
    .map((entry) => describe(join(entry.parentPath, entry.name)));
}

/** What getscu calls the syntaxes it can prefer. */
const preferences: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.2.1': '+xe',
  '1.2.840.10008.1.2.1.99': '+xd',
  '1.2.840.10008.1.2.4.50': '+xy',
  '1.2.840.10008.1.2.4.51': '+xx',
  '1.2.840.10008.1.2.4.70': '+xs',
  '1.2.840.10008.1.2.4.80': '+xt',
  '1.2.840.10008.1.2.4.81': '+xu',
  '1.2.840.10008.1.2.4.90': '+xv',
  '1.2.840.10008.1.2.4.91': '+xw',
  '1.2.840.10008.1.2.4.102': '+xn',
  '1.2.840.10008.1.2.5': '+xr',
};

/**
 * The dataset as the PACS sends it to DCMTK's getscu, which writes what comes as it is: senders write lengths anew, so
 * what is sent may differ from what is on the disk. `undefined` where getscu cannot ask for that syntax.
 */
export async function sentDataset(pacs: RealPacs, instance: StoredInstance): Promise<Buffer | undefined> {
  const preference = preferences[instance.transferSyntaxUid];
  if (preference === undefined) return undefined;
  const directory = mkdtempSync(join(pacs.directory, 'getscu-'));
  const keys = [
    'QueryRetrieveLevel=IMAGE',
    `StudyInstanceUID=${instance.studyInstanceUid}`,
    `SeriesInstanceUID=${instance.seriesInstanceUid}`,
    `SOPInstanceUID=${instance.sopInstanceUid}`,
  ].flatMap((key) => ['-k', key]);
  try {
    await run(
      'getscu',
      ['-S', '+B', preference, '-od', directory, '-aec', pacs.aeTitle, ...keys, '127.0.0.1', `${pacs.port}`],
      { env: { ...process.env, TCP_NODELAY: '1' } },
    );
  } catch {
    // its exit status tells of refused contexts; what it wrote counts
  }
  const [name] = readdirSync(directory);
  if (name === undefined) return undefined;
  const file = readFileSync(join(directory, name));
  return transferSyntaxOf(file) === instance.transferSyntaxUid ? datasetOf(file) : undefined;
}

/** What of a PACS can be asked for over DICOMweb, and what cannot for reasons that are not the gateway's. */
export interface Deliverable {
  readonly instances: readonly StoredInstance[];
  /** With the reason. */
  readonly excluded: readonly string[];
}

/**
 * Leaves out what getscu cannot get from the PACS either (dcmqrscp stores more SOP classes than it gives back), and what
 * shares a study with it, so that each study that is left is whole.
 */
export async function deliverable(pacs: RealPacs, stored: readonly StoredInstance[]): Promise<Deliverable> {
  const excluded: string[] = [];
  const studies = new Set<string>();
  const exclude = (instance: StoredInstance, why: string): void => {
    excluded.push(`${instance.sopInstanceUid}: ${why}`);
    studies.add(instance.studyInstanceUid);
  };
  const classes = new Map<string, boolean>();
  for (const instance of stored) {
    const { sopClassUid } = instance;
    if (pacs.kind === 'orthanc' || instance.transferSyntaxUid === '1.2.840.10008.1.2') continue;
    const known = classes.get(sopClassUid) ?? (await sentDataset(pacs, instance)) !== undefined;
    classes.set(sopClassUid, known);
    if (!known) exclude(instance, `${pacs.kind} does not give SOP class ${sopClassUid} to getscu either`);
  }
  return { instances: stored.filter(({ studyInstanceUid }) => !studies.has(studyInstanceUid)), excluded };
}
