import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TransferSyntaxes as S } from '../../src/dicom/index.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import type { createFramePool, FramePool, FrameShape } from '../../src/transcode/index.js';
import { encodeFrameLossy } from '../../src/transcode/lossy-frame.js';
import { encapsulatedPicture } from '../helpers/pixel-instances.js';
import type { RogueInstance } from '../helpers/rogue-peer.js';
import { decoders, decodeSeconds, isInstalled, type Decoder } from './decoders.js';
import { withGateway } from './gateway.js';
import { meter, worstOf, type Used } from './meter.js';
import { createOrthanc, type Orthanc } from './pacs.js';
import { fileOf, pictures, samplesOf, writeFile, type Picture } from './pictures.js';
import { seconds } from './process.js';
import { rawDownload } from './raw-download.js';
import { compare, megabytes, summarise, type Comparison, type Findings, type MemoryRow } from './results.js';
import { alternate } from './samples.js';
import type { Settings } from './settings.js';

const POOL = join(import.meta.dirname, '../../dist/transcode/index.js');
const LOSS = { jpegQuality: 90, jpegLsError: 2, j2kRatio: 10, htJ2kStep: 0.001 };

interface Codec {
  readonly syntax: { readonly uid: string; readonly name: string };
  readonly decoder: Decoder;
  /** Largest ratio that is good enough. */
  readonly toReach: number;
  readonly takes?: (shape: FrameShape) => boolean;
}

const CODECS: readonly Codec[] = [
  { syntax: S.RleLossless, decoder: decoders.dcmdrle, toReach: 1 },
  {
    syntax: S.JpegBaseline,
    decoder: decoders.dcmdjpeg,
    toReach: 1.3,
    takes: ({ bitsAllocated }) => bitsAllocated === 8,
  },
  { syntax: S.JpegLosslessSv1, decoder: decoders.dcmdjpeg, toReach: 1.3 },
  { syntax: S.JpegLsLossless, decoder: decoders.dcmdjpls, toReach: 0.9 },
  { syntax: S.Jpeg2000Lossless, decoder: decoders.gdcmconv, toReach: 1.6 },
  { syntax: S.HtJ2kLossless, decoder: decoders.ojph_expand, toReach: 1.6 },
];

/** Which transfer syntaxes a whole series is decoded from. */
const SERIES: readonly Codec[] = [
  { syntax: S.JpegLosslessSv1, decoder: decoders.dcmdjpeg, toReach: 1.2 },
  { syntax: S.JpegLsLossless, decoder: decoders.dcmdjpls, toReach: 1.2 },
];
const CORES = 2;
/** Different slices of a series. */
const DIFFERENT = 5;

/**
 * Frames decoded through the pool against the native tool on the same image, its start taken off, and a series decoded
 * on its way through HTTP against the tool on as many cores.
 */
export async function benchCodecs(settings: Settings): Promise<Findings> {
  const comparisons: Comparison[] = [];
  const memory: MemoryRow[] = [];
  const { createFramePool: create } = (await import(POOL)) as { createFramePool: typeof createFramePool };
  const limits = { frameBytes: 2 ** 27, picturePixels: 2 ** 26 };
  const options = { workers: 1, queue: 1, frameMs: 60_000, heapMegabytes: 256, ...limits };
  const pool = create(options, () => undefined);
  try {
    for (const [picture, codec] of cases) {
      const found = await oneFrame(settings, pool, picture, codec);
      if (found) comparisons.push(found);
    }
  } finally {
    await pool.close();
  }
  for (const codec of SERIES) {
    const found = await wholeSeries(settings, codec);
    comparisons.push(...found.comparisons);
    memory.push(...found.memory);
  }
  return { comparisons, memory };
}

const cases = pictures.flatMap((picture) =>
  CODECS.filter(({ takes = () => true }) => takes(picture.shape)).map((codec) => [picture, codec] as const),
);

interface Encoded {
  readonly uid: string;
  readonly stream: Buffer;
  readonly shape: FrameShape;
}

async function encoded(samples: Uint8Array, shape: FrameShape, uid: string): Promise<Encoded> {
  const frame = { samples, shape };
  const made = await (uid === S.JpegBaseline.uid
    ? encodeFrameLossy(frame, uid, LOSS)
    : encodeFrame(frame, uid));
  const { photometricInterpretation } = made;
  return { uid, stream: Buffer.from(made.stream), shape: { ...shape, photometricInterpretation } };
}

/** Undefined where the tool is not installed. */
async function oneFrame(
  { directory, seed, runs }: Settings,
  pool: FramePool,
  { name, shape, times }: Picture,
  { syntax, decoder, toReach }: Codec,
): Promise<Comparison | undefined> {
  if (!(await isInstalled(decoder.command))) {
    console.log(`${syntax.name}, ${name}: not measured, there is no ${decoder.command}`);
    return undefined;
  }
  const one = await encoded(samplesOf(shape, seed), shape, syntax.uid);
  const tool = await toolOn(directory, decoder, one, times);
  const throughPool = (frames: number): Promise<number> => decodeIn(pool, one, decoder.counts, frames);
  await throughPool(2);
  const samples = await alternate(runs, [
    async (into) => {
      into.add('pool', await throughPool(times));
    },
    async (into) => {
      into.add('tool', await tool());
    },
  ]);
  const counted = decoder.counts === 'cpu' ? ', CPU time' : '';
  const against = `${decoder.command}${counted}, without its start`;
  const what = `${times} frames of ${name}, ${syntax.name}, one after the other`;
  return compare({ what, against, peer: '-', sockets: '-', toReach }, samples.of('pool'), samples.of('tool'));
}

