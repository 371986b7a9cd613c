import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  DatasetIndexer,
  frameCount,
  frameLength,
  frameRanges,
  readFrame,
  readRanges,
  requireDeclaredFrames,
  Tags,
  TransferSyntaxes,
  type DatasetIndex,
  type TransferSyntax,
} from '../../../src/dicom/index.js';
import {
  collect,
  EBE,
  element,
  ELE,
  encapsulated,
  header,
  item,
  pieces,
  sequence,
  sourceOf,
  UNDEFINED,
  us,
} from './dataset-bytes.js';

const malformed = expect.objectContaining({ code: 'malformed-dataset' });
const notFound = expect.objectContaining({ code: 'not-found' });
const JPEG = TransferSyntaxes.JpegBaseline;

interface Image {
  readonly rows?: number;
  readonly columns?: number;
  readonly bits?: number;
  readonly samples?: number;
  readonly frames?: string;
  readonly photometric?: string;
}

function describeImage(image: Image, syntax: TransferSyntax = ELE): Buffer {
  const { rows = 2, columns = 3, bits = 8, samples = 1, frames, photometric = 'MONOCHROME2' } = image;
  return Buffer.concat([
    element(Tags.SOPClassUID, 'UI', '1.2.840.10008.5.1.4.1.1.7\0', syntax),
    element(Tags.SamplesPerPixel, 'US', us(samples, syntax), syntax),
    element(Tags.PhotometricInterpretation, 'CS', photometric, syntax),
    ...(frames === undefined ? [] : [element(Tags.NumberOfFrames, 'IS', frames, syntax)]),
    element(Tags.Rows, 'US', us(rows, syntax), syntax),
    element(Tags.Columns, 'US', us(columns, syntax), syntax),
    element(Tags.BitsAllocated, 'US', us(bits, syntax), syntax),
  ]);
}

async function indexOf(bytes: Buffer, syntax: TransferSyntax = ELE): Promise<DatasetIndex> {
  const indexer = new DatasetIndexer(syntax);
  for (const piece of pieces(bytes, [13])) await indexer.push(piece);
  return indexer.end();
}

async function framesOf(bytes: Buffer, syntax: TransferSyntax = ELE): Promise<readonly string[]> {
  const index = await indexOf(bytes, syntax);
  const frames: string[] = [];
  for (let frame = 1; frame <= frameCount(index); frame++) {
    const read = await collect(readFrame(sourceOf(bytes), index, frame));
    expect(read).toHaveLength(frameLength(index, frame));
    frames.push(read.toString('hex'));
  }
  expect(() => frameRanges(index, frames.length + 1)).toThrow(notFound);
  expect(() => readFrame(sourceOf(bytes), index, 0)).toThrow(notFound);
  return frames;
}

describe('the index', () => {
  test('holds the top-level UIDs and geometry, not those of nested items', async () => {
    const nested = item(
      Buffer.concat([element(Tags.SOPInstanceUID, 'UI', '9.9\0'), element(Tags.Rows, 'US', us(7))]),
      'undefined',
    );
    const bytes = Buffer.concat([
      element(Tags.SOPInstanceUID, 'UI', '1.2.3\0'),
      sequence(0x00081115, [nested], 'undefined'),
      element(Tags.StudyInstanceUID, 'UI', '1.2 '),
      element(Tags.SeriesInstanceUID, 'UI', ''),
      describeImage({ frames: '12 ' }),
    ]);
    expect(await indexOf(bytes)).toEqual({
      length: bytes.length,
      transferSyntaxUid: ELE.uid,
      sopClassUid: '1.2.840.10008.5.1.4.1.1.7',
      sopInstanceUid: '1.2.3',
      studyInstanceUid: '1.2',
      rows: 2,
      columns: 3,
      bitsAllocated: 8,
      samplesPerPixel: 1,
      numberOfFrames: 12,
      photometricInterpretation: 'MONOCHROME2',
    });
  });

  test('says that a sequence delimiter was missing', async () => {
    const bytes = encapsulated([], [Buffer.of(1, 2)], false);
    expect((await indexOf(bytes, JPEG)).pixelData).toMatchObject({
      kind: 'encapsulated',
      unterminated: true,
    });
  });

  test('is refused for a dataset that stops inside its pixel data', async () => {
    await expect(indexOf(element(Tags.PixelData, 'OW', Buffer.alloc(100)).subarray(0, -1))).rejects.toEqual(
      malformed,
    );
  });

  test('a 2 GiB value passes chunk by chunk without being kept', async () => {
    const indexer = new DatasetIndexer(ELE);
    const chunk = Buffer.alloc(256 * 1024);
    await indexer.push(header(Tags.PixelData, 'OW', 2 ** 31));
    for (let at = 0; at < 2 ** 31; at += chunk.length) await indexer.push(chunk);
    expect((await indexer.end()).pixelData).toMatchObject({ value: { start: 12, end: 2 ** 31 + 12 } });
  });
});

