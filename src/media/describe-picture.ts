import { TransferSyntaxes, type ByteRange, type TransferSyntax } from '../dicom/index.js';
import { boxBudget, boxesIn, firstBoxes } from './boxes.js';
import type { CodeStreamHeader } from './code-stream.js';
import type { PixelDescription, StreamDescription } from './description.js';
import { bytesAt, readHead, requireEndOfStream, type MediaFile } from './file-bytes.js';
import { badFrame } from './frame-error.js';
import { isBoxed, isPart2, readJ2kMainHeader, type J2kHeader } from './j2k-header.js';
import { readJpegHeader, type JpegHeader } from './jpeg-header.js';
import { isJpegXlBoxed, readJpegXlHeader } from './jpeg-xl-header.js';

type Photometric = PixelDescription['photometricInterpretations'];

const GREY: Photometric = ['MONOCHROME2', 'MONOCHROME1', 'PALETTE COLOR'];
const PREDICTOR_1 = 1;

function pixelsOf(header: CodeStreamHeader, colours: Photometric): PixelDescription {
  const { rows, columns, components, precision, signed } = header;
  if (rows < 1 || columns < 1 || rows > 65_535 || columns > 65_535)
    throw badFrame('has more pixels, or fewer, than DICOM has numbers for');
  if (precision > 16) throw badFrame('has samples of more than 16 bits');
  if (components !== 1 && components !== 3)
    throw badFrame(
      `holds ${components} components, where DICOM has 1 or 3: it may have transparency, or be CMYK`,
    );
  return {
    rows,
    columns,
    samplesPerPixel: components,
    precision,
    ...(signed !== undefined && { signed }),
    photometricInterpretations: components === 1 ? GREY : colours,
  };
}

/** By the low byte of the start-of-frame marker. @see ISO/IEC 10918-1 table B.1, PS3.5 10.4 */
function jpegSyntax({ process, selector }: JpegHeader): TransferSyntax {
  switch (process) {
    case 0xc0:
      return TransferSyntaxes.JpegBaseline;
    case 0xc1:
      return TransferSyntaxes.JpegExtended;
    case 0xc2:
      return TransferSyntaxes.JpegFullProgression1012;
    case 0xc3:
      return selector === PREDICTOR_1 ? TransferSyntaxes.JpegLosslessSv1 : TransferSyntaxes.JpegLossless;
    case 0xf7:
      return selector === 0 ? TransferSyntaxes.JpegLsLossless : TransferSyntaxes.JpegLsNearLossless;
    default:
      throw badFrame('is a JPEG stream of a process that DICOM has no transfer syntax for');
  }
}

/** Lossy JPEG of colours has YCbCr unless it says otherwise; lossless JPEG and JPEG-LS do not turn colours. */
function jpegColours(header: JpegHeader, syntax: TransferSyntax): Photometric {
  const isTurned = ![0xc3, 0xf7].includes(header.process);
  if (!isTurned) return ['RGB', 'YBR_FULL'];
  if (header.saysRgb) return ['RGB'];
  const isBaseline = syntax === TransferSyntaxes.JpegBaseline;
  return header.subsampled || isBaseline ? ['YBR_FULL_422', 'YBR_FULL'] : ['YBR_FULL', 'YBR_FULL_422'];
}

/** JPEG and JPEG-LS. @throws GatewayError `malformed-dataset`, or `bad-request` for one that ends early */
export async function describeJpeg(file: MediaFile): Promise<StreamDescription> {
  const header = await readHead(file, 0, readJpegHeader);
  const syntax = jpegSyntax(header);
  const pixels = pixelsOf(header, jpegColours(header, syntax));
  await requireEndOfStream(file, header.scanStart);
  return {
    ...pixels,
    syntax,
    range: { start: 0, end: file.length },
    lossy: syntax.lossy,
  };
}

/** Of Rsiz: the stream is that of ISO/IEC 15444-15. */
const HIGH_THROUGHPUT = 0x4000;

function j2kSyntax(header: J2kHeader): TransferSyntax {
  const { capabilities, reversible } = header;
  const { HtJ2k, HtJ2kLossless, Jpeg2000, Jpeg2000Lossless } = TransferSyntaxes;
  if ((capabilities & HIGH_THROUGHPUT) !== 0) return reversible ? HtJ2kLossless : HtJ2k;
  if (isPart2(header))
    throw badFrame('is a JPEG 2000 stream of part 2, of which its part must name the transfer syntax');
  return reversible ? Jpeg2000Lossless : Jpeg2000;
}