async function decodeIn(
  pool: FramePool,
  { stream, shape, uid }: Encoded,
  counts: Decoder['counts'],
  frames: number,
): Promise<number> {
  const place = await pool.enter({ requestId: 'bench', signal: new AbortController().signal });
  try {
    const before = process.cpuUsage();
    const took = await seconds(async () => {
      for (let frame = 0; frame < frames; frame += 1)
        await place.run({ frame: new Uint8Array(stream), from: uid, to: undefined, shape });
    });
    const { user, system } = process.cpuUsage(before);
    return counts === 'wall' ? took : (user + system) / 1e6;
  } finally {
    place.leave();
  }
}

/** What a tool takes to decode `times` frames more than one; OpenJPH's, which reads one frame a file, so many times one. */
async function toolOn(
  directory: string,
  decoder: Decoder,
  { stream, shape, uid }: Encoded,
  times: number,
): Promise<() => Promise<number>> {
  const target = join(directory, shape.samplesPerPixel === 3 ? 'decoded.ppm' : 'decoded.pgm');
  if (decoder === decoders.ojph_expand) {
    const [large, tiny] = [join(directory, 'large.j2c'), join(directory, 'tiny.j2c')];
    writeFileSync(large, stream);
    const small = { ...shape, rows: 16, columns: 16, photometricInterpretation: 'MONOCHROME2' };
    const least = await encoded(
      new Uint8Array(16 * 16 * (shape.bitsAllocated / 8)),
      { ...small, samplesPerPixel: 1 },
      uid,
    );
    writeFileSync(tiny, least.stream);
    return async () => {
      let sum = 0;
      for (let time = 0; time < times; time += 1)
        sum +=
          (await decodeSeconds(decoder, large, target)) -
          (await decodeSeconds(decoder, tiny, join(directory, 'tiny.pgm')));
      return sum;
    };
  }
  const file = (frames: number): string =>
    writeFile(
      join(directory, `frames-${frames}.dcm`),
      encapsulatedPicture(shape, Array<Buffer>(frames).fill(stream), uid),
    );
  const [many, one] = [file(times + 1), file(1)];
  return async () =>
    (await decodeSeconds(decoder, many, target)) - (await decodeSeconds(decoder, one, target));
}

async function wholeSeries(settings: Settings, { syntax, decoder, toReach }: Codec): Promise<Findings> {
  const { directory, slices, seed, runs } = settings;
  const shape = pictures[0]?.shape;
  if (!shape) throw new RangeError('there is no picture');
  const streams: Buffer[] = [];
  for (let number = 0; number < DIFFERENT; number += 1)
    streams.push((await encoded(samplesOf(shape, seed, number), shape, syntax.uid)).stream);
  const instances = Array.from({ length: slices }, (_, index) =>
    encapsulatedPicture(shape, [streams[index % DIFFERENT] ?? Buffer.alloc(0)], syntax.uid),
  );
  const shares = sharesIn(directory, streams, slices, { shape, uid: syntax.uid });
  const pacs = await createOrthanc(join(directory, `codecs-orthanc-${syntax.uid}`));
  const what = `series of ${slices} slices of ${syntax.name}, in the cache, to Explicit Little Endian`;
  const nativeBytes = slices * shape.rows * shape.columns * 2;
  try {
    await pacs.start('nodelay');
    await loadAll(pacs, instances);
    return await withGateway(pacs, directory, async (gateway) => {
      const [first] = instances;
      const url = `${gateway.service}/studies/${first?.studyInstanceUid ?? ''}/series/${first?.seriesInstanceUid ?? ''}`;
      const accept = (uid: string): string =>
        `multipart/related; type="application/dicom"; transfer-syntax=${uid}`;
      await rawDownload(url, accept('*'));
      const used: Used[] = [];
      const samples = await alternate(runs, [
        async (into) => {
          const measured = await meter(gateway);
          const read = await rawDownload(url, accept(S.ExplicitVrLittleEndian.uid));
          if (read.bytes < nativeBytes) throw new Error(`only ${read.bytes} bytes came`);
          into.add('gateway', read.seconds);
          used.push(await measured());
        },
        async (into) => {
          const decode = (share: string): Promise<number> => decodeSeconds(decoder, share, `${share}.native`);
          into.add('tool', await seconds(() => Promise.all(shares.map(decode))));
        },
      ]);
      const against = `${decoder.command}, ${CORES} at once, each with its share in one file`;
      const row = { what, against, peer: pacs.kind, sockets: 'nodelay', toReach };
      return {
        comparisons: [compare(row, samples.of('gateway'), samples.of('tool'))],
        memory: [
          {
            what,
            peer: pacs.kind,
            megabytesMoved: megabytes(nativeBytes),
            seconds: summarise(samples.of('gateway')).median,
            ...worstOf(used),
          },
        ],
      };
    });
  } finally {
    await pacs.stop();
  }
}

/** All slices as frames of as many files as there are cores, so that the start of a tool counts once for each. */
function sharesIn(
  directory: string,
  streams: readonly Buffer[],
  slices: number,
  made: Made,
): readonly string[] {
  return Array.from({ length: CORES }, (_, core) => {
    const count = Math.floor((slices + core) / CORES);
    const frames = Array.from(
      { length: count },
      (_frame, index) => streams[index % streams.length] ?? Buffer.alloc(0),
    );
    return writeFile(join(directory, `share-${core}.dcm`), encapsulatedPicture(made.shape, frames, made.uid));
  });
}

interface Made {
  readonly shape: FrameShape;
  readonly uid: string;
}

async function loadAll(pacs: Orthanc, instances: readonly RogueInstance[]): Promise<void> {
  for (const instance of instances) {
    const file = fileOf(instance);
    await pacs.post({ length: file.length, chunks: () => [file] });
  }
}
