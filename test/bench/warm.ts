import { appendFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { download } from './client.js';
import { Generator, type GeneratedSeries } from './data.js';
import { withGateway, type GatewayProcess } from './gateway.js';
import { FRAME_BYTES } from './head.js';
import { meter, worstOf, type Used } from './meter.js';
import { startFileServer, type FileServer } from './nginx.js';
import { createOrthanc, load, type Orthanc } from './pacs.js';
import { randomBelow } from './random.js';
import { rawDownload } from './raw-download.js';
import { compare, megabytes, summarise, type Findings, type Unit } from './results.js';
import { alternate, type Samples } from './samples.js';
import type { Settings } from './settings.js';
import { FRAMES, getFrame, getJson, JSON_TYPE } from './viewer.js';
import { wrk } from './wrk.js';

const ANY_SYNTAX = 'multipart/related; type="application/dicom"; transfer-syntax=*';
const METADATA_CONNECTIONS = 4;
/** Orthanc reads the whole instance for each of its frames: on a slow machine none is there after 5 s. */
const SLOW_SIDE = 6;
const FRAME_CONNECTIONS = 8;
/** What the file for nginx is written in. */
const PIECE_BYTES = 2 ** 20;
/** Frames that are asked for in turn. */
const RANDOM_FRAMES = 1000;
/** Least rates by those of the other side that are good enough. */
const TO_REACH = { download: 0.8, metadataNginx: 0.5, metadataOrthanc: 10, frames: 4 };

/** Who takes part: the gateway has all of it in its cache, nginx has files of what the gateway sends. */
interface Sides {
  readonly settings: Settings;
  readonly gateway: GatewayProcess;
  readonly pacs: Orthanc;
  readonly nginx: FileServer;
}

interface Against {
  readonly name: string;
  readonly toReach: number;
  readonly measure: () => Promise<number>;
}

/** What is measured, and against whom. */
interface Race {
  readonly what: string;
  readonly unit: Unit;
  readonly gateway: () => Promise<number>;
  readonly others: readonly Against[];
}

/** Rates of what the gateway has in its cache, against nginx with the same in files and Orthanc's own DICOMweb. */
export async function benchWarm(settings: Settings): Promise<Findings> {
  const { directory, seed, slices, frames } = settings;
  const generator = new Generator(seed);
  const series = generator.ctSeries(1, slices);
  const multiFrame = generator.multiFrame(2, frames * FRAME_BYTES);
  const files = join(directory, 'warm-nginx');
  mkdirSync(files);
  const nginx = await startFileServer(files);
  const pacs = await createOrthanc(join(directory, 'warm-orthanc'), { dicomWeb: true });
  try {
    await pacs.start('nodelay');
    for (const one of [series, multiFrame]) await load(pacs, one);
    return await withGateway(pacs, directory, async (gateway) => {
      const sides = { settings, gateway, pacs, nginx };
      const found = [
        await run(sides, await downloadRace(sides, series, files)),
        await run(sides, await metadataRace(sides, series, files)),
        await run(sides, await framesRace(sides, multiFrame, frames)),
      ];
      return {
        comparisons: found.flatMap(({ comparisons }) => comparisons),
        memory: found.flatMap(({ memory }) => memory),
      };
    });
  } finally {
    await nginx.stop();
    await pacs.stop();
  }
}

async function downloadRace(
  { gateway, nginx }: Sides,
  series: GeneratedSeries,
  files: string,
): Promise<Race> {
  const url = `${gateway.service}/studies/${series.studyInstanceUid}`;
  // fills the cache, and checks what comes
  const { bytes } = await download(gateway.service, series, { level: 'study' });
  const file = join(files, 'study.bin');
  writeFileSync(file, '');
  for (let at = 0; at < bytes; at += PIECE_BYTES)
    appendFileSync(file, Buffer.alloc(PIECE_BYTES, at / PIECE_BYTES));
  truncateSync(file, bytes);
  const rate = async (from: string): Promise<number> => {
    const read = await rawDownload(from, ANY_SYNTAX);
    return read.bytes / 1e6 / read.seconds;
  };
  return {
    what: `warm study of ${series.count} CT slices as multipart, ${megabytes(bytes)} MB`,
    unit: 'MB/s',
    gateway: () => rate(url),
    others: [
      {
        name: 'nginx, a file of that size',
        toReach: TO_REACH.download,
        measure: () => rate(`${nginx.origin}/study.bin`),
      },
    ],
  };
}

async function metadataRace(
  { settings, gateway, pacs, nginx }: Sides,
  series: GeneratedSeries,
  files: string,
): Promise<Race> {
  const path = `/studies/${series.studyInstanceUid}/series/${series.seriesInstanceUid}/metadata`;
  const metadata = await getJson(gateway.service + path, series.count);
  await getJson(pacs.service + path, series.count);
  writeFileSync(join(files, 'metadata.json'), JSON.stringify(metadata));
  const rate = (url: string): Promise<number> => rateOf(settings, url, METADATA_CONNECTIONS);
  return {
    what: `warm metadata of ${series.count} CT slices, ${METADATA_CONNECTIONS} connections`,
    unit: 'requests/s',
    gateway: () => rate(gateway.service + path),
    others: [
      {
        name: 'nginx, that JSON',
        toReach: TO_REACH.metadataNginx,
        measure: () => rate(`${nginx.origin}/metadata.json`),
      },
      {
        name: "Orthanc's own DICOMweb",
        toReach: TO_REACH.metadataOrthanc,
        measure: () => rate(pacs.service + path),
      },
    ],
  };
}

const rateOf = ({ directory, loadSeconds }: Settings, url: string, connections: number): Promise<number> => {
  const { origin, pathname } = new URL(url);
  return wrk(origin, { paths: [pathname], accept: JSON_TYPE, connections, seconds: loadSeconds, directory });
};

async function framesRace(
  { settings, gateway, pacs }: Sides,
  series: GeneratedSeries,
  frames: number,
): Promise<Race> {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = series;
  const instance = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
  const below = randomBelow(settings.seed);
  const order = Array.from({ length: RANDOM_FRAMES }, () => 1 + below(frames));
  const rate = (service: string, seconds: number): Promise<number> => {
    const { origin, pathname } = new URL(service);
    return wrk(origin, {
      paths: order.map((frame) => `${pathname}${instance}/frames/${frame}`),
      accept: FRAMES,
      connections: FRAME_CONNECTIONS,
      seconds,
      directory: settings.directory,
    });
  };
  // the instance is in the gateway's cache from here on
  await download(gateway.service, series, { level: 'study' });
  for (const service of [gateway.service, pacs.service])
    await getFrame(`${service}${instance}/frames/${frames}`);
  return {
    what: `frames of a warm multi-frame of ${frames}, random, ${FRAME_CONNECTIONS} connections`,
    unit: 'requests/s',
    gateway: () => rate(gateway.service, settings.loadSeconds),
    others: [
      {
        name: "Orthanc's own DICOMweb",
        toReach: TO_REACH.frames,
        measure: () => rate(pacs.service, settings.loadSeconds * SLOW_SIDE),
      },
    ],
  };
}

async function run({ settings, gateway, pacs }: Sides, race: Race): Promise<Findings> {
  const { what, unit, others } = race;
  const used: Used[] = [];
  const samples = await alternate(settings.runs, [
    async (into) => {
      const measured = await meter(gateway);
      const from = performance.now();
      into.add('gateway', await race.gateway());
      into.add('seconds', (performance.now() - from) / 1000);
      used.push(await measured());
    },
    ...others.map(({ name, measure }) => async (into: Samples): Promise<void> => {
      into.add(name, await measure());
    }),
  ]);
  return {
    comparisons: others.map(({ name, toReach }) =>
      compare(
        { what, against: name, peer: pacs.kind, sockets: 'nodelay', unit, toReach },
        samples.of('gateway'),
        samples.of(name),
      ),
    ),
    memory: [{ what, peer: pacs.kind, seconds: summarise(samples.of('seconds')).median, ...worstOf(used) }],
  };
}
