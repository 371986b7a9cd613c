import { execFile, spawn, type ChildProcess } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, portOpen } from './free-port.js';

const run = promisify(execFile);

/** A PACS of other make, in a process of its own on loopback. */
export interface RealPacs {
  readonly kind: 'orthanc' | 'dcmqrscp';
  readonly aeTitle: string;
  readonly port: number;
  /** Orthanc's own HTTP service. */
  readonly restUrl: string | undefined;
  readonly directory: string;
  /** Stores files by C-STORE with DCMTK, each in the syntax it has; resolves with those that the PACS took. */
  load(files: readonly string[]): Promise<readonly string[]>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again where it was killed, with what it holds. */
  restart(): Promise<void>;
  /** Holds it up, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  stop(): Promise<void>;
}

export interface RealPacsOptions {
  /** Where C-MOVE to AE title GATEWAY goes. */
  readonly movePort: number;
  /** Leave the Nagle algorithm on, as these peers do by default. */
  readonly nagle?: boolean;
  /** For dcmqrscp, such as `+xt` to take JPEG-LS. */
  readonly extraArguments?: readonly string[];
  /** For Orthanc: further keys of its configuration. */
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/** Where a program is, on the path or among those of the system; undefined where it is not installed. */
export const program = (name: string): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .concat('/usr/sbin')
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });

/** What a PACS prints, in its directory. */
const LOG = 'output.log';

interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly nagle: boolean;
  /** Where its output goes. */
  readonly log: string;
}

function launch({ command, args, nagle, log }: Launch): ChildProcess {
  const { TCP_NODELAY: _ignored, ...env } = process.env;
  const output = openSync(log, 'a');
  const child = spawn(program(command) ?? command, args, {
    stdio: ['ignore', output, output],
    env: nagle ? env : { ...env, TCP_NODELAY: '1' },
    detached: true, // a group of its own: dcmqrscp has a process for each association
  });
  closeSync(output);
  const endWithTests = (): void => {
    signalGroup(child, 'SIGKILL');
  };
  process.once('exit', endWithTests);
  child.once('exit', () => process.off('exit', endWithTests));
  return child;
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // it has gone
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  signalGroup(child, signal);
  const timer = setTimeout(() => {
    signalGroup(child, 'SIGKILL');
  }, 5000);
  await gone;
  clearTimeout(timer);
}

/** How many files one dcmsend gets: it proposes a context per SOP class and syntax, within 128. */
const FILES_AT_ONCE = 50;

/** Sends files as they are; dcmsend's own report tells which of them the PACS answered with success. */
async function load(pacs: Target, files: readonly string[]): Promise<readonly string[]> {
  const taken: string[] = [];
  for (let from = 0; from < files.length; from += FILES_AT_ONCE) {
    taken.push(...(await send(pacs, files.slice(from, from + FILES_AT_ONCE))));
  }
  return taken;
}

interface Target {
  readonly aeTitle: string;
  readonly port: number;
  readonly directory: string;
}

async function send(
  { aeTitle, port, directory }: Target,
  files: readonly string[],
  attempts = 3,
): Promise<readonly string[]> {
  const report = join(directory, 'send-report.txt');
  rmSync(report, { force: true });
  const options = ['--no-halt', '--decompress-never', '--create-report-file', report];
  try {
    await run('dcmsend', ['-aec', aeTitle, ...options, '127.0.0.1', `${port}`, ...files], {
      env: { ...process.env, TCP_NODELAY: '1' },
    });
  } catch {
    // an exit status tells that some file was refused or is no DICOM file; the report tells which
  }
  // Without one dcmsend did not get as far as sending: a PACS that has only just begun may turn it away.
  if (!existsSync(report) && attempts > 1) return send({ aeTitle, port, directory }, files, attempts - 1);
  const blocks = readFileSync(report, 'latin1').split(/\n\s*\n/);
  return blocks.flatMap((block) => {
    const name = /^Filename\s*:\s*(.+)$/m.exec(block)?.[1];
    return name !== undefined && /^DIMSE Status\s*:\s*0x0000/m.test(block) ? [name.trim()] : [];
  });
}

