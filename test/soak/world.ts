/** What the two PACS hold, made from a seed, and what is known of each instance of it. */
import { randomBelow } from '../bench/random.js';
import { ctSlice, usCine, type Fixture } from '../helpers/fixtures.js';
import { sha256 } from '../helpers/test-gateway.js';

export type PeerName = 'orthanc' | 'dcmqrscp';
export const PEERS: readonly PeerName[] = ['orthanc', 'dcmqrscp'];

/** An instance and everything that an answer about it is held against. */
export interface KnownInstance {
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly sopUid: string;
  readonly number: number;
  readonly patientId: string;
  readonly rows: number;
  readonly columns: number;
  /** Digest of the dataset, without preamble and File Meta Information. */
  readonly digest: string;
  /** Digests of the frames as they are stored. */
  readonly frames: readonly string[];
  readonly pixels: string;
  readonly file: Buffer;
}

export interface KnownSeries {
  readonly uid: string;
  readonly instances: readonly KnownInstance[];
}

export interface KnownStudy {
  readonly uid: string;
  readonly patientId: string;
  readonly accessionNumber: string;
  readonly series: readonly KnownSeries[];
  readonly instances: readonly KnownInstance[];
}

/** What the PACS hold, by the name of the peer. */
export type World = Readonly<Record<PeerName, readonly KnownStudy[]>>;

const CT = '1.2.840.10008.5.1.4.1.1.2';
const SIDE = 256;
const CINE = { rows: 96, columns: 128, frames: 12 };
/** Studies have numbers of their own at each PACS. */
export const FIRST_STUDY: Readonly<Record<PeerName, number>> = { orthanc: 1000, dcmqrscp: 2000 };

/**
 * The same instance with noise of 12 bits, or of 6, in place of its pixels: no two frames of the world are alike. JPEG-LS makes
 * noise over all bits larger than it was, which its encoder does not expect.
 */
function noisy(fixture: Fixture, pixelBytes: number, next: (bound: number) => number): Fixture {
  const pixels = Buffer.alloc(pixelBytes);
  if (fixture.sopClassUid === CT)
    for (let at = 0; at < pixelBytes; at += 2) pixels.writeUInt16LE(next(4096), at);
  else for (let at = 0; at < pixelBytes; at += 1) pixels.writeUInt8(next(64), at);
  const replace = (bytes: Buffer): Buffer =>
    Buffer.concat([bytes.subarray(0, bytes.length - pixelBytes), pixels]);
  return { ...fixture, dataset: replace(fixture.dataset), file: replace(fixture.file) };
}

interface Shape {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly frameBytes: number;
}

function known(fixture: Fixture, number: number, patientId: string, shape: Shape): KnownInstance {
  const pixels = fixture.dataset.subarray(fixture.dataset.length - shape.frames * shape.frameBytes);
  return {
    studyUid: fixture.studyInstanceUid,
    seriesUid: fixture.seriesInstanceUid,
    sopUid: fixture.sopInstanceUid,
    number,
    patientId,
    rows: shape.rows,
    columns: shape.columns,
    digest: sha256(fixture.dataset),
    frames: Array.from({ length: shape.frames }, (_, index) =>
      sha256(pixels.subarray(index * shape.frameBytes, (index + 1) * shape.frameBytes)),
    ),
    pixels: sha256(pixels),
    file: fixture.file,
  };
}

function ctSeriesOf(
  study: number,
  series: number,
  count: number,
  next: (bound: number) => number,
): KnownSeries {
  const patientId = `FIX${study}`;
  const shape = { rows: SIDE, columns: SIDE, frames: 1, frameBytes: SIDE * SIDE * 2 };
  const instances = Array.from({ length: count }, (_, index) => {
    const slice = ctSlice({ study, series, instance: index + 1, rows: SIDE, columns: SIDE });
    return known(noisy(slice, shape.frameBytes, next), index + 1, patientId, shape);
  });
  return { uid: instances[0]?.seriesUid ?? '', instances };
}

function cineSeriesOf(study: number, series: number, next: (bound: number) => number): KnownSeries {
  const shape = { ...CINE, frameBytes: CINE.rows * CINE.columns * 3 };
  const cine = noisy(usCine({ study, series, ...CINE }), CINE.frames * shape.frameBytes, next);
  const instance = known(cine, 1, `FIX${study}`, shape);
  return { uid: instance.seriesUid, instances: [instance] };
}

/** A study of two CT series and a cine; every seventh is much longer than the others. */
function studyOf(study: number, place: number, next: (bound: number) => number): KnownStudy {
  const series = [
    ctSeriesOf(study, 1, place % 7 === 6 ? 60 : 12, next),
    ctSeriesOf(study, 2, 5, next),
    cineSeriesOf(study, 3, next),
  ];
  const instances = series.flatMap((one) => one.instances);
  return {
    uid: instances[0]?.studyUid ?? '',
    patientId: `FIX${study}`,
    accessionNumber: `ACC${study}`,
    series,
    instances,
  };
}

/** Makes so many studies for each PACS. */
export function makeWorld(seed: number, studies: number): World {
  const next = randomBelow(seed);
  const of = (peer: PeerName): readonly KnownStudy[] =>
    Array.from({ length: studies }, (_, index) => studyOf(FIRST_STUDY[peer] + index, index, next));
  return { orthanc: of('orthanc'), dcmqrscp: of('dcmqrscp') };
}
