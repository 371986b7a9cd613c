import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { FrameShape } from '../../src/dicom/frame-shape.js';
import { TransferSyntaxes as S, type EncodedFrame } from '../../src/dicom/index.js';
import { decodeFrame } from '../../src/transcode/decode-frame.js';
import { canEncode, encodeFrame } from '../../src/transcode/encode-frame.js';
import { canEncodeLossy, encodeFrameLossy } from '../../src/transcode/lossy-frame.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { patterns, shapeOf, shapes } from '../unit/transcode/frames.js';

const run = promisify(execFile);
const settings = { jpegQuality: 90, jpegLsError: 2, j2kRatio: 4, htJ2kStep: 0.001 };

/** The samples of a PGM or PPM file: bytes, or words in big endian. */
function samplesOfMap(file: Buffer): readonly number[] {
  const header = /^P[56]\s+\d+\s+\d+\s+(\d+)\s/.exec(file.toString('latin1', 0, 60));
  if (!header) throw new RangeError('this is no portable map');
  const data = file.subarray(header[0].length);
  if (Number(header[1]) < 256) return [...data];
  return Array.from({ length: data.length / 2 }, (_, at) => data.readUInt16BE(2 * at));
}

const samplesOf = (bytes: Uint8Array, { bitsAllocated }: FrameShape): ArrayLike<number> =>
  bitsAllocated === 8 ? bytes : new Uint16Array(new Uint8Array(bytes).buffer);

const make = (samples: Uint8Array, shape: FrameShape, uid: string): Promise<EncodedFrame> =>
  uid === S.HtJ2k.uid
    ? encodeFrameLossy({ samples, shape }, uid, settings)
    : encodeFrame({ samples, shape }, uid);

/** A directory that goes with the tests of its suite: the path of a file in it. */
function directoryOfSuite(): (name: string) => string {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'htj2k-'));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return (name) => join(directory, name);
}

describeWithPacs(
  "HTJ2K that OpenJPH's own tool reads as the gateway does",
  () => {
    const inDirectory = directoryOfSuite();

    // Its files have no negative samples.
    const cases = [S.HtJ2kLossless, S.HtJ2kLosslessRpcl, S.HtJ2k].flatMap(({ uid, name }) =>
      shapes
        .map(({ name: what, shape }) => ({ uid, name, what, shape: { ...shape, planar: false } }))
        .filter(
          ({ shape }) => !shape.signed && (uid === S.HtJ2k.uid ? canEncodeLossy : canEncode)(uid, shape),
        ),
    );

    test.each(cases)('$name: $what', async ({ uid, shape }) => {
      for (const native of patterns(shape)) {
        const { stream, photometricInterpretation } = await make(native, shape, uid);
        const ours = await decodeFrame(new Uint8Array(stream), uid, { ...shape, photometricInterpretation });
        const from = inDirectory('frame.j2c');
        const to = inDirectory(shape.samplesPerPixel === 3 ? 'frame.ppm' : 'frame.pgm');
        writeFileSync(from, stream);
        await run('ojph_expand', ['-i', from, '-o', to], { timeout: 60_000 });
        const theirs = samplesOfMap(readFileSync(to));
        const decoded = samplesOf(ours.samples, shape);
        expect(theirs).toHaveLength(decoded.length);
        const worst = theirs.reduce((most, one, at) => Math.max(most, Math.abs(one - (decoded[at] ?? 0))), 0);
        // Another version of the library may round what has lost something to the other side.
        expect(worst).toBeLessThanOrEqual(uid === S.HtJ2k.uid ? 1 : 0);
        if (uid !== S.HtJ2k.uid) expect(Buffer.compare(ours.samples, native)).toBe(0);
      }
    });
  },
  ['ojph_expand'],
);

describeWithPacs(
  "HTJ2K that OpenJPH's own tool has made without a transform of colours",
  () => {
    const inDirectory = directoryOfSuite();

    test.each([8, 12, 16])('%d bits, whole and at half its size', async (bits) => {
      const shape = shapeOf(bits > 8 ? 16 : 8, bits, { samplesPerPixel: 3 });
      const [from, made, to] = ['from.ppm', 'made.j2c', 'to.ppm'].map(inDirectory);
      for (const native of patterns(shape)) {
        const data = bits > 8 ? Buffer.from(native).swap16() : native;
        const head = `P6 ${shape.columns} ${shape.rows} ${2 ** bits - 1}\n`;
        writeFileSync(from ?? '', Buffer.concat([Buffer.from(head), data]));
        const how = ['-num_decomps', '3', '-reversible', 'true', '-colour_trans', 'false'];
        await run('ojph_compress', ['-i', from ?? '', '-o', made ?? '', ...how], { timeout: 60_000 });
        const stream = new Uint8Array(readFileSync(made ?? ''));
        for (const halvings of [0, 1]) {
          const { samples } = await decodeFrame(stream, S.HtJ2kLossless.uid, shape, halvings);
          const skipped = ['-skip_res', `${halvings},${halvings}`];
          await run('ojph_expand', ['-i', made ?? '', '-o', to ?? '', ...skipped], { timeout: 60_000 });
          expect([...Array.from(samplesOf(samples, shape))]).toEqual(samplesOfMap(readFileSync(to ?? '')));
        }
      }
    });
  },
  ['ojph_compress', 'ojph_expand'],
);
