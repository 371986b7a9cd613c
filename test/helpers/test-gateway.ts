import { createHash } from 'node:crypto';
import http from 'node:http';
import { loadConfig } from '../../src/config/index.js';
import { startGateway, type RunningGateway } from '../../src/compose.js';
import { createTelemetry, type Telemetry } from '../../src/telemetry/index.js';
import { PATIENCE_MS } from './patience.js';

/** A gateway in this process, on a free port, with what it logs. */
export interface TestGateway {
  readonly origin: string;
  /** Base URL of the default peer's DICOMweb. */
  readonly service: string;
  readonly running: RunningGateway;
  readonly telemetry: Telemetry;
  readonly logLines: readonly string[];
  /** Resolves with the first log line that holds `text`; rejects after `timeoutMs`. */
  logged(text: string, timeoutMs?: number): Promise<string>;
  close(): Promise<void>;
}

/**
 * Starts a gateway; `yaml` is its configuration, over time-outs short enough for tests. It prefetches, makes head
 * starts, completes results and ends look-aheads in time only where `yaml` says so: most tests count what the peer is asked for, whatever the load of the machine.
 */
export async function startTestGateway(yaml: string): Promise<TestGateway> {
  const config = loadConfig({
    file: yaml,
    env: {
      DICOMGW_HTTP_LISTEN: '127.0.0.1:0',
      DICOMGW_LOG_LEVEL: 'debug',
      DICOMGW_HTTP_DRAIN_TIMEOUT: '2s',
      ...(yaml.includes('prefetch:') ? {} : { DICOMGW_RETRIEVE_PREFETCH: 'off' }),
      ...(yaml.includes('complete:') ? {} : { DICOMGW_SEARCH_COMPLETE: 'off' }),
      ...(yaml.includes('lookAheadTime:') ? {} : { DICOMGW_SEARCH_LOOK_AHEAD_TIME: '0' }),
      ...(yaml.includes('headStart:') ? {} : { DICOMGW_RETRIEVE_HEAD_START: '0' }),
    },
  });
  const logLines: string[] = [];
  const waiting = new Set<() => void>();
  const logged = (text: string, timeoutMs = PATIENCE_MS): Promise<string> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`nothing was logged with ${text}`));
      }, timeoutMs);
      const look = (): void => {
        const line = logLines.find((one) => one.includes(text));
        if (line === undefined) return;
        clearTimeout(timer);
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
      look();
    });
  const telemetry = createTelemetry({
    level: config.log.level,
    version: 'test',
    peers: Object.keys(config.peers),
    destination: {
      write: (line: string) => {
        logLines.push(line);
        for (const look of waiting) look();
      },
    },
  });
  const running = await startGateway(config, telemetry);
  const service = `${running.origin}${config.http.basePath}`;
  return {
    origin: running.origin,
    service,
    running,
    telemetry,
    logLines,
    logged,
    close: () => running.close(),
  };
}

/** Time-outs that do not pass on a busy machine: for tests in which none should; a line of the peer. */
export const PATIENT = timeoutsYaml(20);
/** Time-outs that pass soon, for tests of what becomes of a request then; goes into `extra` of {@link peerYaml}. */
export const HASTY = timeoutsYaml(1);

function timeoutsYaml(seconds: number): string {
  const keys = ['connect', 'association', 'firstResponse', 'firstSubOperation', 'betweenResponses'];
  const all = keys.map((key) => `${key}: ${seconds}s`);
  return `    timeouts: { ${all.join(', ')}, queue: ${2 * seconds}s, firstInstance: ${3 * seconds}s }`;
}

/** A configuration for one peer; with time-outs that do not pass on a busy machine, unless `extra` has others. */
export function peerYaml(address: string, extra = ''): string {
  const lines = extra.split('\n').filter((line) => line !== '');
  const hasOwn = lines.some((line) => line.startsWith('    timeouts:'));
  return ['peers:', '  main:', `    address: ${address}`, ...(hasOwn ? [] : [PATIENT]), ...lines, ''].join(
    '\n',
  );
}

/** A whole response as it came over the wire. */
export interface RawResponse {
  /** 0 when the connection was reset before the status line. */
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  /** False when the connection broke before the body's end. */
  readonly complete: boolean;
}

/** Sends a request with Node's own client, which tells a broken body from a whole one. */
export function request(
  url: string,
  options: {
    method?: string;
    headers?: http.OutgoingHttpHeaders;
    body?: Buffer | string;
    signal?: AbortSignal;
  } = {},
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, signal } = options;
    const outgoing = http.request(
      url,
      { method, headers, agent: false, ...(signal ? { signal } : {}) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => undefined);
        response.on('close', () => {
          const { statusCode = 0, headers: received, complete } = response;
          resolve({ status: statusCode, headers: received, body: Buffer.concat(chunks), complete });
        });
      },
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // A reset may overtake the head of the response on its way through the kernel: the client sees it as broken.
      if (error.code === 'ECONNRESET')
        resolve({ status: 0, headers: {}, body: Buffer.alloc(0), complete: false });
      else reject(error);
    });
    outgoing.end(body);
  });
}

/** A part of a multipart body. */
export interface Part {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Takes a multipart response apart, independently of the gateway's own reader; throws when it is not whole. */
export function partsOf({ headers, body }: Pick<RawResponse, 'headers' | 'body'>): readonly Part[] {
  const boundary = /boundary="?([^";]+)"?/.exec(headers['content-type'] ?? '')?.[1];
  if (boundary === undefined) throw new Error(`no boundary in ${headers['content-type'] ?? 'nothing'}`);
  const delimiter = Buffer.from(`--${boundary}`);
  const parts: Part[] = [];
  let at = body.indexOf(delimiter);
  if (at !== 0) throw new Error('the body does not begin with its boundary');
  for (;;) {
    at += delimiter.length;
    if (body.subarray(at, at + 2).toString() === '--') return parts;
    const headEnd = body.indexOf('\r\n\r\n', at);
    const next = body.indexOf(Buffer.concat([Buffer.from('\r\n'), delimiter]), headEnd);
    if (headEnd < 0 || next < 0) throw new Error('the multipart body is not whole');
    const head = body
      .subarray(at + 2, headEnd)
      .toString('latin1')
      .split('\r\n');
    const fields = head.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]);
    parts.push({
      headers: Object.fromEntries(fields) as Record<string, string>,
      body: body.subarray(headEnd + 4, next),
    });
    at = next + 2;
  }
}

/** The dataset of a Part 10 file, after its preamble and meta information. */
export function datasetOf(file: Buffer): Buffer {
  if (file.subarray(128, 132).toString() !== 'DICM') throw new Error('no Part 10 file');
  return file.subarray(144 + file.readUInt32LE(140));
}

/** A transfer syntax as the File Meta Information of a Part 10 file has it. */
export function transferSyntaxOf(file: Buffer): string {
  const at = file.indexOf(Buffer.from('0200100055490000', 'hex').subarray(0, 6), 132);
  const length = file.readUInt16LE(at + 6);
  return file.toString('latin1', at + 8, at + 8 + length).replace(/\0$/, '');
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A multipart/related body of Part 10 files, and its Content-Type. */
export function storeBody(files: readonly Buffer[]): { readonly contentType: string; readonly body: Buffer } {
  const boundary = 'test-boundary';
  const pieces = files.flatMap((file) => [
    Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
    file,
    Buffer.from('\r\n'),
  ]);
  return {
    contentType: `multipart/related; type="application/dicom"; boundary=${boundary}`,
    body: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]),
  };
}
