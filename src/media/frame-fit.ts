import {
  nativeFrameBytes,
  TransferSyntaxes as S,
  uncompressedFrameBytes,
  type FrameShape,
  type TransferSyntax,
} from '../dicom/index.js';
import { differenceOf } from './code-stream.js';
import { codeStreamIn, readJpegXl } from './describe-picture.js';
import { bytesAt, readHead, type MediaFile } from './file-bytes.js';
import { badFrame } from './frame-error.js';
import { needsPart2, readJ2kMainHeader, type J2kHeader } from './j2k-header.js';
import { isJpegLs, readJpegHeader } from './jpeg-header.js';
import { readRleHeader, RLE_HEADER_BYTES, rleDifferenceOf } from './rle-header.js';
import { rleLengths } from './rle-lengths.js';

/** In what a frame is another than its dataset says, so that it cannot be decoded; continues "The frame". */
export type FrameFit = (shape: FrameShape) => string | undefined;

type ReadFit = (file: MediaFile) => Promise<FrameFit>;

const jpegFit =
  (isLs: boolean): ReadFit =>
  async (file) => {
    const header = await readHead(file, 0, readJpegHeader);
    if (isJpegLs(header) !== isLs) throw badFrame(isLs ? 'is no JPEG-LS stream' : 'is a JPEG-LS stream');
    return (shape) => differenceOf(header, shape);
  };

async function j2kHeader(file: MediaFile): Promise<J2kHeader> {
  const { range } = await codeStreamIn(file);
  return readHead({ ...file, length: range.end }, range.start, readJ2kMainHeader);
}

const j2kFit: ReadFit = async (file) => {
  const header = await j2kHeader(file);
  return (shape) => differenceOf(header, shape);
};

/** Components that part 2 has transformed need not be those of one frame. @see PS3.5 A.4.4 */
const part2Fit: ReadFit = async (file) => {
  const header = await j2kHeader(file);
  return (shape) => (needsPart2(header) ? undefined : differenceOf(header, shape));
};

const jpegXlFit: ReadFit = async (file) => {
  const header = await readJpegXl(file);
  return (shape) => differenceOf(header, shape);
};

const rleFit: ReadFit = async (file) => {
  const segments = readRleHeader(await bytesAt(file, 0, RLE_HEADER_BYTES), file.length);
  const lengths = await rleLengths(file, segments);
  return (shape) => rleDifferenceOf(segments, shape) ?? shortSegment(lengths, shape);
};

/** What the segments unpack to beyond the frame is padding to a decoder. */
const shortSegment = (lengths: readonly number[], shape: FrameShape): string | undefined =>
  lengths.some((length) => length < nativeFrameBytes(shape) / lengths.length)
    ? 'has an RLE segment that ends early'
    : undefined;

const uncompressedFit: ReadFit = ({ length }) =>
  Promise.resolve((shape) => uncompressedDifferenceOf(length, shape));

/** Whether so many bytes are less than a frame; continues "The frame". */
export const uncompressedDifferenceOf = (length: number, shape: FrameShape): string | undefined =>
  length < uncompressedFrameBytes(shape, length) ? 'is shorter than its dataset says' : undefined;

const of =
  (read: ReadFit) =>
  ({ uid }: TransferSyntax): [string, ReadFit] => [uid, read];

/** What is decoded here, and has a header. */
const readers: ReadonlyMap<string, ReadFit> = new Map<string, ReadFit>([
  ...[S.JpegBaseline, S.JpegExtended, S.JpegSpectralSelection68, S.JpegFullProgression1012].map(
    of(jpegFit(false)),
  ),
  ...[S.JpegLossless, S.JpegLosslessSv1].map(of(jpegFit(false))),
  ...[S.JpegLsLossless, S.JpegLsNearLossless].map(of(jpegFit(true))),
  ...[S.Jpeg2000Lossless, S.Jpeg2000, S.HtJ2kLossless, S.HtJ2kLosslessRpcl, S.HtJ2k].map(of(j2kFit)),
  ...[S.Jpeg2000Part2Lossless, S.Jpeg2000Part2].map(of(part2Fit)),
  ...[S.JpegXlLossless, S.JpegXlJpegRecompression, S.JpegXl].map(of(jpegXlFit)),
  ...[S.RleLossless].map(of(rleFit)),
  ...[S.EncapsulatedUncompressedExplicitVrLittleEndian].map(of(uncompressedFit)),
]);

/**
 * Reads the header of a frame in `syntax`, to be compared with what its dataset says by what decoders compare; undefined
 * for a transfer syntax whose frames are not read here.
 *
 * @throws GatewayError `malformed-dataset` for a frame that is none of that syntax
 */
export const readFrameFit = async (syntax: TransferSyntax, file: MediaFile): Promise<FrameFit | undefined> =>
  readers.get(syntax.uid)?.(file);
