import { afterAll, describe, expect } from '@jest/globals';
import fc from 'fast-check';
import sharp from 'sharp';
import { GatewayError } from '../../src/core/index.js';
import { Tags, TransferSyntaxes as S } from '../../src/dicom/index.js';
import { createFramePool } from '../../src/transcode/index.js';
import { fuzz } from '../helpers/fuzz.js';
import { EBE, element, ELE, ILE, item, sequence } from '../unit/dicom/dataset-bytes.js';
import { imageOf, words } from '../unit/render/images.js';

const limits = { frameMs: 15_000, heapMegabytes: 128, frameBytes: 2 ** 27, picturePixels: 2 ** 20 };
const outcomes = new Set<string>();
const pool = createFramePool({ workers: 1, queue: 1, ...limits }, (observation) => {
  if (observation.kind === 'frame') outcomes.add(observation.outcome);
});
const context = { requestId: 'fuzz', signal: new AbortController().signal };
afterAll(() => pool.close());

const word = fc.oneof(fc.constantFrom(0, 1, 2, 3, 8, 16, 17, 255, 0x7fff, 0x8000, 0xffff), fc.nat(0xffff));
const decimal = fc.oneof(
  fc.constantFrom('0', '-1', '1e308', '-1e308', 'NaN', '', ' ', '1\\2', '\\', '1e-320', 'x'),
  fc.double().map(String),
  fc.integer().map(String),
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array)),
  fc.array(word, { maxLength: 40 }).map((values) => words(...values)),
);
const lut = fc
  .tuple(fc.array(word, { minLength: 2, maxLength: 4 }), bytes)
  .map(([descriptor, entries]) =>
    Buffer.concat([
      element(Tags.LUTDescriptor, 'US', words(...descriptor)),
      element(Tags.LUTData, 'OW', entries),
    ]),
  );
const lutSequences = fc
  .tuple(fc.constantFrom(Tags.ModalityLUTSequence, Tags.VOILUTSequence), fc.array(lut, { maxLength: 2 }))
  .map(([tag, items]) =>
    sequence(
      tag,
      items.map((one) => item(one)),
    ),
  );
const numberTexts = fc
  .tuple(
    fc.constantFrom(
      ...[
        Tags.WindowCenter,
        Tags.WindowWidth,
        Tags.RescaleSlope,
        Tags.RescaleIntercept,
        Tags.PixelAspectRatio,
      ],
      ...[
        Tags.PixelSpacing,
        Tags.RadiusOfCircularShutter,
        Tags.CenterOfCircularShutter,
        Tags.FrameTimeVector,
      ],
      ...[Tags.VerticesOfThePolygonalShutter, Tags.ShutterLeftVerticalEdge],
    ),
    decimal,
  )
  .map(([tag, value]) => element(tag, 'DS', value));
const codes = fc
  .tuple(
    fc.constantFrom(
      Tags.VOILUTFunction,
      Tags.PresentationLUTShape,
      Tags.ShutterShape,
      Tags.PixelIntensityRelationship,
    ),
    fc.constantFrom('SIGMOID', 'LINEAR_EXACT', 'INVERSE', 'CIRCULAR', 'POLYGONAL\\RECTANGULAR', 'LOG', ''),
  )
  .map(([tag, value]) => element(tag, 'CS', value));
const wordValues = fc
  .tuple(
    fc.constantFrom(
      Tags.PixelPaddingValue,
      Tags.PixelPaddingRangeLimit,
      Tags.ShutterPresentationValue,
      Tags.HighBit,
    ),
    word,
  )
  .map(([tag, value]) => element(tag, 'US', words(value)));
const paletteTags = (['Red', 'Green', 'Blue'] as const).flatMap((color) => [
  Tags[`${color}PaletteColorLookupTableDescriptor`],
  Tags[`${color}PaletteColorLookupTableData`],
  Tags[`Segmented${color}PaletteColorLookupTableData`],
]);
const palettes = fc
  .tuple(fc.constantFrom(...paletteTags), bytes)
  .map(([tag, value]) => element(tag, 'OW', value));
/** What other ones come after, and in the place of. */
const wholePalette = (['Red', 'Green', 'Blue'] as const).flatMap((color) => [
  element(Tags[`${color}PaletteColorLookupTableDescriptor`], 'US', words(4, 0, 16)),
  element(Tags[`${color}PaletteColorLookupTableData`], 'OW', words(0, 1, 2, 3)),
]);
const overlays = fc
  .tuple(
    fc.constantFrom(0x60000000, 0x601e0000),
    fc.constantFrom(0x10, 0x11, 0x15, 0x50, 0x51, 0x100, 0x102, 0x3000),
    bytes,
  )
  .map(([group, number, value]) => element(group + number, number === 0x3000 ? 'OW' : 'US', value));
