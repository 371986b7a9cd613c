/** The viewer's side of the bench: reads as fast as the gateway sends, counts, keeps nothing. */
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { GeneratedSeries } from './data.js';
import { PartCounter } from './part-counter.js';
import { seconds } from './process.js';

/** A retrieve as its client saw it, in seconds from the request. */
export interface Download {
  readonly seconds: number;
  /** When the first instance was there whole. */
  readonly firstInstanceSeconds: number;
  readonly bytes: number;
}

/** In the middle of the body the client stops reading for so long. */
export interface Pause {
  readonly afterBytes: number;
  readonly ms: number;
}

function answerTo(request: http.ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('error', reject).once('response', resolve);
  });
}

function expectStatus(response: IncomingMessage, status: number): void {
  if (response.statusCode === status) return;
  response.destroy();
  throw new Error(`the gateway answered ${response.statusCode ?? 'nothing'}, not ${status}`);
}

/** How the client reads: as fast as it can but for these. */
interface Pace {
  readonly pause?: Pause;
  readonly bytesPerSecond?: number;
}

/** Resolves when the body was read to its end; rejects when it broke off. */
function read(
  response: IncomingMessage,
  onChunk: (chunk: Buffer) => void,
  { pause, bytesPerSecond = Infinity }: Pace = {},
): Promise<void> {
  const from = performance.now();
  let bytes = 0;
  let paused = false;
  const waitMs = (): number => {
    if (!pause || paused || bytes < pause.afterBytes)
      return from + (bytes / bytesPerSecond) * 1000 - performance.now();
    paused = true;
    return pause.ms;
  };
  return new Promise((resolve, reject) => {
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      onChunk(chunk);
      const ms = waitMs();
      if (ms < 1) return;
      response.pause();
      setTimeout(() => response.resume(), ms);
    });
    response.once('error', reject).once('end', resolve);
  });
}

const AGAIN_MS = 1000;
const MOST_AGAIN = 300;

/** The answer of an archive that may take longer than `timeouts.firstInstance` to send anything of a large instance. */
async function answerWhenThere(url: string, headers: http.OutgoingHttpHeaders): Promise<IncomingMessage> {
  for (let again = 0; ; again += 1) {
    const response = await answerTo(http.request(url, { headers, agent: false }).end());
    const isToCome = response.statusCode === 503 && response.headers['retry-after'] !== undefined;
    if (!isToCome || again === MOST_AGAIN) return response;
    response.resume();
    await delay(AGAIN_MS);
  }
}

/** Retrieves a series or the study that it is in; throws unless every instance arrived. */
export async function download(
  service: string,
  series: GeneratedSeries,
  { level = 'series', ...pace }: { readonly level?: 'series' | 'study' } & Pace = {},
): Promise<Download> {
  const study = `${service}/studies/${series.studyInstanceUid}`;
  const url = level === 'study' ? study : `${study}/series/${series.seriesInstanceUid}`;
  const headers = { Accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
  const from = performance.now();
  const elapsed = (): number => (performance.now() - from) / 1000;
  const response = await answerWhenThere(url, headers);
  expectStatus(response, 200);
  const boundary = /boundary="?([^";]+)"?/.exec(response.headers['content-type'] ?? '')?.[1];
  if (boundary === undefined) throw new Error('the answer is not multipart');
  const counter = new PartCounter(boundary);
  let bytes = 0;
  let firstInstanceSeconds = 0;
  await read(
    response,
    (chunk) => {
      bytes += chunk.length;
      counter.push(chunk);
      if (firstInstanceSeconds === 0 && counter.parts > 0) firstInstanceSeconds = elapsed();
    },
    pace,
  );
  const took = elapsed();
  if (!counter.closed || counter.parts !== series.count || bytes < series.pixelBytes) {
    throw new Error(`${counter.parts} parts and ${bytes} bytes of ${series.count} instances arrived`);
  }
  return { seconds: took, firstInstanceSeconds, bytes };
}

/** Seconds in which a search for all studies brings `expected` results. */
export async function search(service: string, expected: number): Promise<number> {
  let body: readonly Buffer[] = [];
  const took = await seconds(async () => {
    const headers = { Accept: 'application/dicom+json' };
    const response = await answerTo(http.request(`${service}/studies`, { headers, agent: false }).end());
    expectStatus(response, 200);
    const chunks: Buffer[] = [];
    await read(response, (chunk) => void chunks.push(chunk));
    body = chunks;
  });
  const rows = JSON.parse(Buffer.concat(body).toString()) as readonly unknown[];
  if (rows.length !== expected) throw new Error(`the search found ${rows.length} of ${expected}`);
  return took;
}

/** A list as its client saw it while it came. */
export interface Listed {
  readonly seconds: number;
  readonly rows: number;
  /** When the first row was there, in milliseconds of the calendar. */
  readonly firstRowAt: number;
}

const ROW = Buffer.from('"0020000D"');

/** Lists all studies and keeps none. */
export async function list(service: string): Promise<Listed> {
  let rows = 0;
  let firstRowAt = 0;
  let tail: Buffer = Buffer.alloc(0);
  const count = (chunk: Buffer): void => {
    const bytes = Buffer.concat([tail, chunk]);
    let at = bytes.indexOf(ROW);
    let counted = 0;
    for (; at >= 0; at = bytes.indexOf(ROW, counted)) {
      rows += 1;
      counted = at + ROW.length;
    }
    if (rows > 0 && firstRowAt === 0) firstRowAt = Date.now();
    tail = bytes.subarray(Math.max(counted, bytes.length - ROW.length + 1));
  };
  const took = await seconds(async () => {
    const headers = { Accept: 'application/dicom+json' };
    const response = await answerTo(http.request(`${service}/studies`, { headers, agent: false }).end());
    expectStatus(response, 200);
    await read(response, count);
  });
  return { seconds: took, rows, firstRowAt };
}

const BOUNDARY = 'bench-boundary-of-parts';

type Part = Iterable<Buffer>;

function* storeBody(parts: Iterable<Part>): Generator<Buffer> {
  const head = Buffer.from(`--${BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n`);
  for (const part of parts) {
    yield head;
    yield* part;
    yield Buffer.from('\r\n');
  }
  yield Buffer.from(`--${BOUNDARY}--\r\n`);
}

function* contentsOf(files: readonly string[]): Generator<Part> {
  for (const file of files) yield [readFileSync(file)];
}

/** Seconds in which one request stores all files. */
export function store(service: string, files: readonly string[]): Promise<number> {
  return storeParts(service, contentsOf(files), files.length);
}

/** Seconds in which one request stores `count` parts, that are made while they are sent. */
export async function storeParts(service: string, parts: Iterable<Part>, count: number): Promise<number> {
  let answer: { readonly '00081199'?: { readonly Value?: readonly unknown[] } } = {};
  const took = await seconds(async () => {
    const headers = {
      'Content-Type': `multipart/related; type="application/dicom"; boundary=${BOUNDARY}`,
      Accept: 'application/dicom+json',
    };
    const request = http.request(`${service}/studies`, { method: 'POST', headers, agent: false });
    const [response] = await Promise.all([
      answerTo(request),
      pipeline(Readable.from(storeBody(parts)), request),
    ]);
    expectStatus(response, 200);
    answer = (await json(response)) as typeof answer;
  });
  const stored = answer['00081199']?.Value?.length ?? 0;
  if (stored !== count) throw new Error(`${stored} of ${count} instances were stored`);
  return took;
}
