import { GatewayError } from '../core/index.js';
import {
  BitJoiner,
  deflate,
  encapsulatedPixelHeader,
  fitsNative,
  fragmentAround,
  frameCount,
  requireDeclaredFrames,
  headerWith,
  nativePixelHeader,
  part10Header,
  pixelDelimiter,
  readRanges,
  toExplicitLittleEndian,
  transferSyntax,
  type DatasetIndex,
} from '../dicom/index.js';
import { retrieveUrl, type InstanceConversion } from '../dicomweb/index.js';
import type { FrameShape } from '../transcode/index.js';
import type { BodyPart } from './answer.js';
import {
  FRAMES_AT_ONCE,
  makeFrame,
  whyNotMade,
  type Conversion,
  type MadeFrame,
} from './converted-frames.js';
import type { StoredWhole } from './stored-whole.js';
import { inOrder } from './in-order.js';
import { changeOf } from './lossy-instance.js';
import { PickedFrames } from './picked-frames.js';

/** An instance as a Part 10 file, converted as by `convertedDataset`. @throws GatewayError as that */
export async function convertedInstance(
  whole: StoredWhole,
  conversion: InstanceConversion,
  serviceUrl: string,
  by: Conversion,
): Promise<BodyPart> {
  const { sopInstanceUid, dataset } = await convertedDataset(whole, conversion, by);
  const { instance } = whole;
  const { transferSyntaxUid } = conversion;
  const { sopClassUid } = instance.info;
  return {
    contentType: `application/dicom; transfer-syntax=${transferSyntaxUid}`,
    peer: instance.key.peer,
    contentLocation: retrieveUrl(serviceUrl, instance.key),
    bytes: (async function* (): AsyncGenerator<Buffer, void, undefined> {
      yield part10Header({ sopClassUid, sopInstanceUid, transferSyntaxUid });
      yield* transferSyntax(transferSyntaxUid)?.deflated === true ? deflate(dataset) : dataset;
    })(),
  };
}

/** A dataset that can be read once, before its deflation where the transfer syntax asks for that. */
export interface ConvertedDataset {
  readonly sopInstanceUid: string;
  readonly dataset: AsyncIterable<Buffer>;
}

/**
 * A dataset with its frames decoded or encoded one by one, whatever its size; the first one before this returns. Nothing
 * else of it changes but what must: the Image Pixel module's words for the pixels, tables of offsets, and icons that are
 * encapsulated.
 *
 * @throws GatewayError `not-acceptable` when these frames cannot be had so, `malformed-dataset`
 * @see rules W-20 to W-28
 */
export async function convertedDataset(
  whole: StoredWhole,
  conversion: Omit<InstanceConversion, 'representation'>,
  by: Conversion,
): Promise<ConvertedDataset> {
  const { index } = whole;
  const count = frameCount(index);
  requireConvertible(whole, count, conversion, by);
  const make = (frame: number): Promise<MadeFrame> => makeFrame(whole, frame, conversion.encodeAs, by);
  const first = await make(1);
  // Larger ones have no length that could be written.
  const nativeBytes = Math.ceil((nativeBits(first) * count) / 8);
  if (conversion.encodeAs === undefined && !fitsNative(nativeBytes)) throw new TooLongUncompressed();
  const { sopInstanceUid, edits } = await changeOf(whole, conversion, first, by.pool);
  const frames = (async function* (): AsyncGenerator<MadeFrame, void, undefined> {
    yield first;
    yield* inOrder(numbers(2, count), FRAMES_AT_ONCE, make);
  })();
  const dataset = (async function* (): AsyncGenerator<Buffer, void, undefined> {
    yield* headerWith(() => explicit(whole), descriptionOf(first.shape), edits);
    yield* conversion.encodeAs === undefined
      ? nativePixels(frames, first, count)
      : encapsulatedPixels(frames, first);
    yield* trailer(whole);
  })();
  return { sopInstanceUid, dataset };
}

/** What cannot be had so is known before the first byte. @throws GatewayError `not-acceptable`, `malformed-dataset` */
function requireConvertible(
  whole: StoredWhole,
  count: number,
  conversion: Omit<InstanceConversion, 'representation'>,
  { pool }: Conversion,
): void {
  const { index } = whole;
  const { pixelData } = index;
  const isWhole = pixelData?.kind === 'encapsulated' || pixelData?.vr.startsWith('O');
  if (count === 0 || !isWhole) throw notSo('It has no pixels that could be decoded or encoded.');
  const reason = whyNotMade(pool, whole, conversion, new PickedFrames(count));
  if (reason !== undefined) throw notSo(reason);
  // What is written anew would say that it is all there is.
  requireDeclaredFrames(index);
}

