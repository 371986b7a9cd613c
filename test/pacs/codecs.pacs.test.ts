import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { part10Header, TransferSyntaxes } from '../../src/dicom/index.js';
import { canDecode, decodeFrame } from '../../src/transcode/decode-frame.js';
import { canEncode, encodeFrame } from '../../src/transcode/encode-frame.js';
import type { FrameShape, NativeFrame } from '../../src/dicom/frame-shape.js';
import { canEncodeLossy, encodeFrameLossy } from '../../src/transcode/lossy-frame.js';
import { byPixel } from '../../src/transcode/samples.js';
import { decodedBy, openFile, type OpenedFile } from '../helpers/frame-oracle.js';
import { encapsulated, explicitLittle } from '../helpers/fixtures-element.js';
import { sampleFiles } from '../helpers/pacs-suite.js';
import { encodeAttributes } from '../helpers/rogue-peer.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { pairsOf, patterns, shapeOf, shapes } from '../unit/transcode/frames.js';

const S = TransferSyntaxes;
const TOOLS = ['dcmdjpeg', 'dcmdjpls', 'dcmdrle', 'gdcmconv'] as const;
type Tool = (typeof TOOLS)[number];

/** DCMTK where it has the codec: its colours are RGB, as ours; GDCM leaves YCbCr as it is. */
const toolOf: ReadonlyMap<string, Tool> = new Map<string, Tool>([
  [S.JpegBaseline.uid, 'dcmdjpeg'],
  [S.JpegExtended.uid, 'dcmdjpeg'],
  [S.JpegFullProgression1012.uid, 'dcmdjpeg'],
  [S.JpegLossless.uid, 'dcmdjpeg'],
  [S.JpegLosslessSv1.uid, 'dcmdjpeg'],
  [S.JpegLsLossless.uid, 'dcmdjpls'],
  [S.JpegLsNearLossless.uid, 'dcmdjpls'],
  [S.Jpeg2000Lossless.uid, 'gdcmconv'],
  [S.Jpeg2000.uid, 'gdcmconv'],
  [S.RleLossless.uid, 'dcmdrle'],
]);

/** Of a long series of alike slices some will do. */
const MOST_OF_A_SERIES = 5;

interface Sample {
  readonly path: string;
  readonly file: OpenedFile;
  readonly tool: Tool;
}

function* samples(): Generator<Sample> {
  const bySyntax = new Map<string, number>();
  for (const path of sampleFiles()) {
    const file = openedOrNot(path);
    const tool = file && toolOf.get(file.transferSyntaxUid);
    if (!file || !tool || file.frames.length === 0) continue;
    const group = `${join(path, '..')} ${file.transferSyntaxUid} ${file.frames.length}`;
    const count = (bySyntax.get(group) ?? 0) + 1;
    bySyntax.set(group, count);
    if (count <= MOST_OF_A_SERIES) yield { path, file, tool };
  }
}

/** Some files are broken on purpose. */
function openedOrNot(path: string): OpenedFile | undefined {
  try {
    return openFile(path);
  } catch {
    return undefined;
  }
}

/** By pixel, and without what stands above the bits stored: DCMTK does not extend the sign of what JPEG-LS has cut off. */
function comparable(frame: NativeFrame): Uint8Array {
  const { samples, shape } = byPixel(frame);
  if (shape.bitsAllocated !== 16 || !shape.signed) return samples;
  const mask = 2 ** shape.bitsStored - 1;
  const words = new Uint16Array(new Uint8Array(samples).buffer);
  return new Uint8Array(words.map((word) => word & mask).buffer);
}

const same = (one: NativeFrame, other: NativeFrame): boolean =>
  Buffer.compare(comparable(one), comparable(other)) === 0;

describeWithPacs(
  'frames decoded as DCMTK and GDCM decode them',
  () => {
    const found = [...samples()];

    test('every transfer syntax that the tools know can be decoded', () => {
      expect([...toolOf.keys()].filter((uid) => !canDecode(uid))).toEqual([]);
    });

    const rows = found.map((sample) => [basename(sample.path), sample] as const);
    // Where DICOM_SAMPLES names no files there is nothing to compare.
    (rows.length > 0 ? test.each(rows) : test.skip.each(rows.concat([['none', undefined as never]])))(
      '%s',
      async (_name, sample) => {
        const { path, file, tool } = sample;
        const oracle = await decodedBy(tool, path);
        const last = file.frames.length - 1;
        for (const at of new Set([0, last])) {
          const frame = new Uint8Array(file.frames[at] ?? Buffer.alloc(0));
          const ours = await decodeFrame(frame, file.transferSyntaxUid, file.shape).catch(
            (error: unknown) => error,
          );
          // What the tool gives up, or a tile that is smaller than its dataset says, has nothing to compare with.
          if (ours instanceof Error) expect(ours).toMatchObject({ code: 'malformed-dataset' });
          else if (oracle) {
            const theirs = { samples: oracle.frames[at] ?? new Uint8Array(), shape: oracle.shape };
            expect(same(ours as NativeFrame, theirs)).toBe(true);
          }
        }
      },
    );
  },
  TOOLS,
);