/** Starts Orthanc with its DICOMweb plugin where it is installed. */
export async function startOrthanc({
  movePort,
  nagle = false,
  configuration: more = {},
}: RealPacsOptions): Promise<RealPacs> {
  const directory = mkdtempSync(join(tmpdir(), 'orthanc-'));
  const [port, httpPort] = [await freePort(), await freePort()];
  const database = join(directory, 'db');
  mkdirSync(database);
  const configuration = {
    Name: 'test',
    StorageDirectory: database,
    IndexDirectory: database,
    Plugins: ['/usr/share/orthanc/plugins/libOrthancDicomWeb.so'],
    HttpPort: httpPort,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    DicomAet: 'ORTHANC',
    DicomPort: port,
    DicomCheckCalledAet: false,
    DicomCheckModalityHost: false,
    DicomAlwaysAllowEcho: true,
    DicomAlwaysAllowStore: true,
    DicomAlwaysAllowFind: true,
    DicomAlwaysAllowMove: true,
    DicomAlwaysAllowGet: true,
    UnknownSopClassAccepted: true,
    DicomThreadsCount: 8,
    MaximumPduLength: 131072,
    TranscodeDicomProtocol: true,
    OverwriteInstances: true,
    StableAge: 1,
    SaveJobs: false,
    SyncStorageArea: false,
    DicomModalities: { gateway: { AET: 'GATEWAY', Host: '127.0.0.1', Port: movePort, AllowGet: true } },
    DicomWeb: {
      Enable: true,
      Root: '/dicom-web/',
      EnableWado: true,
      StudiesMetadata: 'Full',
      SeriesMetadata: 'Full',
    },
    ...more,
  };
  const file = join(directory, 'orthanc.json');
  writeFileSync(file, JSON.stringify(configuration));
  const restUrl = `http://127.0.0.1:${httpPort}`;
  const about = { kind: 'orthanc', aeTitle: 'ORTHANC', port, restUrl, directory } as const;
  return started(about, { command: 'Orthanc', args: [file], nagle, log: join(directory, LOG) });
}

/** Starts DCMTK's dcmqrscp over an empty index. */
export async function startDcmqrscp({
  movePort,
  nagle = false,
  extraArguments = [],
}: RealPacsOptions): Promise<RealPacs> {
  const directory = mkdtempSync(join(tmpdir(), 'dcmqrscp-'));
  const port = await freePort();
  const database = join(directory, 'db');
  mkdirSync(database);
  const file = join(directory, 'dcmqrscp.cfg');
  writeFileSync(
    file,
    [
      `NetworkTCPPort = ${port}`,
      'MaxPDUSize = 131072',
      'MaxAssociations = 16',
      'HostTable BEGIN',
      `gateway = (GATEWAY, 127.0.0.1, ${movePort})`,
      'HostTable END',
      'VendorTable BEGIN',
      'VendorTable END',
      'AETable BEGIN',
      `DCMQRSCP ${database} RW (500, 2000mb) ANY`,
      'AETable END',
      '',
    ].join('\n'),
  );
  const args = ['-c', file, ...extraArguments, `${port}`];
  const about = { kind: 'dcmqrscp', aeTitle: 'DCMQRSCP', port, restUrl: undefined, directory } as const;
  return started(about, { command: 'dcmqrscp', args, nagle, log: join(directory, LOG) });
}

type About = Pick<RealPacs, 'kind' | 'aeTitle' | 'port' | 'restUrl' | 'directory'>;

async function started(about: About, how: Launch): Promise<RealPacs> {
  const listening = async (): Promise<void> => {
    await portOpen(about.port);
    if (about.restUrl !== undefined) await portOpen(Number(new URL(about.restUrl).port));
  };
  let child = launch(how);
  await listening();
  return {
    ...about,
    load: (files) => load(about, files),
    kill: (signal = 'SIGKILL') => end(child, signal),
    restart: async () => {
      child = launch(how);
      await listening();
    },
    signal: (signal) => {
      signalGroup(child, signal);
    },
    stop: async () => {
      signalGroup(child, 'SIGCONT');
      await end(child, 'SIGTERM');
      rmSync(about.directory, { recursive: true, force: true });
    },
  };
}
