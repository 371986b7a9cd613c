import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import {
  basicTextSr,
  ctSeries,
  ctSlice,
  encapsulatedImage,
  names,
  nested,
  privateElements,
  syntaxes,
  usCine,
  type Fixture,
} from './fixtures.js';
import { freePort } from './free-port.js';
import { startDcmqrscp, startOrthanc, type RealPacs, type RealPacsOptions } from './real-pacs.js';
import { startTestGateway, type TestGateway } from './test-gateway.js';

const run = promisify(execFile);

export type RetrieveMethod = 'get' | 'move';

/** A PACS that runs, and the port where C-MOVE to a gateway goes. */
export interface PacsWithPort {
  readonly pacs: RealPacs;
  readonly movePort: number;
}

/** One of the peers that every suite runs against. */
export interface PeerKind {
  readonly name: string;
  readonly start: (options?: Omit<RealPacsOptions, 'movePort'>) => Promise<PacsWithPort>;
}

const starting =
  (
    start: (options: RealPacsOptions) => Promise<RealPacs>,
    fixed: Partial<RealPacsOptions> = {},
  ): PeerKind['start'] =>
  async (options = {}) => {
    const movePort = await freePort();
    return { pacs: await start({ ...options, ...fixed, movePort }), movePort };
  };

export const orthanc: PeerKind = { name: 'Orthanc', start: starting(startOrthanc) };
export const dcmqrscp: PeerKind = { name: 'dcmqrscp', start: starting(startDcmqrscp) };
/**
 * As dcmqrscp, and it takes JPEG-LS: the one way to make it hold compressed files. By C-MOVE it proposes a single context
 * for each SOP class, so that it delivers either these or the others (`-xt`), whoever receives them.
 */
export const dcmqrscpJpegLs: PeerKind = {
  name: 'dcmqrscp +xt',
  start: starting(startDcmqrscp, { extraArguments: ['+xt'] }),
};

/** What this kind of peer can deliver by that method, of what it holds. */
export function canDeliver(kind: PeerKind, method: RetrieveMethod, transferSyntaxUid: string): boolean {
  return kind !== dcmqrscpJpegLs || method === 'get' || transferSyntaxUid !== syntaxes.jpegLsLossless;
}

/** Starts a gateway in front of a PACS; `extra` are further lines of its configuration. */
export function gatewayBefore(
  { pacs, movePort }: PacsWithPort,
  retrieve: RetrieveMethod,
  { peer = '', top = '' }: { readonly peer?: string; readonly top?: string } = {},
): Promise<TestGateway> {
  return startTestGateway(
    [
      'dimse:',
      '  aeTitle: GATEWAY',
      ...(retrieve === 'move' ? [`  listen: 127.0.0.1:${movePort}`] : []),
      'peers:',
      '  main:',
      `    address: ${pacs.aeTitle}@127.0.0.1:${pacs.port}`,
      `    retrieve: ${retrieve}`,
      ...(peer === '' ? [] : [`    ${peer}`]),
      top,
      '',
    ].join('\n'),
  );
}

/** Files in a directory of their own. */
export interface FileSet {
  readonly paths: readonly string[];
  remove(): void;
}

/** Writes fixtures where DCMTK can read them. */
export function writeFixtures(fixtures: readonly Fixture[]): FileSet {
  const directory = mkdtempSync(join(tmpdir(), 'fixtures-'));
  mkdirSync(directory, { recursive: true });
  const paths = fixtures.map((fixture, index) => {
    const path = join(directory, `${index}.dcm`);
    writeFileSync(path, fixture.file);
    return path;
  });
  return {
    paths,
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Loads fixtures into a PACS; resolves with how many it took. */
export async function loadFixtures(pacs: RealPacs, fixtures: readonly Fixture[]): Promise<number> {
  // dcmsend offers other encodings beside Implicit VR, and the PACS takes those.
  const isImplicit = ({ transferSyntaxUid }: Fixture): boolean =>
    transferSyntaxUid === syntaxes.implicitLittle;
  const implicit = writeFixtures(fixtures.filter(isImplicit));
  const others = writeFixtures(fixtures.filter((fixture) => !isImplicit(fixture)));
  try {
    if (implicit.paths.length > 0) {
      const to = ['-aec', pacs.aeTitle, '127.0.0.1', `${pacs.port}`];
      await run('storescu', ['-xi', '-R', ...to, ...implicit.paths]);
    }
    return implicit.paths.length + (others.paths.length > 0 ? (await pacs.load(others.paths)).length : 0);
  } finally {
    implicit.remove();
    others.remove();
  }
}

/** One of every kind of instance that the project can generate, in studies of their own where that matters. */
export function everyKind(): Fixture[] {
  const { implicitLittle, explicitBig, deflated, jpegLsLossless, jpeg2000Lossless, rle } = syntaxes;
  return [
    ...ctSeries(6, { study: 1, series: 1 }),
    ...ctSeries(3, { study: 1, series: 2, transferSyntaxUid: implicitLittle }),
    usCine({ study: 2, series: 1, frames: 5 }),
    usCine({ study: 2, series: 2, frames: 3, rows: 3, columns: 3 }),
    ctSlice({ study: 3, series: 1, transferSyntaxUid: implicitLittle, extra: [nested(3)], trailing: [] }),
    ctSlice({ study: 3, series: 2, transferSyntaxUid: explicitBig, extra: [nested(2)] }),
    ctSlice({ study: 3, series: 3, transferSyntaxUid: deflated }),
    ctSlice({ study: 3, series: 4, extra: [nested(4), privateElements] }),
    ctSlice({ study: 3, series: 5, transferSyntaxUid: implicitLittle, extra: [privateElements] }),
    basicTextSr({ study: 4, series: 1 }),
    basicTextSr({ study: 4, series: 2, transferSyntaxUid: implicitLittle }),
    encapsulatedImage({ study: 5, series: 1 }),
    encapsulatedImage({ study: 5, series: 2, frames: 4 }),
    encapsulatedImage({ study: 5, series: 3, frames: 3, fragmentsPerFrame: 2 }),
    encapsulatedImage({ study: 5, series: 4, frames: 3, offsetTable: false }),
    encapsulatedImage({ study: 5, series: 5, frames: 2, transferSyntaxUid: jpegLsLossless }),
    encapsulatedImage({ study: 5, series: 6, transferSyntaxUid: jpeg2000Lossless }),
    encapsulatedImage({ study: 5, series: 7, frames: 2, transferSyntaxUid: rle }),
    ...names.map(({ bytes, characterSet }, index) =>
      ctSlice({
        study: 10 + index,
        patientName: bytes,
        ...(characterSet === undefined ? {} : { characterSet }),
      }),
    ),
  ];
}

/** Real files to test with besides those generated: every file below the folder that DICOM_SAMPLES names. */
export function sampleFiles(): readonly string[] {
  const folder = process.env['DICOM_SAMPLES'];
  if (folder === undefined || folder === '') return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.dcm'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !basename(path).includes('deeply-nested')) // ends dcmsend and Orthanc
    .sort();
}

/** Groups values by a key, in the order in which the keys come first. */
export function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group) group.push(value);
    else groups.set(keyOf(value), [value]);
  }
  return groups;
}

/** Several tasks at a time. */
export async function inParallel<T>(
  values: readonly T[],
  most: number,
  task: (value: T) => Promise<void>,
): Promise<void> {
  const waiting = [...values];
  await Promise.all(
    Array.from({ length: most }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await task(next);
    }),
  );
}
