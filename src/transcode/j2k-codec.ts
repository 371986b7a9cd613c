import { GatewayError } from '../core/index.js';
import {
  badFrame,
  bareCodeStream,
  joinJ2kComponents,
  type J2kHeader,
  needsPart2,
  readJ2kHeader,
  requireFit,
} from '../media/index.js';
import type { EncodedFrame, FrameShape, NativeFrame } from '../dicom/index.js';
import { decodeSignedBytes } from './jpeg-codec.js';
import { Renewable } from './renewable.js';
import { componentsOf, limitToPrecision, rowsInPlace, toNative } from './samples.js';

const openJph = new Renewable(async () =>
  (await import('@cornerstonejs/codec-openjph')).default({
    print: () => undefined,
    printErr: () => undefined,
  }),
);

/** What OpenJPEG said was wrong with the latest frame: `decode` returns without an error. */
const complaints: string[] = [];
const openJpeg = new Renewable(async () =>
  (await import('@cornerstonejs/codec-openjpeg/wasmjs')).default({
    print: (line) => {
      if (line.includes('[ERROR]')) complaints.push(line);
    },
    printErr: () => undefined,
  }),
);

/** A decoder, and the picture that it gives when it leaves out `halvings` resolutions. */
function run(decoder: WasmCodec.WaveletDecoder, stream: Buffer, halvings: number): Uint8Array {
  try {
    decoder.getEncodedBuffer(stream.length).set(stream);
    if (halvings === 0) decoder.decode();
    else decoder.decodeSubResolution(halvings, 0);
    return Uint8Array.from(decoder.getDecodedBuffer());
  } finally {
    decoder.delete();
  }
}

/** The shape of a picture of which `halvings` resolutions were left out. */
function reduced(shape: FrameShape, halvings: number): FrameShape {
  const half = (length: number): number => Math.ceil(length / 2 ** halvings);
  return { ...shape, rows: half(shape.rows), columns: half(shape.columns) };
}

interface Asked {
  readonly stream: Buffer;
  readonly header: J2kHeader;
  readonly halvings: number;
}

function ask(frame: Uint8Array, shape: FrameShape, halvings: number): Asked {
  const stream = bareCodeStream(frame);
  const header = readJ2kHeader(stream);
  requireFit(header, shape);
  if (header.subsampled) throw badFrame('has components of different sizes');
  return { stream, header, halvings: Math.min(halvings, header.decompositions) };
}

/** Colours that a code stream alone can hold. @see PS3.3 C.7.6.3.1.2 */
export const isTransformOfStream = (photometricInterpretation: string): boolean =>
  photometricInterpretation === 'YBR_RCT' || photometricInterpretation === 'YBR_ICT';

function result(bytes: Uint8Array, { header, halvings }: Asked, shape: FrameShape): NativeFrame {
  const smaller = reduced(shape, halvings);
  const samples = toNative({ bytes, precision: header.precision, planar: false }, smaller);
  // The decoder has undone what YBR_RCT and YBR_ICT stand for, and a stream without the transform never had it.
  const isTransformed = header.colourTransformed || isTransformOfStream(shape.photometricInterpretation);
  const isBack = isTransformed && shape.samplesPerPixel === 3;
  const photometricInterpretation = isBack ? 'RGB' : shape.photometricInterpretation;
  return { samples, shape: { ...smaller, photometricInterpretation, planar: false } };
}

/**
 * Decodes a JPEG 2000 frame, whole or at a smaller resolution.
 *
 * @throws GatewayError `malformed-dataset`
 * @see PS3.5 8.2.4
 */
export async function decodeJ2k(frame: Uint8Array, shape: FrameShape, halvings = 0): Promise<NativeFrame> {
  const asked = ask(frame, shape, halvings);
  if (asked.header.signed && asked.header.precision <= 8) {
    const bytes = await decodeSignedBytes(asked.stream, shape, asked.header.precision);
    return result(bytes, { ...asked, halvings: 0 }, shape);
  }
  return await openJpeg.use(({ J2KDecoder }) => {
    complaints.length = 0;
    const bytes = run(new J2KDecoder(), asked.stream, asked.halvings);
    if (complaints.length > 0) throw badFrame('could not be decoded');
    return result(bytes, asked, shape);
  });
}

/**
 * Decodes a JPEG 2000 Part 2 frame that needs nothing of part 2: a transform of components has nothing to do with one.
 *
 * @throws GatewayError `malformed-dataset`, or `not-acceptable` for what it does need
 * @see PS3.5 8.2.4, A.4.4
 */
export async function decodeJ2kPart2(
  frame: Uint8Array,
  shape: FrameShape,
  halvings = 0,
): Promise<NativeFrame> {
  if (needsPart2(readJ2kHeader(bareCodeStream(frame))))
    throw new GatewayError(
      'not-acceptable',
      'Frames that need part 2 of JPEG 2000 can be had as they are stored.',
    );
  return await decodeJ2k(frame, shape, halvings);
}

/** Decodes an HTJ2K frame, whole or at a smaller resolution. @throws GatewayError `malformed-dataset` @see PS3.5 8.2.14 */
export function decodeHtJ2k(frame: Uint8Array, shape: FrameShape, halvings = 0): Promise<NativeFrame> {
  const asked = ask(frame, shape, halvings);
  return openJph.use(({ HTJ2KDecoder }) => {
    const bytes = run(new HTJ2KDecoder(), asked.stream, asked.halvings);
    if (!asked.header.reversible || asked.halvings > 0) limitToPrecision(bytes, asked.header);
    const { components, colourTransformed } = asked.header;
    const isPlanar = components > 1 && !colourTransformed;
    return result(isPlanar ? rowsInPlace(bytes, reduced(shape, asked.halvings)) : bytes, asked, shape);
  });
}

