/** Frames that come one by one, as encapsulated pixel data. */
import { OutputBuffer } from './output-buffer.js';
import { Tags } from './tags.js';

/** One frame, or the one stream of a video. */
export interface EncodedFrameSource {
  /** Bytes, one at least: what is empty has no fragment. */
  readonly length: number;
  readonly read: () => AsyncIterable<Buffer>;
}

/** Of a fragment, whose length is even. */
const MOST_FRAGMENT_BYTES = 0xfffffffe;
const undefinedLength = 0xffffffff;
const even = (length: number): number => length + (length % 2);

/**
 * The Pixel Data element of frames in a fragment each, with a Basic Offset Table, or the extended one where the offsets
 * are too large for it. A frame that is too long for one fragment has several, and then there is no table.
 *
 * @see PS3.5 A.4, rule S-05
 */
export async function* encapsulatedFrames(
  frames: readonly EncodedFrameSource[],
): AsyncGenerator<Buffer, void, undefined> {
  yield* tables(frames);
  for (const frame of frames) yield* fragmentsOf(frame);
  yield written((output) => {
    output.writeHeader(Tags.SequenceDelimitationItem, 0);
  });
}

function* tables(frames: readonly EncodedFrameSource[]): Generator<Buffer> {
  const offsets: number[] = [];
  let at = 0;
  for (const { length } of frames) {
    offsets.push(at);
    at += 8 + even(length);
  }
  const isSplit = frames.some(({ length }) => even(length) > MOST_FRAGMENT_BYTES);
  const isWide = (offsets.at(-1) ?? 0) > undefinedLength;
  const hasTable = frames.length > 1 && !isSplit;
  if (hasTable && isWide) {
    yield table64(Tags.ExtendedOffsetTable, offsets);
    yield table64(
      Tags.ExtendedOffsetTableLengths,
      frames.map(({ length }) => even(length)),
    );
  }
  const basic = hasTable && !isWide ? offsets : [];
  yield written((output) => {
    output.writeLongHeader(Tags.PixelData, 'OB', undefinedLength);
    output.writeHeader(Tags.Item, basic.length * 4);
    const table = Buffer.alloc(basic.length * 4);
    for (const [index, offset] of basic.entries()) table.writeUInt32LE(offset, index * 4);
    output.write(table);
  });
}

const table64 = (tag: number, values: readonly number[]): Buffer =>
  written((output) => {
    output.writeLongHeader(tag, 'OV', values.length * 8);
    const table = Buffer.alloc(values.length * 8);
    for (const [index, value] of values.entries()) table.writeBigUInt64LE(BigInt(value), index * 8);
    output.write(table);
  });

async function* fragmentsOf({ length, read }: EncodedFrameSource): AsyncGenerator<Buffer, void, undefined> {
  let left = length;
  let room = 0;
  for await (const chunk of read()) {
    for (let from = 0; from < chunk.length;) {
      if (room === 0) {
        room = Math.min(left, MOST_FRAGMENT_BYTES);
        const fragment = even(room);
        yield written((output) => {
          output.writeHeader(Tags.Item, fragment);
        });
      }
      const part = chunk.subarray(from, from + room);
      yield part;
      from += part.length;
      room -= part.length;
      left -= part.length;
    }
  }
  if (length % 2 === 1) yield Buffer.of(0);
}

function written(write: (output: OutputBuffer) => void): Buffer {
  const output = new OutputBuffer();
  write(output);
  output.flush();
  return Buffer.concat(output.take());
}
