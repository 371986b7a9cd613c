/** What a viewer such as OHIF asks for when it opens a study. */
import { once } from 'node:events';
import http from 'node:http';
import { json } from 'node:stream/consumers';
import type { GeneratedSeries } from './data.js';
import { FRAME_BYTES } from './head.js';

/** As many connections as a browser opens to one host. */
const CONNECTIONS = 6;

/** What a viewer takes frames in: as they are. */
export const FRAMES = 'multipart/related; type=application/octet-stream; transfer-syntax=*';
/** What a viewer takes metadata and lists in. */
export const JSON_TYPE = 'application/dicom+json';

/** Seconds from the first request. */
export interface Opening {
  readonly metadataSeconds: number;
  readonly framesSeconds: number;
}

type Dataset = Readonly<Record<string, { readonly Value?: readonly unknown[] } | undefined>>;

async function get(url: string, accept: string, agent?: http.Agent): Promise<http.IncomingMessage> {
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http
      .get(url, { headers: { Accept: accept }, ...(agent ? { agent } : {}) })
      .once('error', reject)
      .once('response', resolve);
  });
  if (response.statusCode !== 200) throw new Error(`${response.statusCode ?? 'nothing'} from ${url}`);
  return response;
}

/** The datasets of an answer in DICOM JSON; throws unless there are `expected`. */
export async function getJson(
  url: string,
  expected: number,
  agent?: http.Agent,
): Promise<readonly Dataset[]> {
  const datasets = (await json(await get(url, JSON_TYPE, agent))) as readonly Dataset[];
  if (datasets.length !== expected) throw new Error(`${datasets.length} of ${expected} from ${url}`);
  return datasets;
}

function uidIn(dataset: Dataset, tag: string): string {
  const value = dataset[tag]?.Value?.[0];
  if (typeof value !== 'string') throw new Error(`${tag} is missing`);
  return value;
}

/** Lists the series, reads the metadata of all of them at once, then every frame; throws unless all is there. */
export async function openStudy(service: string, series: readonly GeneratedSeries[]): Promise<Opening> {
  const study = `${service}/studies/${series[0]?.studyInstanceUid ?? ''}`;
  const counts = new Map(series.map(({ seriesInstanceUid, count }) => [seriesInstanceUid, count]));
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const from = performance.now();
  const elapsed = (): number => (performance.now() - from) / 1000;
  try {
    const list = await getJson(`${study}/series`, series.length, agent);
    const metadata = await Promise.all(
      list.map(async (one) => {
        const seriesInstanceUid = uidIn(one, '0020000E');
        const address = `${study}/series/${seriesInstanceUid}`;
        const expected = counts.get(seriesInstanceUid) ?? 0;
        const instances = await getJson(`${address}/metadata`, expected, agent);
        return instances.map((instance) => `${address}/instances/${uidIn(instance, '00080018')}/frames/1`);
      }),
    );
    const metadataSeconds = elapsed();
    await Promise.all(metadata.flat().map((frame) => getFrame(frame, agent)));
    return { metadataSeconds, framesSeconds: elapsed() };
  } finally {
    agent.destroy();
  }
}

/** Reads a frame and keeps nothing of it, so that the client costs little; throws unless it is whole. */
export async function getFrame(url: string, agent?: http.Agent): Promise<void> {
  const response = await get(url, FRAMES, agent);
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    length += chunk.length;
  });
  await once(response, 'end');
  if (length < FRAME_BYTES) throw new Error(`${length} bytes of a frame from ${url}`);
}