const profiles = bytes.map((value) =>
  element(Tags.ICCProfile, 'OB', Buffer.concat([value, Buffer.alloc(200)])),
);
const simple = fc.oneof(lutSequences, numberTexts, codes, wordValues, palettes, overlays, profiles);
const groups = fc
  .tuple(
    fc.constantFrom(Tags.PerFrameFunctionalGroupsSequence, Tags.SharedFunctionalGroupsSequence),
    fc.constantFrom(
      Tags.FrameVOILUTSequence,
      Tags.PixelValueTransformationSequence,
      Tags.PixelMeasuresSequence,
    ),
    fc.array(simple, { maxLength: 2 }),
  )
  .map(([outer, inner, elements]) =>
    sequence(outer, [item(sequence(inner, [item(Buffer.concat(elements))]))]),
  );

/** Seldom: else nothing comes as far as the rest. */
const seldom = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const side = fc.constantFrom(undefined, 1, 7, 100);
const part = fc.oneof(fc.nat(4), fc.double({ min: -2, max: 9 }));
const request = fc.record({
  mediaType: fc.constantFrom('image/jpeg', 'image/png', 'image/gif', 'image/webp'),
  quality: fc.constantFrom(undefined, 1, 100),
  width: side,
  height: side,
  source: seldom(fc.tuple(part, part, part, part)),
  iccProfile: seldom(fc.constantFrom('yes', 'srgb', 'adobergb')),
  annotation: seldom(fc.array(fc.string({ unit: 'binary', maxLength: 9 }), { maxLength: 2 })),
} as const);
const image = fc.record({
  photometric: fc.constantFrom(
    'MONOCHROME1',
    'MONOCHROME2',
    'PALETTE COLOR',
    'RGB',
    'YBR_FULL',
    'YBR_FULL_422',
    'X',
  ),
  allocated: fc.constantFrom(1, 8, 8, 16, 16, 24, 32),
  stored: fc.nat(40),
  signed: fc.boolean(),
  planar: fc.boolean(),
  syntax: fc.constantFrom(ELE, ILE, EBE),
  cut: seldom(fc.nat(60)),
  rle: seldom(fc.constant(true)),
});

/** What a dataset, or a client, may be told. */
const expected: ReadonlySet<string> = new Set([
  'malformed-dataset',
  'not-acceptable',
  'bad-request',
  'not-implemented',
]);

describe('pictures of datasets that are not what they should be', () => {
  fuzz(
    'are refused, or of the size that is said',
    fc.tuple(image, fc.array(fc.oneof(simple, groups), { maxLength: 6 }), request),
    async ([options, more, asked]) => {
      const { rle, cut, syntax, photometric } = options;
      const samples = /^(?:RGB|YBR)/.test(photometric) ? 3 : 1;
      const columns = 8;
      const pixels = Buffer.alloc((columns * 8 * samples * options.allocated) / 8 + 1, 0x5a);
      const { source, width, height, quality, iccProfile, annotation, mediaType } = asked;
      const [x, y, cutWidth, cutHeight] = source ?? [];
      const place = await pool.enter(context);
      try {
        const made = await imageOf({
          ...options,
          // The other encodings have elements of their own: these are in Explicit VR Little Endian.
          ...(syntax === ELE && {
            more: photometric === 'PALETTE COLOR' ? [...wholePalette, ...more] : more,
          }),
          stored: Math.max(1, Math.min(options.stored, options.allocated + 1)),
          samples,
          rows: 8,
          columns,
          pixels,
        });
        const frame = await made.frame();
        const look = await made.looks.of(1);
        const picture = await place.render({
          frame: cut === undefined ? frame : frame.slice(0, cut),
          from: rle === true ? S.RleLossless.uid : undefined,
          shape: { ...made.shape, bitsStored: Math.min(made.shape.bitsStored, made.shape.bitsAllocated) },
          look,
          request: {
            mediaType,
            ...(quality !== undefined && { quality }),
            ...(iccProfile && { iccProfile }),
            ...(annotation && { annotation }),
            viewport: {
              ...(width !== undefined && { width }),
              ...(height !== undefined && { height }),
              source: {
                ...(x !== undefined && { x }),
                ...(y !== undefined && { y }),
                ...(cutWidth !== undefined && { width: cutWidth }),
                ...(cutHeight !== undefined && { height: cutHeight }),
              },
            },
          },
        });
        const seen = await sharp(picture.bytes).metadata();
        expect([seen.width, seen.height]).toEqual([picture.width, picture.height]);
        expect(picture.width * picture.height).toBeLessThanOrEqual(limits.picturePixels);
      } catch (error) {
        if (!(error instanceof GatewayError && expected.has(error.code))) throw error;
      } finally {
        place.leave();
      }
      // A thread that went down, or did not come back, is no refusal.
      expect([...outcomes].filter((outcome) => outcome !== 'done' && outcome !== 'refused')).toEqual([]);
    },
  );
});
