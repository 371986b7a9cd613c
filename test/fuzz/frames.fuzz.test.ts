import { afterAll, describe, expect } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../src/core/index.js';
import { TransferSyntaxes as S } from '../../src/dicom/index.js';
import { canEncode, encodeFrame } from '../../src/transcode/encode-frame.js';
import { nativeFrameBytes } from '../../src/dicom/frame-shape.js';
import { createFramePool } from '../../src/transcode/index.js';
import { fuzz } from '../helpers/fuzz.js';
import { patterns, shapes } from '../unit/transcode/frames.js';

const syntaxes = [
  S.RleLossless,
  S.JpegLosslessSv1,
  S.JpegLsLossless,
  S.Jpeg2000Lossless,
  S.HtJ2kLossless,
  S.DeflatedImageFrameCompression,
];
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
const input = fc.record({
  layout: fc.constantFrom(...shapes.map(({ shape }) => shape)),
  changes: fc.array(change, { maxLength: 4 }),
  cut: fc.option(fc.nat(5000)),
  more: fc.nat(3),
});

describe('frames that are not what they were', () => {
  for (const { uid, name } of syntaxes)
    fuzz(
      `${name}: are refused, or of the right size, and the next one is exact`,
      input,
      async ({ layout: shape, changes, cut, more }) => {
        if (!canEncode(uid, shape)) return;
        const [samples = new Uint8Array()] = patterns(shape);
        const { stream } = await encodeFrame({ samples, shape }, uid);
        const changed = Buffer.concat([stream, Buffer.alloc(more)]);
        for (const { at, byte } of changes) changed[at % changed.length] = byte;
        const bad = new Uint8Array(cut === null ? changed : changed.subarray(0, cut % changed.length));
        const place = await pool.enter(context);
        try {
          const { frame } = await place.run({ frame: bad, from: uid, to: undefined, shape });
          expect(frame).toHaveLength(nativeFrameBytes(shape));
        } catch (error) {
          if (!(error instanceof GatewayError && error.code === 'malformed-dataset')) throw error;
        }
        const good = await place.run({ frame: new Uint8Array(stream), from: uid, to: undefined, shape });
        const expected = shape.planar && !good.shape.planar ? undefined : samples;
        if (expected) expect(Buffer.compare(good.frame, expected)).toBe(0);
        place.leave();
      },
    );
});
