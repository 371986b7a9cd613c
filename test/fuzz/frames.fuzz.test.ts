import { afterAll, describe, expect } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../src/core/index.js';
import { TransferSyntaxes as S } from '../../src/dicom/index.js';
import { canEncode, encodeFrame } from '../../src/transcode/encode-frame.js';
import { nativeFrameBytes, type FrameShape } from '../../src/dicom/frame-shape.js';
import { canEncodeLossy, encodeFrameLossy } from '../../src/transcode/lossy-frame.js';
import { createFramePool } from '../../src/transcode/index.js';
import { fuzz } from '../helpers/fuzz.js';
import { jpeg12, jpeg12Shape } from '../helpers/jpeg-12.js';
import { encodeJpegXl } from '../helpers/jpeg-xl.js';
import { patterns, shapes } from '../unit/transcode/frames.js';

interface Target {
  readonly name: string;
  readonly uid: string;
  /** Undefined for a shape that is not encoded so. */
  readonly encode: (samples: Uint8Array, shape: FrameShape) => Promise<Uint8Array> | undefined;
  /** Of the frames; all layouts when left out. */
  readonly layout?: FrameShape;
}

const lossless: readonly Target[] = [
  S.RleLossless,
  S.JpegLosslessSv1,
  S.JpegLsLossless,
  S.Jpeg2000Lossless,
  S.HtJ2kLossless,
  S.DeflatedImageFrameCompression,
].map(({ uid, name }) => ({
  uid,
  name,
  encode: (samples, shape) =>
    canEncode(uid, shape) ? encodeFrame({ samples, shape }, uid).then(({ stream }) => stream) : undefined,
}));
const settings = { jpegQuality: 80, jpegLsError: 3, j2kRatio: 6, htJ2kStep: 0.002 };
const lossy: readonly Target[] = [S.JpegBaseline, S.JpegLsNearLossless, S.Jpeg2000, S.HtJ2k].map(
  ({ uid, name }) => ({
    uid,
    name,
    encode: (samples, shape) =>
      canEncodeLossy(uid, shape)
        ? encodeFrameLossy({ samples, shape }, uid, settings).then(({ stream }) => stream)
        : undefined,
  }),
);
/** A sequential stream of bytes is both, but for the name of its process. */
const extended: Target = {
  uid: S.JpegExtended.uid,
  name: S.JpegExtended.name,
  encode: (samples, shape) =>
    lossy[0]?.encode(samples, shape)?.then((stream) => {
      const bytes = Buffer.from(stream);
      bytes[bytes.indexOf('ffc0', 0, 'hex') + 1] = 0xc1;
      return bytes;
    }),
};
const jpegXl: Target = {
  uid: S.JpegXlLossless.uid,
  name: S.JpegXlLossless.name,
  encode: (samples, shape) => (shape.planar ? undefined : encodeJpegXl(samples, shape)),
};
const extended12: Target = {
  uid: S.JpegExtended.uid,
  name: `${S.JpegExtended.name}, 12 bits`,
  encode: () => Promise.resolve(jpeg12()),
  layout: jpeg12Shape,
};
const targets = [...lossless, ...lossy, extended, extended12, jpegXl];
const frameMs = 15_000;
const options = {
  workers: 1,
  queue: 1,
  frameMs,
  heapMegabytes: 128,
  frameBytes: 2 ** 27,
  picturePixels: 2 ** 24,
};
const pool = createFramePool(options, () => undefined);
const context = { requestId: 'fuzz', signal: new AbortController().signal };
afterAll(() => pool.close());

/** Where, and what is written there; most of it within the headers. */
const change = fc.record({
  at: fc.oneof(fc.nat(150), fc.nat(5000)),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 0xff, 0xd9, 0x7f)),
});
const inputOf = (layouts: readonly FrameShape[]) =>
  fc.record({
    layout: fc.constantFrom(...layouts),
    changes: fc.array(change, { maxLength: 4 }),
    cut: fc.option(fc.nat(5000)),
    more: fc.nat(3),
  });
const all = shapes.map(({ shape }) => shape);

describe('frames that are not what they were', () => {
  for (const { uid, name, encode, layout: only } of targets)
    fuzz(
      `${name}: are refused, or of the right size, and the next one is as it was`,
      inputOf(only ? [only] : all),
      async ({ layout: shape, changes, cut, more }) => {
        const [samples = new Uint8Array()] = patterns(shape);
        const stream = await encode(samples, shape);
        if (stream === undefined) return;
        const changed = Buffer.concat([stream, Buffer.alloc(more)]);
        for (const { at, byte } of changes) changed[at % changed.length] = byte;
        const bad = new Uint8Array(cut === null ? changed : changed.subarray(0, cut % changed.length));
        const place = await pool.enter(context);
        const decode = async (frame: Uint8Array): Promise<Uint8Array> =>
          (await place.run({ frame, from: uid, to: undefined, shape })).frame;
        try {
          const before = await decode(new Uint8Array(stream));
          try {
            expect(await decode(bad)).toHaveLength(nativeFrameBytes(shape));
          } catch (error) {
            if (!(error instanceof GatewayError && error.code === 'malformed-dataset')) throw error;
          }
          const after = await decode(new Uint8Array(stream));
          expect(Buffer.compare(after, before)).toBe(0);
          const isExact = lossless.some((one) => one.uid === uid) && !shape.planar;
          if (isExact) expect(Buffer.compare(after, samples)).toBe(0);
        } finally {
          place.leave();
        }
      },
    );
});
