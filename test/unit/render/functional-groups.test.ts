import { describe, expect, test } from '@jest/globals';
import { Tags } from '../../../src/dicom/index.js';
import {
  element,
  ELE,
  header,
  ILE,
  item,
  sequence,
  UNDEFINED,
  type Lengths,
} from '../dicom/dataset-bytes.js';
import { imageOf, type Image } from './images.js';

const rescale = (intercept: string, lengths: Lengths = 'defined'): Buffer =>
  sequence(
    Tags.PixelValueTransformationSequence,
    [
      item(
        Buffer.concat([
          element(Tags.RescaleIntercept, 'DS', intercept),
          element(Tags.RescaleSlope, 'DS', '1 '),
        ]),
        lengths,
      ),
    ],
    lengths,
  );
const window = (center: string, lengths: Lengths = 'defined'): Buffer =>
  sequence(
    Tags.FrameVOILUTSequence,
    [
      item(
        Buffer.concat([element(Tags.WindowCenter, 'DS', center), element(Tags.WindowWidth, 'DS', '10')]),
        lengths,
      ),
    ],
    lengths,
  );
const shared = (...groups: readonly Buffer[]): Buffer =>
  sequence(Tags.SharedFunctionalGroupsSequence, [item(Buffer.concat(groups))]);
const perFrame = (lengths: Lengths, ...frames: readonly Buffer[]): Buffer =>
  sequence(
    Tags.PerFrameFunctionalGroupsSequence,
    frames.map((groups) => item(groups, lengths)),
    lengths,
  );

const three = (...more: readonly Buffer[]): Promise<Image> => imageOf({ frames: 3, pixels: [1, 2, 3], more });

async function centers({ looks }: Image): Promise<readonly unknown[]> {
  const found = await Promise.all([1, 2, 3].map((frame) => looks.of(frame)));
  return found.map(({ voi: [first] }) => (first?.kind === 'window' ? first.center : undefined));
}

describe('functional groups (PS3.3 C.7.6.16)', () => {
  test.each(['defined', 'undefined'] as const)('each frame has its own, of %s length', async (lengths) => {
    const frames = ['10', '20', '30'].map((center) =>
      Buffer.concat([window(center, lengths), rescale('5 ', lengths)]),
    );
    const image = await three(perFrame(lengths, ...frames));
    expect(await centers(image)).toEqual([10, 20, 30]);
    expect((await image.looks.of(2)).modality).toEqual({ kind: 'rescale', slope: 1, intercept: 5 });
  });

  test('what a frame does not say, all frames together say, and else the dataset', async () => {
    const image = await three(
      element(Tags.WindowCenter, 'DS', '99'),
      element(Tags.WindowWidth, 'DS', '10'),
      shared(rescale('7 ')),
      perFrame('undefined', window('10'), Buffer.alloc(0), rescale('8 ')),
    );
    expect(await centers(image)).toEqual([10, 99, 99]);
    const intercepts = await Promise.all([1, 2, 3].map((frame) => image.looks.of(frame)));
    expect(intercepts.map(({ modality }) => modality)).toMatchObject([
      { intercept: 7 },
      { intercept: 7 },
      { intercept: 8 },
    ]);
  });

  test('are read in the encoding of the sequence around them (PS3.5 6.2.2)', async () => {
    const implicit = (tag: number, value: string): Buffer => element(tag, 'DS', value, ILE);
    const inner = Buffer.concat([implicit(Tags.WindowCenter, '40'), implicit(Tags.WindowWidth, '10')]);
    const group = sequence(Tags.FrameVOILUTSequence, [item(inner, 'defined', ILE)], 'defined', ILE);
    const unknown = Buffer.concat([
      header(Tags.PerFrameFunctionalGroupsSequence, 'UN', UNDEFINED, ELE),
      item(group, 'defined', ILE),
      header(0xfffee0dd, '', 0, ELE),
    ]);
    const image = await three(unknown);
    expect(await centers(image)).toEqual([40, undefined, undefined]);
  });

  test('of other sequences do not count', async () => {
    const icon = sequence(Tags.IconImageSequence, [
      item(Buffer.concat([element(Tags.WindowCenter, 'DS', '1 '), element(Tags.WindowWidth, 'DS', '1 ')])),
    ]);
    expect(await centers(await three(icon))).toEqual([undefined, undefined, undefined]);
  });

  test('of pixel measures tell how high pixels are', async () => {
    const measures = sequence(Tags.PixelMeasuresSequence, [item(element(Tags.PixelSpacing, 'DS', '2\\1 '))]);
    const { looks } = await three(shared(measures));
    expect((await looks.of(1)).pixelAspect).toEqual({ vertical: 2, horizontal: 1 });
  });

  test('of shutters tell what is seen of each frame (PS3.3 C.8.19.6.4)', async () => {
    const shutter = (shape: string, ...values: readonly Buffer[]): Buffer =>
      sequence(Tags.FrameDisplayShutterSequence, [
        item(Buffer.concat([element(Tags.ShutterShape, 'CS', shape), ...values])),
      ]);
    const circle = shutter(
      'CIRCULAR',
      element(Tags.CenterOfCircularShutter, 'IS', '3\\4 '),
      element(Tags.RadiusOfCircularShutter, 'IS', '2 '),
      element(Tags.ShutterPresentationValue, 'US', Buffer.from([0xff, 0xff])),
    );
    const square = shutter(
      'RECTANGULAR',
      element(Tags.ShutterLeftVerticalEdge, 'IS', '1 '),
      element(Tags.ShutterRightVerticalEdge, 'IS', '5 '),
      element(Tags.ShutterUpperHorizontalEdge, 'IS', '2 '),
      element(Tags.ShutterLowerHorizontalEdge, 'IS', '6 '),
    );
    const { looks } = await three(shared(circle), perFrame('defined', square, Buffer.alloc(0), square));
    const found = await Promise.all([1, 2, 3].map((frame) => looks.of(frame)));
    const own = [[{ kind: 'rectangle', left: 1, right: 5, upper: 2, lower: 6 }], 0];
    expect(found.map(({ shutters, shutterValue }) => [shutters, shutterValue])).toEqual([
      own,
      [[{ kind: 'circle', row: 3, column: 4, radius: 2 }], 1],
      own,
    ]);
  });

  test('a dataset that says more than is read of how it is shown is refused, as its length says so', async () => {
    const profile = Buffer.concat([header(Tags.ICCProfile, 'OB', 0x7ffffffe), Buffer.alloc(100)]);
    await expect(imageOf({ pixels: [1], more: [profile] })).rejects.toMatchObject({
      code: 'malformed-dataset',
    });
    const large = element(Tags.ICCProfile, 'OB', Buffer.alloc(9 * 1024 * 1024));
    await expect(imageOf({ pixels: [1], more: [large] })).rejects.toMatchObject({ code: 'not-acceptable' });
  });
});
