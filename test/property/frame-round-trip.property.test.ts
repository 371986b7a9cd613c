import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nativeFrameBytes, type FrameShape } from '../../src/dicom/frame-shape.js';
import { decodeFrame } from '../../src/transcode/decode-frame.js';
import { canEncode, encodeFrame } from '../../src/transcode/encode-frame.js';
import { byPixel } from '../../src/transcode/samples.js';
import { losslessSyntaxes } from '../unit/transcode/frames.js';

const seed = 20_260_101;

/** Any layout that a dataset may give to its samples. */
const shapes: fc.Arbitrary<FrameShape> = fc
  .record({
    rows: fc.integer({ min: 1, max: 70 }),
    columns: fc.integer({ min: 1, max: 70 }),
    isColour: fc.boolean(),
    bitsAllocated: fc.constantFrom(8, 16),
    unused: fc.integer({ min: 0, max: 14 }),
    signed: fc.boolean(),
    planar: fc.boolean(),
    ybr: fc.boolean(),
  })
  .map(({ isColour, unused, planar, ybr, ...shape }) => ({
    ...shape,
    bitsStored: Math.max(1, shape.bitsAllocated - unused),
    samplesPerPixel: isColour ? 3 : 1,
    planar: isColour && planar,
    photometricInterpretation: isColour ? (ybr ? 'YBR_FULL' : 'RGB') : 'MONOCHROME2',
  }));

/** What a sample is as a function of its place: flat, a slope, a few values, or noise. */
const texture = fc.record({
  kind: fc.constantFrom('flat', 'slope', 'runs', 'noise'),
  start: fc.nat(0xffff),
  step: fc.nat(300),
});

function samplesOf(
  shape: FrameShape,
  { kind, start, step }: { kind: string; start: number; step: number },
): Uint8Array {
  const bytes = new Uint8Array(nativeFrameBytes(shape));
  const wide = shape.bitsAllocated === 16;
  const values = wide ? new Uint16Array(bytes.buffer) : bytes;
  const shift = 32 - shape.bitsStored;
  const codeOf = (at: number): number => {
    if (kind === 'flat') return start;
    if (kind === 'slope') return start + at * step;
    const seeded = kind === 'runs' ? Math.floor(at / (step + 1)) : at;
    return Math.imul(seeded + start, 2_654_435_761) >>> 13;
  };
  for (let at = 0; at < values.length; at += 1) {
    const code = codeOf(at) << shift;
    values[at] = shape.signed ? code >> shift : code >>> shift;
  }
  return bytes;
}

test.each(losslessSyntaxes)(
  'PS3.5 A.4: a frame encoded as $name, decoded, encoded and decoded again is the same throughout',
  async ({ uid }) => {
    await fc.assert(
      fc.asyncProperty(shapes, texture, async (shape, look) => {
        fc.pre(canEncode(uid, { ...shape, planar: false }));
        const native = samplesOf(shape, look);
        const first = await encodeFrame({ samples: native, shape }, uid);
        const { photometricInterpretation, planar } = first;
        const encoded = { ...shape, photometricInterpretation, planar };
        const once = await decodeFrame(new Uint8Array(first.stream), uid, encoded);
        const expected = byPixel({ samples: native, shape });
        expect(Buffer.compare(byPixel(once).samples, expected.samples)).toBe(0);
        const second = await encodeFrame(once, uid);
        expect(Buffer.compare(second.stream, first.stream)).toBe(0);
        const twice = await decodeFrame(new Uint8Array(second.stream), uid, encoded);
        expect(Buffer.compare(twice.samples, once.samples)).toBe(0);
      }),
      { seed, numRuns: 100 },
    );
  },
);
