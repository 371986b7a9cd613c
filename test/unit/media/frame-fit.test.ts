import { describe, expect, test } from '@jest/globals';
import { transferSyntax, TransferSyntaxes as S, type FrameShape } from '../../../src/dicom/index.js';
import { readFrameFit, type FrameFit } from '../../../src/media/index.js';
import { decodeFrame } from '../../../src/transcode/decode-frame.js';
import { encodeFrame } from '../../../src/transcode/encode-frame.js';
import { encodeRle } from '../../../src/transcode/rle.js';
import { jpeg12, jpeg12Shape } from '../../helpers/jpeg-12.js';
import { encodeJpegXl } from '../../helpers/jpeg-xl.js';
import { box } from '../../helpers/media.js';
import { colour, gray } from '../../helpers/pixel-instances.js';
import { patterns } from '../transcode/frames.js';
import { file } from './file.js';

function fitOf(uid: string, bytes: Uint8Array): Promise<FrameFit | undefined> {
  const syntax = transferSyntax(uid);
  if (!syntax) throw new RangeError('there is no such transfer syntax');
  return readFrameFit(syntax, file(Buffer.from(bytes)));
}

async function encoded(shape: FrameShape, uid: string): Promise<Uint8Array> {
  const [samples = new Uint8Array()] = patterns(shape);
  if (uid === S.JpegXlLossless.uid) return encodeJpegXl(samples, shape);
  if (uid === S.EncapsulatedUncompressedExplicitVrLittleEndian.uid) return samples;
  return (await encodeFrame({ samples, shape }, uid)).stream;
}

/** Whether the decoder takes it. */
const isDecoded = (bytes: Uint8Array, uid: string, shape: FrameShape): Promise<boolean> =>
  decodeFrame(new Uint8Array(bytes), uid, shape).then(
    () => true,
    () => false,
  );

const READ = [
  S.JpegLosslessSv1,
  S.JpegLsLossless,
  S.Jpeg2000Lossless,
  S.HtJ2kLossless,
  S.JpegXlLossless,
  S.RleLossless,
  S.EncapsulatedUncompressedExplicitVrLittleEndian,
].map(({ name, uid }) => ({ name, uid }));
const narrow: FrameShape = { ...gray, bitsAllocated: 8, bitsStored: 8 };

/** How many bytes there are to a pixel, or in all, and nothing else. */
const TELLING_LITTLE = new Set<string>([
  S.RleLossless.uid,
  S.EncapsulatedUncompressedExplicitVrLittleEndian.uid,
]);

describe.each(READ)('S-05: a frame in $name', ({ uid }) => {
  test.each<[string, FrameShape, Partial<FrameShape>]>([
    ['grey', gray, {}],
    ['bytes', narrow, {}],
    ['colours', colour, {}],
    ['more bits stored', gray, { bitsStored: 16 }],
    ['colours by another name', colour, { photometricInterpretation: 'YBR_FULL' }],
  ])('is what its dataset says, to the decoder too: %s', async (_what, shape, said) => {
    const frame = await encoded(shape, uid);
    const fit = await fitOf(uid, frame);
    expect(fit?.({ ...shape, ...said })).toBeUndefined();
    expect(await isDecoded(frame, uid, { ...shape, ...said })).toBe(true);
  });

  test.each<[string, FrameShape, Partial<FrameShape>]>([
    ['fewer samples', narrow, { samplesPerPixel: 3, photometricInterpretation: 'RGB' }],
    ['rows', gray, { rows: gray.rows + 1 }],
    ['columns', gray, { columns: gray.columns + 1 }],
    ['more samples', colour, { samplesPerPixel: 1, photometricInterpretation: 'MONOCHROME2' }],
    ['wider samples', gray, { bitsAllocated: 8, bitsStored: 8 }],
  ])('is refused for nothing that the decoder takes: %s', async (_what, shape, said) => {
    const frame = await encoded(shape, uid);
    const difference = (await fitOf(uid, frame))?.({ ...shape, ...said });
    const decoded = await isDecoded(frame, uid, { ...shape, ...said });
    if (difference !== undefined) expect(decoded).toBe(false);
    if (!TELLING_LITTLE.has(uid)) expect(difference).toBeDefined();
  });

  test('that is nothing of the kind cannot be read', async () => {
    if (uid === S.EncapsulatedUncompressedExplicitVrLittleEndian.uid) return;
    await expect(fitOf(uid, Buffer.alloc(40, 'junk'))).rejects.toMatchObject({ code: 'malformed-dataset' });
  });
});

test.each([
  ['grey', gray],
  ['colours', colour],
  ['single bits', { ...gray, bitsAllocated: 1, bitsStored: 1 }],
] as const)(
  'S-05: an RLE frame that is cut off is what the decoder takes of it: %s',
  async (_what, shape) => {
    const { uid } = S.RleLossless;
    const [samples = new Uint8Array()] = patterns(shape);
    const frame = Buffer.from(encodeRle(samples, shape));
    const refused: boolean[] = [];
    for (let length = frame.length; length > 64; length -= 1) {
      const cut = frame.subarray(0, length);
      const isRefused = await fitOf(uid, cut).then(
        (fit) => fit?.(shape) !== undefined,
        () => true,
      );
      expect(isRefused).toBe(!(await isDecoded(cut, uid, shape)));
      refused.push(isRefused);
    }
    expect(refused.slice(0, 1)).toEqual([false]);
    // Of the last bytes one may be padding.
    expect(refused.slice(2)).not.toContain(false);
  },
);