/** Resolutions are halved until the smallest is about this wide. */
const SMALLEST = 64;
/** Orders of packets. @see ISO/IEC 15444-1 Table A.16 */
const RPCL = 2;
const CPRL = 4;

/** Halvings that leave a picture of `SMALLEST` rows or columns at most. @see PS3.5 10.18 */
const decompositionsOf = ({ rows, columns }: FrameShape): number =>
  Math.max(0, Math.ceil(Math.log2(Math.min(rows, columns) / SMALLEST)));

interface Encoding {
  readonly leastDecompositions: number;
  readonly order: number;
}

function encode(
  encoder: WasmCodec.WaveletEncoder,
  samples: Uint8Array,
  shape: FrameShape,
  { leastDecompositions, order }: Encoding,
): Uint8Array {
  try {
    const room = encoder.getDecodedBuffer({
      width: shape.columns,
      height: shape.rows,
      bitsPerSample: shape.bitsStored,
      componentCount: shape.samplesPerPixel,
      isSigned: shape.signed,
      isUsingColorTransform: shape.samplesPerPixel === 3,
    });
    if (room.length !== samples.length) throw new RangeError('the encoder expects other samples');
    room.set(samples);
    encoder.setDecompositions(Math.max(leastDecompositions, decompositionsOf(shape)));
    encoder.setProgressionOrder(order);
    encoder.encode();
    return Uint8Array.from(encoder.getEncodedBuffer());
  } finally {
    encoder.delete();
  }
}

type Encode = (samples: Uint8Array, shape: FrameShape) => Promise<EncodedFrame>;

/**
 * Encodes frame by frame, or component by component: three at once the encoders transform, which the standard has a name for
 * when they were RGB, and get wrong when they have more than 8 bits.
 */
const byComponents =
  (whole: Encode, component: Encode): Encode =>
  async (samples, shape) => {
    const { samplesPerPixel, bitsStored, photometricInterpretation } = shape;
    if (samplesPerPixel === 1 || (bitsStored <= 8 && photometricInterpretation === 'RGB'))
      return await whole(samples, shape);
    const streams: Buffer[] = [];
    for (const one of componentsOf(samples, shape))
      streams.push(bareCodeStream((await component(one, { ...shape, samplesPerPixel: 1 })).stream));
    return named(joinJ2kComponents(streams), shape);
  };

/** With the name of the colours that the stream holds. @see PS3.5 8.2.4 */
function named(stream: Uint8Array, shape: FrameShape): EncodedFrame {
  const { colourTransformed, reversible } = readJ2kHeader(bareCodeStream(stream));
  const transformed = reversible ? 'YBR_RCT' : 'YBR_ICT';
  return {
    stream,
    photometricInterpretation: colourTransformed ? transformed : shape.photometricInterpretation,
    planar: false,
  };
}

/** Encodes without loss as JPEG 2000. @throws GatewayError `malformed-dataset` @see PS3.5 A.4.4 */
export const encodeJ2k = byComponents(losslessJ2k(RPCL), losslessJ2k(CPRL));

function losslessJ2k(order: number): Encode {
  return (samples, shape) =>
    withOpenJpeg(samples, shape, order, (encoder) => {
      encoder.setQuality(true, 1);
    });
}

/** Encodes as JPEG 2000, so many times smaller. @throws GatewayError `malformed-dataset` @see PS3.5 A.4.4 */
export function encodeLossyJ2k(samples: Uint8Array, shape: FrameShape, ratio: number): Promise<EncodedFrame> {
  return withOpenJpeg(samples, shape, RPCL, (encoder) => {
    encoder.setQuality(false, 1);
    encoder.setCompressionRatio(0, ratio);
  });
}

function withOpenJpeg(
  samples: Uint8Array,
  shape: FrameShape,
  order: number,
  prepare: (encoder: WasmCodec.J2kEncoder) => void,
): Promise<EncodedFrame> {
  return openJpeg.use(({ J2KEncoder }) => {
    complaints.length = 0;
    const encoder = new J2KEncoder();
    prepare(encoder);
    const stream = encode(encoder, samples, shape, { order, leastDecompositions: 0 });
    if (complaints.length > 0 || stream.length === 0) throw badFrame('could not be encoded');
    return named(stream, shape);
  });
}

/** Without any OpenJPH turns the smallest sample into the middle one. */
const OPENJPH: Encoding = { order: RPCL, leastDecompositions: 1 };

const losslessHtJ2k: Encode = (samples, shape) =>
  openJph.use(({ HTJ2KEncoder }) => {
    const encoder = new HTJ2KEncoder();
    encoder.setQuality(true, 0);
    encoder.setTilePartDivisionsAtResolutions(true);
    encoder.setTLMMarker(true);
    return named(encode(encoder, samples, shape, OPENJPH), shape);
  });

/**
 * Encodes without loss as HTJ2K so that it serves both lossless syntaxes: resolution by resolution, each a tile-part whose
 * length the main header tells.
 *
 * @see PS3.5 10.18, A.4.12
 */
export const encodeHtJ2k = byComponents(losslessHtJ2k, losslessHtJ2k);

/** Encodes as HTJ2K with a step of quantisation. @throws GatewayError `malformed-dataset` @see PS3.5 A.4.12 */
export function encodeLossyHtJ2k(
  samples: Uint8Array,
  shape: FrameShape,
  step: number,
): Promise<EncodedFrame> {
  return openJph.use(({ HTJ2KEncoder }) => {
    const encoder = new HTJ2KEncoder();
    encoder.setQuality(false, step);
    return named(encode(encoder, samples, shape, OPENJPH), shape);
  });
}
