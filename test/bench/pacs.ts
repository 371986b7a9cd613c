/** Orthanc and dcmqrscp as they come, in processes of their own on loopback: limits and PDU sizes are their defaults, if not said otherwise. */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { freePort, portOpen } from '../helpers/free-port.js';
import type { GeneratedFile, GeneratedSeries } from './data.js';
import { end, environmentFor, start, type Sockets } from './process.js';

type PacsKind = 'Orthanc' | 'dcmqrscp';

/** A PACS whose store outlives its process: loaded once, it is started with one kind of sockets after the other. */
export interface Pacs {
  readonly kind: PacsKind;
  readonly aeTitle: string;
  readonly port: number;
  /** `associations`: how many it is to serve at once, by its own default if left out. */
  start(sockets: Sockets, associations?: number): Promise<void>;
  /** Deletes what it holds where storing the same again in parallel would fail: Orthanc 1.10 answers C000 now and then. */
  clear?(): Promise<void>;
  stop(): Promise<void>;
}

/** Orthanc also takes files over HTTP, which is faster than C-STORE. */
export interface Orthanc extends Pacs {
  /** Its own DICOMweb, where that was asked for. */
  readonly service: string;
  post(file: GeneratedFile): Promise<void>;
}

interface Program {
  readonly command: string;
  /** Writes its configuration. */
  readonly configure: (associations: number | undefined) => void;
  readonly args: readonly string[];
  readonly ports: readonly number[];
}

function runnable({ command, configure, args, ports }: Program): Pick<Pacs, 'start' | 'stop'> {
  let child: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (child) await end(child);
    child = undefined;
  };
  return {
    stop,
    start: async (sockets, associations) => {
      await stop();
      configure(associations);
      child = start(command, args, { env: environmentFor(sockets) });
      for (const port of ports) await portOpen(port, 60_000);
    },
  };
}

/** Where Debian's packages put it. */
const DICOM_WEB = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';

/** An Orthanc over an empty store, not started yet; `dicomWeb` has it serve DICOMweb itself too. */
export async function createOrthanc(directory: string, { dicomWeb = false } = {}): Promise<Orthanc> {
  const [port, httpPort] = [await freePort(), await freePort()];
  const configuration = {
    Name: 'bench',
    StorageDirectory: directory,
    IndexDirectory: directory,
    HttpPort: httpPort,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    DicomAet: 'ORTHANC',
    DicomPort: port,
    DicomCheckCalledAet: false,
    DicomCheckModalityHost: false,
    DicomAlwaysAllowStore: true,
    DicomAlwaysAllowFind: true,
    DicomAlwaysAllowGet: true,
    // storing the same files again is then the same work each time
    OverwriteInstances: true,
    // waiting for the disk would drown what is compared
    SyncStorageArea: false,
    SaveJobs: false,
    ...(dicomWeb ? { Plugins: [DICOM_WEB] } : {}),
  };
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'orthanc.json');
  const configure = (associations: number | undefined): void => {
    const threads = associations === undefined ? {} : { DicomThreadsCount: associations };
    writeFileSync(file, JSON.stringify({ ...configuration, ...threads }));
  };
  const program = { command: 'Orthanc', configure, args: [file], ports: [port, httpPort] };
  return {
    kind: 'Orthanc',
    aeTitle: 'ORTHANC',
    port,
    service: `http://127.0.0.1:${httpPort}/dicom-web`,
    ...runnable(program),
    post: (instance) => post(httpPort, instance),
    clear: () => clear(httpPort),
  };
}

/** Has an Orthanc that runs take a series. */
export async function load(pacs: Orthanc, series: GeneratedSeries): Promise<void> {
  for (let index = 0; index < series.count; index += 1) await pacs.post(series.file(index));
}

async function clear(port: number): Promise<void> {
  const base = `http://127.0.0.1:${port}`;
  const patients = (await (await fetch(`${base}/patients`)).json()) as string[];
  for (const id of patients)
    await (await fetch(`${base}/patients/${id}`, { method: 'DELETE' })).arrayBuffer();
}

async function post(port: number, { length, chunks }: GeneratedFile): Promise<void> {
  const request = http.request({
    host: '127.0.0.1',
    port,
    method: 'POST',
    path: '/instances',
    headers: { 'Content-Type': 'application/dicom', 'Content-Length': length },
  });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    request.once('error', reject).once('response', (response) => {
      response.resume().once('end', () => {
        resolve(response.statusCode);
      });
    });
  });
  const [status] = await Promise.all([answered, pipeline(Readable.from(chunks()), request)]);
  if (status !== 200) throw new Error(`Orthanc answered ${status ?? 'nothing'} to an instance`);
}

/** Half of what its sample configuration has. */
const DCMQRSCP_ASSOCIATIONS = 8;

/** A dcmqrscp over an empty index, not started yet; it holds 500 studies of 1 GiB each. */
export async function createDcmqrscp(directory: string): Promise<Pacs> {
  const port = await freePort();
  const database = join(directory, 'db');
  mkdirSync(database, { recursive: true });
  const file = join(directory, 'dcmqrscp.cfg');
  const configurationFor = (associations: number): readonly string[] => [
    `NetworkTCPPort = ${port}`,
    'MaxPDUSize = 16384',
    // It counts those that have ended for a while.
    `MaxAssociations = ${2 * associations}`,
    'HostTable BEGIN',
    'HostTable END',
    'VendorTable BEGIN',
    'VendorTable END',
    'AETable BEGIN',
    `DCMQRSCP ${database} RW (500, 1024mb) ANY`,
    'AETable END',
    '',
  ];
  const configure = (associations = DCMQRSCP_ASSOCIATIONS): void => {
    writeFileSync(file, configurationFor(associations).join('\n'));
  };
  const program = { command: 'dcmqrscp', configure, args: ['-c', file, `${port}`], ports: [port] };
  return { kind: 'dcmqrscp', aeTitle: 'DCMQRSCP', port, ...runnable(program) };
}