describe('native frames', () => {
  const native = (image: Image, pixels: Buffer, syntax: TransferSyntax = ELE, vr = 'OW'): Buffer =>
    Buffer.concat([describeImage(image, syntax), element(Tags.PixelData, vr, pixels, syntax)]);
  const hex = (text: string): Buffer => Buffer.from(text, 'hex');

  test('are rows by columns by samples by bits allocated', async () => {
    const pixels = hex('010203040506' + '111213141516');
    expect(await framesOf(native({ frames: '2' }, pixels))).toEqual(['010203040506', '111213141516']);
    expect(await framesOf(native({ frames: '1', bits: 16 }, pixels))).toEqual([pixels.toString('hex')]);
  });

  test('without Number of Frames there is one; an unreadable number is none', async () => {
    expect(await framesOf(native({}, Buffer.alloc(12)))).toHaveLength(1);
    expect(await framesOf(native({ frames: '1A' }, Buffer.alloc(12)))).toHaveLength(1);
    expect(await framesOf(native({ frames: '-4' }, Buffer.alloc(12)))).toHaveLength(1);
  });

  test('are no more than the pixel data holds, whatever Number of Frames says', async () => {
    expect(await framesOf(native({ frames: '2000000000' }, Buffer.alloc(13)))).toHaveLength(2);
  });

  test('none can be had without geometry or without pixel data', async () => {
    expect(await framesOf(native({ rows: 0 }, Buffer.alloc(12)))).toEqual([]);
    expect(await framesOf(describeImage({ frames: '3' }))).toEqual([]);
  });

  test('YBR_FULL_422 has two bytes a pixel, unless every sample is stored', async () => {
    const image = { rows: 1, columns: 2, samples: 3, frames: '2', photometric: 'YBR_FULL_422' };
    expect(await framesOf(native(image, hex('0102030411121314')))).toEqual(['01020304', '11121314']);
    expect(await framesOf(native(image, hex('010203040506111213141516')))).toEqual([
      '010203040506',
      '111213141516',
    ]);
  });

  test('big endian words come in little endian, also where a frame ends within one', async () => {
    expect(await framesOf(native({ rows: 1, columns: 2, bits: 16 }, hex('01020304'), EBE), EBE)).toEqual([
      '02010403',
    ]);
    const odd = { rows: 1, columns: 3, frames: '2' };
    expect(await framesOf(native(odd, hex('020104030605'), EBE), EBE)).toEqual(['010203', '040506']);
    expect(await framesOf(native(odd, hex('010203040506'), EBE, 'OB'), EBE)).toEqual(['010203', '040506']);
  });

  test('W-30: frames of single bits begin at the first bit, whatever bit they are stored from', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.array(fc.boolean(), { minLength: 35, maxLength: 35 }), { minLength: 1, maxLength: 6 }),
        async (rows, columns, patterns) => {
          const bits = rows * columns;
          const images = patterns.map((pattern) => pattern.slice(0, bits));
          const pack = (flags: readonly boolean[]): Buffer => {
            const bytes = Buffer.alloc(Math.ceil(flags.length / 8));
            flags.forEach((flag, at) => {
              if (flag) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7));
            });
            return bytes;
          };
          const bytes = native(
            { rows, columns, bits: 1, frames: String(images.length) },
            pack(images.flat()),
            ELE,
            'OB',
          );
          expect(await framesOf(bytes)).toEqual(images.map((image) => pack(image).toString('hex')));
        },
      ),
      { interruptAfterTimeLimit: 3000, markInterruptAsFailure: false },
    );
  });

  test('of a deflated dataset are inflated on the way', async () => {
    const dataset = native({ frames: '2' }, hex('010203040506111213141516'));
    const stored = deflateRawSync(dataset);
    const index = await indexOf(stored, TransferSyntaxes.DeflatedExplicitVrLittleEndian);
    expect((await collect(readFrame(sourceOf(stored), index, 2))).toString('hex')).toBe('111213141516');
  });

  test('float pixel data is pixel data', async () => {
    const bytes = Buffer.concat([
      describeImage({ rows: 1, columns: 1, bits: 32 }),
      element(Tags.FloatPixelData, 'OF', hex('0000803f')),
    ]);
    expect(await framesOf(bytes)).toEqual(['0000803f']);
  });
});

