import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import sharp, { type Sharp } from 'sharp';
import {
  DatasetIndexer,
  frameCount,
  readFrame,
  transferSyntax,
  type DatasetIndex,
} from '../../src/dicom/index.js';
import {
  readImageLooks,
  renderFrame,
  type ImageLook,
  type LookSource,
  type PictureRequest,
} from '../../src/render/index.js';
import { decodeFrame } from '../../src/transcode/decode-frame.js';
import { openFile, type OpenedFile } from '../helpers/frame-oracle.js';
import { sampleFiles } from '../helpers/pacs-suite.js';
import { meanDifference, pictureBy, type Samples } from '../helpers/picture-oracle.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { collect, sourceOf } from '../unit/dicom/dataset-bytes.js';

/** Levels that the rounding of both may differ by. */
const MOST_DIFFERENCE = 1;
const THUMBNAIL = { width: 96, height: 96 };
/** Of a long series of alike slices some will do. */
const MOST_OF_A_SERIES = 3;

/** What there is no picture of by DCMTK to compare with, and why. */
const NOT_BY_DCMTK: ReadonlyMap<string, string> = new Map([
  ['parametric-map-float.dcm', 'DCMTK shows no Float Pixel Data'],
  ['htj2k-lossless-rgb-201.dcm', 'neither DCMTK nor GDCM reads HTJ2K'],
  ['us-65f-jpeg.dcm', 'DCMTK does not read a sequence that its item runs into'],
]);
/** What no picture can be made of. */
const NO_PICTURE: ReadonlyMap<string, string> = new Map([
  ['video-h264-high41.dcm', 'not-acceptable'], // no decoder of video
  // Tiles at the right and lower edge have fewer pixels than the dataset says; DCMTK makes lines of what belongs to several.
  ['wsi-140f-jpeg-240.dcm', 'malformed-dataset'],
]);

interface Sample {
  readonly path: string;
  readonly file: OpenedFile;
  readonly source: LookSource;
  readonly frame: number;
}

async function open(path: string): Promise<{ file: OpenedFile; source: LookSource } | undefined> {
  try {
    const file = openFile(path);
    const stored = file && transferSyntax(file.transferSyntaxUid);
    if (!file || !stored || file.frames.length === 0) return undefined;
    const bytes = readFileSync(path);
    const dataset = bytes.subarray(144 + bytes.readUInt32LE(140));
    const indexer = new DatasetIndexer(stored);
    await indexer.push(Buffer.from(dataset));
    return { file, source: { source: sourceOfFile(dataset), stored, index: await indexer.end() } };
  } catch {
    // Some files are broken on purpose.
    return undefined;
  }
}

/** In larger pieces than those of the unit tests: files have megabytes. */
const sourceOfFile = (bytes: Buffer): LookSource['source'] => ({
  ...sourceOf(bytes),
  async *read(start = 0, end = bytes.length) {
    await Promise.resolve();
    for (let at = start; at < end; at += 65_536)
      yield Buffer.from(bytes.subarray(at, Math.min(end, at + 65_536)));
  },
});

async function* samples(): AsyncGenerator<Sample> {
  const alike = new Map<string, number>();
  for (const path of sampleFiles()) {
    const opened = await open(path);
    if (!opened) continue;
    const length = frameCount(opened.source.index);
    if (length === 0) continue;
    const group = `${dirname(path)} ${opened.file.transferSyntaxUid} ${JSON.stringify(opened.file.shape)} ${length}`;
    const count = (alike.get(group) ?? 0) + 1;
    alike.set(group, count);
    if (count > MOST_OF_A_SERIES) continue;
    for (const frame of new Set([1, length])) yield { path, ...opened, frame };
  }
}

async function ours(
  { file, source, frame }: Sample,
  look: ImageLook,
  viewport?: PictureRequest['viewport'],
): Promise<Samples> {
  const { shape, transferSyntaxUid } = file;
  const stored = new Uint8Array(await collect(readFrame(source.source, source.index, frame)));
  const native = source.stored.encapsulated
    ? await decodeFrame(stored, transferSyntaxUid, shape)
    : { samples: stored, shape };
  const request = { mediaType: 'image/png', ...(viewport && { viewport }) } as const;
  const { bytes, width, height } = await renderFrame(native, { shape, look, request, mostPixels: 2 ** 24 });
  const { channels } = await sharp(bytes).metadata();
  return { width, height, channels, data: await samplesOf(sharp(bytes), channels) };
}

const samplesOf = (picture: Sharp, channels: number): Promise<Buffer> =>
  picture
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer();

/** A picture as small as another one. */
async function scaledTo({ width, height }: Samples, { data, ...of }: Samples): Promise<Samples> {
  const raw = { width: of.width, height: of.height, channels: of.channels as 1 | 3 };
  const picture = sharp(data, { raw }).resize(width, height, { fit: 'fill', kernel: 'lanczos3' });
  return { width, height, channels: of.channels, data: await samplesOf(picture, of.channels) };
}

/** What makes DCMTK show the same. */
function windowing(look: ImageLook, { photometricInterpretation = '' }: DatasetIndex): readonly string[] {
  const [voi] = look.voi;
  if (!photometricInterpretation.startsWith('MONOCHROME')) return [];
  if (!voi) return ['+Wm'];
  return voi.kind === 'table' ? ['+Wl', '1'] : ['+Wi', '1'];
}

/** The window as numbers: DCMTK takes a rescale from functional groups, but no window. */
function givenWindow({ voi: [voi] }: ImageLook): readonly string[] {
  return voi?.kind === 'window' ? ['+Ww', String(voi.center), String(voi.width)] : [];
}

describeWithPacs(
  'pictures as DCMTK makes them (W-56)',
  () => {
    describe('of the samples', () => {
      test('each frame is within a level of it, on average', async () => {
        const compared: string[] = [];
        const bad: string[] = [];
        for await (const sample of samples()) {
          const { path, source, frame, file } = sample;
          const name = `${basename(path)} ${frame}`;
          const look = await (await readImageLooks(source)).of(frame);
          const made = await ours(sample, look).catch((error: unknown) => error);
          if (made instanceof Error) {
            const { code } = made as Error & { readonly code?: string };
            if (NO_PICTURE.get(basename(path)) !== code) bad.push(`${name}: ${made.message}`);
            continue;
          }
          const { transferSyntaxUid } = file;
          const theirs =
            (await pictureBy(path, transferSyntaxUid, frame, windowing(look, source.index))) ??
            (await pictureBy(path, transferSyntaxUid, frame, givenWindow(look)));
          if (!theirs) {
            if (!NOT_BY_DCMTK.has(basename(path))) bad.push(`${name}: DCMTK makes none`);
            continue;
          }
          compared.push(name);
          const { width, height } = made as Samples;
          if (theirs.width !== width || theirs.height !== height) bad.push(`${name}: another size`);
          else if (!(meanDifference(made as Samples, theirs) <= MOST_DIFFERENCE))
            bad.push(`${name}: another picture`);
          const small = await ours(sample, look, THUMBNAIL);
          if (!(meanDifference(small, await scaledTo(small, theirs)) <= MOST_DIFFERENCE))
            bad.push(`${name}: another thumbnail`);
        }
        expect(bad).toEqual([]);
        if (sampleFiles().length > 0) expect(compared.length).toBeGreaterThan(50);
      }, 600_000);
    });
  },
  ['dcmj2pnm', 'dcmdjpls', 'gdcmconv'],
);
