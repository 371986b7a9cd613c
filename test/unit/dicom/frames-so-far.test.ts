import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  DatasetIndexer,
  frameRanges,
  indexForFrame,
  Tags,
  TransferSyntaxes,
  type TransferSyntax,
} from '../../../src/dicom/index.js';
import { element, ELE, encapsulated, header, UNDEFINED, u32, us } from './dataset-bytes.js';

const JPEG = TransferSyntaxes.JpegBaseline;
const JPEG_START = Buffer.from('ffd8ffe0', 'hex');

const geometry = (frames: number): Buffer =>
  Buffer.concat([
    element(Tags.SamplesPerPixel, 'US', us(1)),
    element(Tags.NumberOfFrames, 'IS', `${frames} `),
    element(Tags.Rows, 'US', us(2)),
    element(Tags.Columns, 'US', us(4)),
    element(Tags.BitsAllocated, 'US', us(8)),
  ]);

/** For each number of bytes read: what is settled of each frame, and where it is then. */
async function* reading(
  bytes: Buffer,
  syntax: TransferSyntax,
  frames: number,
): AsyncGenerator<{ at: number; frame: number; settled: boolean; ranges: unknown }> {
  const indexer = new DatasetIndexer(syntax);
  for (let at = 0; at < bytes.length; at += 1) {
    await indexer.push(bytes.subarray(at, at + 1));
    const soFar = indexer.soFar();
    for (let frame = 1; frame <= frames; frame += 1) {
      const index = indexForFrame(soFar, frame);
      const settled = typeof index === 'object';
      yield { at, frame, settled, ranges: settled ? frameRanges(index, frame) : undefined };
    }
  }
}

async function indexOf(bytes: Buffer, syntax: TransferSyntax) {
  const indexer = new DatasetIndexer(syntax);
  await indexer.push(bytes);
  return indexer.end();
}

test('native frames are known from the header of the pixel data on', async () => {
  const head = geometry(3);
  const bytes = Buffer.concat([head, element(Tags.PixelData, 'OB', Buffer.alloc(24, 7))]);
  const final = await indexOf(bytes, ELE);
  for await (const { at, frame, settled, ranges } of reading(bytes, ELE, 3)) {
    const isKnown = at + 1 >= head.length + 12;
    expect(settled).toBe(isKnown);
    if (isKnown) expect(ranges).toEqual(frameRanges(final, frame));
  }
});

test('W-29: where the code stream of a JP2 file stands is known when all of it is there', async () => {
  const frame = Buffer.from('0000000c6a502020', 'hex');
  const offsets = [0, frame.length + 8];
  const bytes = Buffer.concat([geometry(2), encapsulated(offsets, [frame, frame])]);
  for await (const { settled } of reading(bytes, TransferSyntaxes.Jpeg2000Lossless, 2))
    expect(settled).toBe(false);
  const bare = Buffer.concat([geometry(2), encapsulated(offsets, [Buffer.alloc(8, 1), Buffer.alloc(8, 2)])]);
  const settled: boolean[] = [];
  for await (const one of reading(bare, TransferSyntaxes.Jpeg2000Lossless, 2)) settled.push(one.settled);
  expect(settled).toContain(true);
});

interface Stream {
  /** Bytes of each fragment of each frame. */
  readonly frames: readonly (readonly number[])[];
  readonly declared: number;
  readonly table: 'none' | 'right' | 'wrong';
  readonly wrongAt: number;
  readonly marked: boolean;
}

function encode({ frames, declared, table, wrongAt, marked }: Stream): Buffer {
  const offsets: number[] = [];
  const items: Buffer[] = [];
  let offset = 0;
  for (const fragments of frames) {
    offsets.push(offset);
    for (const [index, length] of fragments.entries()) {
      const value = Buffer.alloc(length + (length % 2), 1);
      if (marked && index === 0) JPEG_START.copy(value);
      items.push(header(Tags.Item, '', value.length), value);
      offset += 8 + value.length;
    }
  }
  if (table === 'wrong') offsets[wrongAt % offsets.length] = offset + 100;
  const entries = table === 'none' ? [] : offsets.map((value) => u32(value));
  return Buffer.concat([
    geometry(declared),
    header(Tags.PixelData, 'OB', UNDEFINED),
    header(Tags.Item, '', entries.length * 4),
    ...entries,
    ...items,
    header(Tags.SequenceDelimitationItem, '', 0),
  ]);
}

describe('encapsulated frames', () => {
  test('of an offset table are known when the next one begins', async () => {
    const bytes = encode({
      frames: [[10], [6], [8]],
      declared: 3,
      table: 'right',
      wrongAt: 0,
      marked: true,
    });
    const first = new Map<number, number>();
    for await (const { at, frame, settled } of reading(bytes, JPEG, 3)) {
      if (settled && !first.has(frame)) first.set(frame, at);
    }
    expect([...first.keys()]).toEqual([1, 2]);
    expect((first.get(2) ?? 0) - (first.get(1) ?? 0)).toBe(8 + 6);
  });

  test('what is settled once is what the whole says, whatever tables, marks and fragments there are', async () => {
    const length = fc.integer({ min: 0, max: 9 });
    const fragments = fc.oneof(
      { weight: 4, arbitrary: fc.tuple(length) },
      { weight: 1, arbitrary: fc.tuple(length, length) },
    );
    const streams = fc
      .record({
        frames: fc.array(fragments, { minLength: 1, maxLength: 5 }),
        more: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: -1, max: 1 })),
        table: fc.constantFrom('none' as const, 'right' as const, 'wrong' as const),
        wrongAt: fc.nat(5),
        marked: fc.boolean(),
      })
      .map((made) => ({ ...made, declared: Math.max(1, made.frames.length + made.more) }));
    let settledEver = 0;
    await fc.assert(
      fc.asyncProperty(streams, async (stream) => {
        const bytes = encode(stream);
        const final = await indexOf(bytes, JPEG);
        for await (const { frame, settled, ranges } of reading(bytes, JPEG, stream.declared)) {
          if (!settled) continue;
          settledEver += 1;
          let whole: unknown;
          try {
            whole = frameRanges(final, frame);
          } catch {
            // A table that turns out to be wrong at its end leaves the whole without a rule; its beginning was right.
            expect(stream.table).toBe('wrong');
            continue;
          }
          expect(ranges).toEqual(whole);
        }
      }),
      { numRuns: 300, seed: 7 },
    );
    expect(settledEver).toBeGreaterThan(1000);
  });
});