describe('encapsulated frames', () => {
  const soi = (byte: number): Buffer => Buffer.of(0xff, 0xd8, 0xff, byte);
  const rest = (byte: number): Buffer => Buffer.of(byte, byte);
  const image = (frames: string | undefined, pixels: Buffer): Buffer =>
    Buffer.concat([describeImage(frames === undefined ? {} : { frames }), pixels]);

  test('one frame is all fragments', async () => {
    expect(await framesOf(image('1', encapsulated([], [soi(1), rest(2), rest(3)])), JPEG)).toEqual([
      'ffd8ff0102020303',
    ]);
    expect(await framesOf(image(undefined, encapsulated([0], [soi(1), rest(2)])), JPEG)).toEqual([
      'ffd8ff010202',
    ]);
  });

  test('as many fragments as frames are one each, whatever the offset table says', async () => {
    expect(await framesOf(image('2', encapsulated([0, 999], [soi(1), soi(2)])), JPEG)).toEqual([
      'ffd8ff01',
      'ffd8ff02',
    ]);
  });

  test.each([
    ['1', [], [soi(1), soi(2)], 'more frames'],
    ['2', [0, 12, 24], [soi(1), soi(2), soi(3)], 'more frames'],
    ['3', [], [soi(1), soi(2)], 'fewer frames'],
    ['1', [], [soi(1), rest(2)], undefined],
    // One that begins so by chance within a frame that the table knows.
    ['2', [0, 12], [soi(1), soi(2), soi(3)], undefined],
  ] as const)('of %s frames, table %j and %j: %s', async (frames, table, fragments, problem) => {
    const index = await indexOf(image(frames, encapsulated(table, fragments)), JPEG);
    const check = (): void => {
      requireDeclaredFrames(index);
    };
    if (problem === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(problem);
  });

  test('the Basic Offset Table tells which fragments make a frame', async () => {
    const pixels = encapsulated([0, 22], [rest(1), soi(2), rest(3)]);
    expect(await framesOf(image('2', pixels), JPEG)).toEqual(['0101ffd8ff02', '0303']);
  });

  test('the extended offset table comes before the basic one', async () => {
    const table = Buffer.alloc(16);
    table.writeBigUInt64LE(10n, 8);
    const pixels = encapsulated([0, 22], [rest(1), soi(2), rest(3)]);
    const bytes = Buffer.concat([element(Tags.ExtendedOffsetTable, 'OV', table), pixels]);
    expect(await framesOf(image('2', bytes), JPEG)).toEqual(['0101', 'ffd8ff020303']);
  });

  test('without a usable table the start of each code stream tells', async () => {
    for (const table of [[], [0, 5], [0], [0, 0]]) {
      const pixels = encapsulated(table, [soi(1), rest(2), soi(3), rest(4)]);
      expect(await framesOf(image('2', pixels), JPEG)).toEqual(['ffd8ff010202', 'ffd8ff030404']);
    }
    const j2k = Buffer.from('ff4fff51', 'hex');
    const chance = Buffer.from('ff4f0000', 'hex');
    const bytes = image('2', encapsulated([], [j2k, chance, j2k]));
    expect(await framesOf(bytes, TransferSyntaxes.Jpeg2000)).toEqual(['ff4fff51ff4f0000', 'ff4fff51']);
  });

  test('are malformed when nothing tells where they begin', async () => {
    const index = await indexOf(
      image('2', encapsulated([], [rest(1), rest(2), rest(3)])),
      TransferSyntaxes.RleLossless,
    );
    expect(frameCount(index)).toBe(2);
    expect(() => frameRanges(index, 1)).toThrow(malformed);
  });

  test('are no more than there are fragments', async () => {
    expect(await framesOf(image('5', encapsulated([], [soi(1), soi(2)])), JPEG)).toHaveLength(2);
    expect(await framesOf(image('5', encapsulated([], [], true)), JPEG)).toEqual([]);
  });

  test('W-29: video is one stream, whatever Number of Frames says', async () => {
    const pixels = encapsulated([], [rest(1), rest(2)]);
    expect(await framesOf(image('75', pixels), TransferSyntaxes.Mpeg4HighProfile41)).toEqual(['01010202']);
  });

  test('a frame of a nested icon is no frame of the instance', async () => {
    const icon = sequence(0x00880200, [
      item(
        Buffer.concat([
          header(Tags.PixelData, 'OB', UNDEFINED),
          item(Buffer.alloc(0)),
          header(Tags.SequenceDelimitationItem, '', 0),
        ]),
      ),
    ]);
    expect(await framesOf(image('1', icon), JPEG)).toEqual([]);
  });
});

describe('ranges', () => {
  test('are read one after the other; those that touch in one go', async () => {
    const bytes = Buffer.from('0123456789', 'latin1');
    const read = (ranges: [number, number][]): Promise<Buffer> =>
      collect(
        readRanges(
          sourceOf(bytes),
          ELE,
          ranges.map(([start, end]) => ({ start, end })),
        ),
      );
    expect(
      (
        await read([
          [1, 3],
          [3, 4],
          [8, 10],
        ])
      ).toString(),
    ).toBe('12389');
    expect((await read([[4, 4]])).toString()).toBe('');
    await expect(read([[5, 11]])).rejects.toEqual(malformed);
  });

  test('of a big endian value come in little endian when its VR is given', async () => {
    const bytes = Buffer.from('0102030405060708', 'hex');
    const range = [{ start: 0, end: 8 }];
    expect((await collect(readRanges(sourceOf(bytes), EBE, range, 'OL'))).toString('hex')).toBe(
      '0403020108070605',
    );
    expect((await collect(readRanges(sourceOf(bytes), EBE, range))).toString('hex')).toBe('0102030405060708');
  });
});