const AS_STORED_ONLY = 'This instance can be had as it is stored, with transfer-syntax=*.';
const notSo = (reason: string): GatewayError =>
  new GatewayError('not-acceptable', `${reason} ${AS_STORED_ONLY}`);

/** Uncompressed there would be more bytes than a length can say. @see rule W-20 */
export class TooLongUncompressed extends GatewayError {
  constructor() {
    super('not-acceptable', `Uncompressed its pixels are longer than a dataset can say. ${AS_STORED_ONLY}`);
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- what `inOrder` reads
async function* numbers(from: number, to: number): AsyncGenerator<number, void, undefined> {
  for (let number = from; number <= to; number += 1) yield number;
}

/** The dataset in Explicit VR Little Endian, its pixels as they are. */
function explicit({ instance, stored }: StoredWhole): AsyncIterable<Buffer> {
  const isPlain = stored.vr === 'explicit' && stored.byteOrder === 'little' && !stored.deflated;
  return isPlain ? instance.source.read() : toExplicitLittleEndian(instance.source.read(), stored);
}

const descriptionOf = ({
  photometricInterpretation,
  samplesPerPixel,
  planar,
}: FrameShape): Parameters<typeof headerWith>[1] => ({
  photometricInterpretation,
  planarConfiguration: samplesPerPixel === 1 ? undefined : planar ? 1 : 0,
});

/** @throws GatewayError for frames of different colours or sizes: the dataset can tell of one kind alone */
function requireAlike(frame: MadeFrame, first: MadeFrame, isNative: boolean): void {
  const isSame = frame.shape.photometricInterpretation === first.shape.photometricInterpretation;
  if (!isSame || (isNative && frame.bytes.length !== first.bytes.length))
    throw new GatewayError('malformed-dataset', 'The frames of the instance are not alike.');
}

async function* nativePixels(
  frames: AsyncIterable<MadeFrame>,
  first: MadeFrame,
  count: number,
): AsyncGenerator<Buffer, void, undefined> {
  const bits = nativeBits(first);
  const length = Math.ceil((bits * count) / 8);
  yield nativePixelHeader(length, first.shape.bitsAllocated);
  const joiner = new BitJoiner();
  for await (const frame of frames) {
    requireAlike(frame, first, true);
    yield bits % 8 === 0 ? frame.bytes : joiner.push(frame.bytes, bits);
  }
  yield joiner.end();
  if (length % 2 === 1) yield Buffer.of(0);
}

/**
 * Bits of one native frame: of single bits those of the next follow without padding. Of others there are as many as there
 * are: fewer than one would think where pixels share their chrominance.
 *
 * @see PS3.5 8.1.1, rule W-30
 */
function nativeBits({ bytes, shape: { rows, columns, samplesPerPixel, bitsAllocated } }: MadeFrame): number {
  return bitsAllocated === 1 ? rows * columns * samplesPerPixel : bytes.length * 8;
}

async function* encapsulatedPixels(
  frames: AsyncIterable<MadeFrame>,
  first: MadeFrame,
): AsyncGenerator<Buffer, void, undefined> {
  yield encapsulatedPixelHeader();
  for await (const frame of frames) {
    requireAlike(frame, first, false);
    const { before, after } = fragmentAround(frame.bytes.length);
    yield before;
    yield frame.bytes;
    yield after;
  }
  yield pixelDelimiter();
}

/** What stands behind the pixel data, such as signatures and padding. */
async function* trailer({ instance, index, stored }: StoredWhole): AsyncGenerator<Buffer, void, undefined> {
  const range = { start: endOfPixels(index), end: index.length };
  if (range.start >= range.end) return;
  const bytes = readRanges(instance.source, stored, [range]);
  yield* toExplicitLittleEndian(bytes, { ...stored, deflated: false });
}

const DELIMITER_BYTES = 8;

function endOfPixels({ pixelData, length }: DatasetIndex): number {
  if (pixelData === undefined) return length;
  if (pixelData.kind === 'native') return pixelData.value.end;
  const end = pixelData.fragments.at(-1)?.end ?? length;
  return pixelData.unterminated ? length : end + DELIMITER_BYTES;
}