test('S-05: an RLE segment that another follows is walked to its end alone', async () => {
  const { uid } = S.RleLossless;
  const frame = Buffer.from(await encoded(gray, uid));
  // The first segment loses what the second one gets, and no byte of the frame is missing.
  frame.writeUInt32LE(frame.readUInt32LE(8) - 8, 8);
  expect((await fitOf(uid, frame))?.(gray)).toContain('RLE segment that ends early');
});

describe('S-05: a JPEG XL frame in boxes', () => {
  const { uid } = S.JpegXlLossless;
  const signature = Buffer.from('0000000c4a584c200d0a870a', 'hex');
  const kind = box('ftyp', Buffer.from('jxl \0\0\0\0jxl '));
  /** The encoder puts it into boxes itself. */
  const bareStream = async (): Promise<Buffer> => {
    const frame = await encodeJpegXl(patterns(gray)[0] ?? new Uint8Array(), gray);
    const at = frame.indexOf('jxlc');
    return frame.subarray(at + 4, at - 4 + frame.readUInt32BE(at - 4));
  };
  const piece = (number: number, bytes: Buffer): Buffer => {
    const index = Buffer.alloc(4);
    index.writeUInt32BE(number);
    return box('jxlp', index, bytes);
  };

  test.each<[string, (stream: Buffer) => Buffer[]]>([
    ['one', (stream) => [box('jxlc', stream)]],
    ['pieces', (stream) => [piece(0, stream.subarray(0, 40)), piece(0x80000001, stream.subarray(40))]],
  ])('that has its end: %s; padding and others may follow', async (_what, boxesOf) => {
    const stream = await bareStream();
    const whole = Buffer.concat([signature, kind, ...boxesOf(stream)]);
    for (const tail of [Buffer.alloc(0), Buffer.alloc(1), Buffer.from('more than a box')]) {
      const frame = Buffer.concat([whole, tail]);
      expect((await fitOf(uid, frame))?.(gray)).toBeUndefined();
      expect(await isDecoded(frame, uid, gray)).toBe(true);
    }
    const cut = whole.subarray(0, -2);
    await expect(fitOf(uid, cut)).rejects.toMatchObject({ code: 'malformed-dataset' });
    expect(await isDecoded(cut, uid, gray)).toBe(false);
  });

  test('that lacks its last piece cannot be read', async () => {
    const stream = await bareStream();
    const frame = Buffer.concat([signature, kind, piece(0, stream.subarray(0, 40))]);
    await expect(fitOf(uid, frame)).rejects.toThrow('ends early');
  });
});

test('S-05: JPEG of 12 bits is taken for 16 that are allocated, and not for 8', async () => {
  const fit = await fitOf(S.JpegExtended.uid, jpeg12());
  expect(fit?.(jpeg12Shape)).toBeUndefined();
  expect(fit?.({ ...jpeg12Shape, bitsStored: 16 })).toBeUndefined();
  expect(fit?.({ ...jpeg12Shape, bitsAllocated: 8 })).toContain('12 bits');
});

test.each([
  [S.JpegLosslessSv1, S.JpegLsLossless],
  [S.JpegLsLossless, S.JpegLosslessSv1],
])('S-05: $name is told from the other kind of JPEG', async ({ uid }, other) => {
  await expect(fitOf(other.uid, await encoded(gray, uid))).rejects.toThrow('JPEG-LS stream');
});

test('S-05: JPEG 2000 is read within the boxes that some put around it, whatever these say of its colours', async () => {
  const stream = Buffer.from(await encoded(gray, S.Jpeg2000Lossless.uid));
  const start = [Buffer.from('0000000c6a5020200d0a870a', 'hex'), box('jp2h', box('pclr', Buffer.alloc(4)))];
  const fit = await fitOf(S.Jpeg2000Lossless.uid, Buffer.concat([...start, box('jp2c', stream)]));
  expect(fit?.(gray)).toBeUndefined();
  expect(fit?.({ ...gray, rows: 1 })).toContain('17 x 31 pixels');
});

test('S-05: components that part 2 of JPEG 2000 has transformed are not held against the samples of a frame', async () => {
  const stream = Buffer.from(await encoded(colour, S.Jpeg2000Lossless.uid));
  const wanted = { ...colour, samplesPerPixel: 1 };
  const { uid } = S.Jpeg2000Part2Lossless;
  expect((await fitOf(uid, stream))?.(wanted)).toContain('3 components');
  stream.writeUInt16BE(0x8100, stream.indexOf('ff51', 0, 'hex') + 4);
  expect((await fitOf(uid, stream))?.(wanted)).toBeUndefined();
});

test('S-05: frames in other transfer syntaxes are not read', async () => {
  for (const { uid } of [S.DeflatedImageFrameCompression, S.Mpeg4HighProfile41, S.JpegLosslessHierarchical28])
    expect(await fitOf(uid, Buffer.from('junk'))).toBeUndefined();
});