/** Of the colour specification box. */
const SYCC = 18;

interface CodeStreamPlace {
  readonly range: ByteRange;
  readonly isYcc: boolean;
}

/**
 * The code stream without the boxes around it, which DICOM forbids, and the box that describes it where there is one.
 *
 * @throws GatewayError `malformed-dataset` when there is none in them
 * @see PS3.5 A.4.4, rule S-06
 */
export async function codeStreamIn(
  file: MediaFile,
): Promise<{ readonly range: ByteRange; readonly head?: ByteRange }> {
  const whole = { start: 0, end: file.length };
  if (!isBoxed(await bytesAt(file, 0, 8))) return { range: whole };
  const found = await firstBoxes(file, whole, boxBudget(), 'jp2h', 'jp2c');
  const [range, head] = [found.get('jp2c'), found.get('jp2h')];
  if (range === undefined) throw badFrame('is a JPEG 2000 file without a code stream');
  return { range, ...(head && { head }) };
}

/** The code stream, and what the boxes around it say of its colours. */
async function codeStreamOf(file: MediaFile): Promise<CodeStreamPlace> {
  const { range, head } = await codeStreamIn(file);
  if (head === undefined) return { range, isYcc: false };
  const described = await firstBoxes(file, head, boxBudget(), 'pclr', 'colr');
  if (described.has('pclr')) throw badFrame('has its colours in a palette beside the stream');
  const at = described.get('colr')?.start ?? 0;
  const colour = await bytesAt(file, at, at + 7);
  return { range, isYcc: colour[0] === 1 && colour.length === 7 && colour.readUInt32BE(3) === SYCC };
}

/** JPEG 2000 and HTJ2K. @throws GatewayError `malformed-dataset`, or `bad-request` for one that ends early */
export async function describeJ2k(file: MediaFile): Promise<StreamDescription> {
  const { range, isYcc } = await codeStreamOf(file);
  const header = await readHead({ ...file, length: range.end }, range.start, readJ2kMainHeader);
  const turned = header.reversible ? 'YBR_RCT' : 'YBR_ICT';
  const colours: Photometric = header.colourTransformed
    ? [turned]
    : isYcc
      ? ['YBR_FULL']
      : ['RGB', 'YBR_FULL'];
  const described = { ...pixelsOf(header, colours), syntax: j2kSyntax(header) };
  await requireEndOfStream({ ...file, length: range.end }, range.start);
  return { ...described, range, lossy: !header.reversible };
}

/** Of the number that a piece of a stream begins with: no other follows. @see ISO/IEC 18181-2 9.9 */
const LAST_PIECE = 0x80;

/**
 * The header of a JPEG XL stream; the boxes around it, where there are any, are held to the end of it. A stream without
 * them has no end that could be told without decoding it.
 *
 * @throws GatewayError `malformed-dataset`
 */
export async function readJpegXl(file: MediaFile): Promise<CodeStreamHeader> {
  const header = await readHead(file, 0, readJpegXlHeader);
  if (isJpegXlBoxed(await bytesAt(file, 0, 8))) await requireLastPiece(file);
  return header;
}

async function requireLastPiece(file: MediaFile): Promise<void> {
  for await (const { type, content } of boxesIn(file, { start: 0, end: file.length }, boxBudget())) {
    if (type === 'jxlc') return;
    if (type !== 'jxlp') continue;
    const [first = 0] = await bytesAt(file, content.start, Math.min(content.start + 1, content.end));
    if ((first & LAST_PIECE) !== 0) return;
  }
  throw badFrame('is in a file that ends early');
}

/** JPEG XL, of which no header says that nothing was lost. @throws GatewayError `malformed-dataset` */
export async function describeJpegXl(file: MediaFile): Promise<StreamDescription> {
  const header = await readJpegXl(file);
  return {
    ...pixelsOf(header, ['RGB', 'XYB', 'YBR_FULL', 'YBR_FULL_422']),
    syntax: TransferSyntaxes.JpegXl,
    range: { start: 0, end: file.length },
    lossy: false,
  };
}