describeWithPacs(
  'frames encoded so that DCMTK and GDCM read them',
  () => {
    let directory = '';
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'codecs-'));
    });
    afterAll(() => {
      rmSync(directory, { recursive: true, force: true });
    });

    const encoded = [S.RleLossless, S.JpegLosslessSv1, S.JpegLsLossless, S.Jpeg2000Lossless];
    const cases = encoded.flatMap(({ uid, name }) =>
      shapes
        .map(({ name: what, shape }) => ({ uid, name, what, shape: { ...shape, planar: false } }))
        .filter(({ shape }) => canEncode(uid, shape)),
    );

    describe.each(cases)('$name: $what', ({ uid, shape }) => {
      test('is read back', async () => {
        // DCMTK's tool turns YCbCr into RGB.
        const isYcbcr = shape.photometricInterpretation === 'YBR_FULL';
        const tool = isYcbcr ? 'gdcmconv' : (toolOf.get(uid) ?? 'gdcmconv');
        for (const [at, native] of patterns(shape).entries()) {
          const { stream, photometricInterpretation } = await encodeFrame({ samples: native, shape }, uid);
          const path = join(directory, `${at}.dcm`);
          writeFileSync(path, fileOf(stream, { ...shape, photometricInterpretation }, uid));
          const theirs = await decodedBy(tool, path);
          expect(theirs?.frames).toHaveLength(1);
          const frame = { samples: theirs?.frames[0] ?? new Uint8Array(), shape: theirs?.shape ?? shape };
          expect(same(frame, { samples: native, shape })).toBe(true);
        }
      });
    });

    test.each(encoded)('$name: chrominance that pairs of pixels share', async ({ uid }) => {
      const shape = shapeOf(8, 8, {
        columns: 54,
        samplesPerPixel: 3,
        photometricInterpretation: 'YBR_FULL_422',
      });
      const { shared: samples, own } = pairsOf(shape);
      const { stream, photometricInterpretation } = await encodeFrame({ samples, shape }, uid);
      const path = join(directory, 'pairs.dcm');
      writeFileSync(path, fileOf(stream, { ...shape, photometricInterpretation }, uid));
      const theirs = await decodedBy('gdcmconv', path);
      expect(theirs?.shape.photometricInterpretation).toBe('YBR_FULL');
      const frame = { samples: theirs?.frames[0] ?? new Uint8Array(), shape: theirs?.shape ?? shape };
      expect(Buffer.compare(byPixel(frame).samples, own)).toBe(0);
    });
  },
  TOOLS,
);

const lossySyntaxes = [S.JpegBaseline, S.JpegLsNearLossless, S.Jpeg2000];
const settings = { jpegQuality: 90, jpegLsError: 2, j2kRatio: 4, htJ2kStep: 0.001 };

describeWithPacs(
  'frames encoded with loss so that DCMTK and GDCM read them',
  () => {
    let directory = '';
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'lossy-'));
    });
    afterAll(() => {
      rmSync(directory, { recursive: true, force: true });
    });
    const cases = lossySyntaxes.flatMap(({ uid, name }) =>
      shapes
        .map(({ name: what, shape }) => ({ uid, name, what, shape: { ...shape, planar: false } }))
        .filter(({ shape }) => canEncodeLossy(uid, shape)),
    );

    test.each(cases)('$name: $what', async ({ uid, shape }) => {
      const [slope = new Uint8Array(), noise = slope] = patterns(shape);
      for (const native of [slope, noise]) {
        const { stream, photometricInterpretation } = await encodeFrameLossy(
          { samples: native, shape },
          uid,
          settings,
        );
        const encoded = { ...shape, photometricInterpretation };
        const ours = await decodeFrame(new Uint8Array(stream), uid, encoded);
        const path = join(directory, 'lossy.dcm');
        writeFileSync(path, fileOf(stream, encoded, uid));
        const theirs = await decodedBy(toolOf.get(uid) ?? 'gdcmconv', path);
        expect(theirs?.frames).toHaveLength(1);
        // GDCM leaves colours of JPEG 2000 RGB as we do; DCMTK's and our JPEG may round differently.
        const frame = { samples: theirs?.frames[0] ?? new Uint8Array(), shape: theirs?.shape ?? shape };
        expect(worstOf(comparable(frame), comparable(ours), shape)).toBeLessThanOrEqual(1);
      }
    });
  },
  TOOLS,
);

/** By how much the worst sample differs. */
function worstOf(one: Uint8Array, other: Uint8Array, { bitsAllocated }: FrameShape): number {
  expect(one).toHaveLength(other.length);
  const words = (bytes: Uint8Array): ArrayLike<number> =>
    bitsAllocated === 8 ? bytes : new Uint16Array(new Uint8Array(bytes).buffer);
  const [ours, theirs] = [words(one), words(other)];
  let worst = 0;
  for (let at = 0; at < ours.length; at += 1)
    worst = Math.max(worst, Math.abs((ours[at] ?? 0) - (theirs[at] ?? 0)));
  return worst;
}

/** A Part 10 file with one compressed frame. */
function fileOf(stream: Uint8Array, shape: FrameShape, transferSyntaxUid: string): Buffer {
  const sopClassUid = '1.2.840.10008.5.1.4.1.1.7';
  const sopInstanceUid = '2.25.77.4.1';
  const colours = shape.samplesPerPixel > 1 ? { '00280006:US': 0 } : {};
  const head = encodeAttributes(
    {
      SOPClassUID: sopClassUid,
      SOPInstanceUID: sopInstanceUid,
      PatientID: 'ROGUE',
      StudyInstanceUID: '2.25.77.4.2',
      SeriesInstanceUID: '2.25.77.4.3',
      SamplesPerPixel: shape.samplesPerPixel,
      PhotometricInterpretation: shape.photometricInterpretation,
      ...colours,
      Rows: shape.rows,
      Columns: shape.columns,
      BitsAllocated: shape.bitsAllocated,
      BitsStored: shape.bitsStored,
      HighBit: shape.bitsStored - 1,
      PixelRepresentation: Number(shape.signed),
    },
    'explicit',
  );
  const even = Buffer.concat([stream, Buffer.alloc(stream.length % 2)]);
  return Buffer.concat([
    part10Header({ sopClassUid, sopInstanceUid, transferSyntaxUid }),
    head,
    encapsulated([even])(explicitLittle),
  ]);
}
