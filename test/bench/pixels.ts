import { join } from 'node:path';
import { TransferSyntaxes as S } from '../../src/dicom/index.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import { encapsulatedPicture, nativePicture } from '../helpers/pixel-instances.js';
import { listing } from '../helpers/listing.js';
import { final, startRoguePeer, store, type RogueInstance } from '../helpers/rogue-peer.js';
import { download } from './client.js';
import { Generator, type GeneratedSeries } from './data.js';
import { withGateway, type GatewayProcess } from './gateway.js';
import { meter, worstOf, type Used } from './meter.js';
import { createOrthanc, load, type Orthanc } from './pacs.js';
import { fileOf, pictures, samplesOf, type Picture } from './pictures.js';
import { rawDownload } from './raw-download.js';
import { compare, megabytes, summarise, type CountRow, type Findings, type MemoryRow } from './results.js';
import { alternate } from './samples.js';
import type { Settings } from './settings.js';
import { wrk } from './wrk.js';

/** Different slices whose pictures are asked for in turn. */
const SLICES = 20;
const CONNECTIONS = 4;
const JPEG = 'image/jpeg';
/** Least rate of pictures by that of Orthanc. */
const PICTURES_TO_REACH = 2;
/** Most milliseconds of a thumbnail: of what is there natively, and of what is decoded in fewer pixels. */
const THUMBNAIL_TO_REACH = { native: 10, reduced: 40 };
const THUMBNAILS = 40;
/** Most megabytes while both threads have frames of a long instance. */
const PEAK_MEGABYTES = 450;
/** Most milliseconds that the event loop may be late meanwhile. */
const LOOP_MS = 30;
const WINDOW = { '00281050:DS': '2048', '00281051:DS': '3000' };

interface Thumbnail {
  readonly what: string;
  readonly instance: RogueInstance;
  readonly toReach: number;
}

/**
 * Pictures of what is in the cache, made anew each time, against Orthanc's own; thumbnails; and memory and event loop
 * while the frames of a long instance are encoded in both threads.
 */
export async function benchPixels(settings: Settings): Promise<Findings> {
  const { directory, seed, multiFrameBytes } = settings;
  const slices = slicesOf(seed);
  const thumbnails = await thumbnailsOf(seed);
  const long = new Generator(seed).multiFrame(900, multiFrameBytes[0] ?? 0);
  const pacs = await createOrthanc(join(directory, 'pixels-orthanc'), { dicomWeb: true });
  try {
    await pacs.start('nodelay');
    for (const instance of [...slices, ...thumbnails.map((one) => one.instance)]) {
      const file = fileOf(instance);
      await pacs.post({ length: file.length, chunks: () => [file] });
    }
    await load(pacs, long);
    const tuning = { keepsPictures: false };
    const found = await withGateway(
      pacs,
      directory,
      async (gateway) => ({
        ...(await rendered(settings, gateway, pacs, slices)),
        counts: await times(gateway, pacs.kind, thumbnails),
      }),
      tuning,
    );
    const counts = [...found.counts, ...(await ofHtJ2k(directory, seed))];
    const busy = await withGateway(pacs, directory, (gateway) => encoding(gateway, pacs, long));
    return { ...found, counts, memory: [...found.memory, busy] };
  } finally {
    await pacs.stop();
  }
}

function pictureNamed(name: string): Picture {
  const found = pictures.find((one) => one.name === name);
  if (!found) throw new RangeError(`there is no picture ${name}`);
  return found;
}

const native = (name: string, seed: number, number = 0): RogueInstance => {
  const { shape } = pictureNamed(name);
  return nativePicture(shape, Buffer.from(samplesOf(shape, seed, number)), { extra: WINDOW });
};

const slicesOf = (seed: number): readonly RogueInstance[] =>
  Array.from({ length: SLICES }, (_, number) => native('512 x 512 x 16', seed, number));

async function thumbnailsOf(seed: number): Promise<readonly Thumbnail[]> {
  const large = '2048 x 2048 x 16';
  const natives = ['512 x 512 x 16', large].map((name) => ({
    what: `thumbnail of ${name}, ${S.ExplicitVrLittleEndian.name}`,
    instance: native(name, seed),
    toReach: THUMBNAIL_TO_REACH.native,
  }));
  return [...natives, await reduced(seed, S.Jpeg2000Lossless)];
}

/** Of which fewer pixels are decoded. */
async function reduced(seed: number, { uid, name }: typeof S.HtJ2kLossless): Promise<Thumbnail> {
  const large = pictureNamed('2048 x 2048 x 16');
  const { shape } = large;
  const { stream } = await encodeFrame({ samples: samplesOf(shape, seed), shape }, uid);
  return {
    what: `thumbnail of ${large.name}, ${name}`,
    instance: encapsulatedPicture(shape, [Buffer.from(stream)], uid, { extra: WINDOW }),
    toReach: THUMBNAIL_TO_REACH.reduced,
  };
}

/** Orthanc does not send HTJ2K: a peer in this process does, which has nothing to do once the image is in the cache. */
async function ofHtJ2k(directory: string, seed: number): Promise<readonly CountRow[]> {
  const thumbnail = await reduced(seed, S.HtJ2kLossless);
  const { instance } = thumbnail;
  const peer = await startRoguePeer({ onFind: listing([instance]), onGet: () => [store(instance), final()] });
  const { aeTitle, port } = peer.address;
  try {
    const measure = (gateway: GatewayProcess): Promise<readonly CountRow[]> =>
      times(gateway, 'own peer', [thumbnail]);
    return await withGateway({ aeTitle, port }, directory, measure, { keepsPictures: false });
  } finally {
    await peer.close();
  }
}

const pathOf = (
  one: Pick<RogueInstance, 'studyInstanceUid' | 'seriesInstanceUid' | 'sopInstanceUid'>,
): string =>
  `/studies/${one.studyInstanceUid}/series/${one.seriesInstanceUid}/instances/${one.sopInstanceUid}`;

async function rendered(
  { runs, loadSeconds, directory }: Settings,
  gateway: GatewayProcess,
  pacs: Orthanc,
  slices: readonly RogueInstance[],
): Promise<Findings> {
  const what = `rendered JPEG of 512 x 512 x 16, ${CONNECTIONS} connections, none kept`;
  const rateOf = (service: string): Promise<number> => {
    const { origin, pathname } = new URL(service);
    const paths = slices.map((one) => `${pathname}${pathOf(one)}/rendered`);
    return wrk(origin, { paths, accept: JPEG, connections: CONNECTIONS, seconds: loadSeconds, directory });
  };
  for (const one of slices) await rawDownload(`${gateway.service}${pathOf(one)}/rendered`, JPEG);
  const used: Used[] = [];
  const samples = await alternate(runs, [
    async (into) => {
      const measured = await meter(gateway);
      into.add('gateway', await rateOf(gateway.service));
      used.push(await measured());
    },
    async (into) => {
      into.add('Orthanc', await rateOf(pacs.service));
    },
  ]);
  const against = "Orthanc's own DICOMweb";
  const row = { what, against, peer: pacs.kind, sockets: 'nodelay', toReach: PICTURES_TO_REACH } as const;
  const comparison = compare({ ...row, unit: 'requests/s' }, samples.of('gateway'), samples.of('Orthanc'));
  const memory: MemoryRow = {
    what,
    peer: pacs.kind,
    seconds: loadSeconds,
    ...worstOf(used),
    loopToReach: LOOP_MS,
  };
  return { comparisons: [comparison], memory: [memory] };
}

/** The median of many, one after the other. */
async function times(
  gateway: GatewayProcess,
  peer: string,
  thumbnails: readonly Thumbnail[],
): Promise<readonly CountRow[]> {
  const rows: CountRow[] = [];
  for (const { what, instance, toReach } of thumbnails) {
    const url = `${gateway.service}${pathOf(instance)}/thumbnail`;
    const took: number[] = [];
    for (let time = 0; time < THUMBNAILS; time += 1) took.push((await rawDownload(url, JPEG)).seconds * 1000);
    // The first few come from the PACS, and start the threads.
    const { median } = summarise(took.slice(4));
    rows.push({
      what: `${what}: milliseconds, median`,
      peer,
      value: Math.round(median * 10) / 10,
      toReach,
    });
  }
  return rows;
}

/** What a client takes that asks for a long instance in RLE, which comes from the cache. */
async function encoding(gateway: GatewayProcess, pacs: Orthanc, long: GeneratedSeries): Promise<MemoryRow> {
  await download(gateway.service, long, { level: 'study' });
  const measured = await meter(gateway);
  const accept = `application/dicom; transfer-syntax=${S.RleLossless.uid}`;
  const { bytes, seconds } = await rawDownload(`${gateway.service}${pathOf(long)}`, accept);
  if (bytes < long.pixelBytes) throw new Error(`only ${bytes} bytes came`);
  return {
    what: `one multi-frame instance of ${Number((long.pixelBytes / 2 ** 30).toFixed(2))} GiB to ${S.RleLossless.name}`,
    peer: pacs.kind,
    megabytesMoved: megabytes(bytes),
    seconds,
    ...(await measured()),
    toReach: PEAK_MEGABYTES,
    loopToReach: LOOP_MS,
  };
}
