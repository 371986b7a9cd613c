import { GatewayError } from '../core/index.js';
import {
  badFrame,
  bareCodeStream,
  type J2kHeader,
  needsPart2,
  readJ2kHeader,
  requireFit,
} from '../media/index.js';
import type { EncodedFrame, FrameShape, NativeFrame } from '../dicom/index.js';
import { decodeSignedBytes } from './jpeg-codec.js';
import { Renewable } from './renewable.js';
import { limitToPrecision, toNative } from './samples.js';

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
    return result(bytes, asked, shape);
  });
}

/** Resolutions are halved until the smallest is about this wide. */
const SMALLEST = 64;
const RPCL = 2;

/** Halvings that leave a picture of about `SMALLEST` pixels, 6 at most. */
function decompositionsOf({ rows, columns }: FrameShape): number {
  return Math.min(6, Math.max(0, Math.ceil(Math.log2(Math.min(rows, columns) / SMALLEST))));
}

function encode(
  encoder: WasmCodec.WaveletEncoder,
  samples: Uint8Array,
  shape: FrameShape,
  leastDecompositions = 0,
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
    encoder.setProgressionOrder(RPCL);
    encoder.encode();
    return Uint8Array.from(encoder.getEncodedBuffer());
  } finally {
    encoder.delete();
  }
}

/** Whether the encoders below give back what they got: more bits of colour, and signed bytes, they get wrong. */
export const canEncodeWavelets = (shape: FrameShape): boolean => {
  const { samplesPerPixel, bitsStored, signed, photometricInterpretation } = shape;
  if (signed && bitsStored <= 8) return false;
  // They transform three components, which the standard has a name for when they were RGB.
  return samplesPerPixel === 1 || (bitsStored <= 8 && photometricInterpretation === 'RGB');
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
export function encodeJ2k(samples: Uint8Array, shape: FrameShape): Promise<EncodedFrame> {
  return withOpenJpeg(samples, shape, (encoder) => {
    encoder.setQuality(true, 1);
  });
}

/** Encodes as JPEG 2000, so many times smaller. @throws GatewayError `malformed-dataset` @see PS3.5 A.4.4 */
export function encodeLossyJ2k(samples: Uint8Array, shape: FrameShape, ratio: number): Promise<EncodedFrame> {
  return withOpenJpeg(samples, shape, (encoder) => {
    encoder.setQuality(false, 1);
    encoder.setCompressionRatio(0, ratio);
  });
}

function withOpenJpeg(
  samples: Uint8Array,
  shape: FrameShape,
  prepare: (encoder: WasmCodec.J2kEncoder) => void,
): Promise<EncodedFrame> {
  return openJpeg.use(({ J2KEncoder }) => {
    complaints.length = 0;
    const encoder = new J2KEncoder();
    prepare(encoder);
    const stream = encode(encoder, samples, shape);
    if (complaints.length > 0 || stream.length === 0) throw badFrame('could not be encoded');
    return named(stream, shape);
  });
}

/** Encodes without loss as HTJ2K in RPCL order, so that it serves both lossless syntaxes. @see PS3.5 A.4.12 */
export function encodeHtJ2k(samples: Uint8Array, shape: FrameShape): Promise<EncodedFrame> {
  return openJph.use(({ HTJ2KEncoder }) => {
    const encoder = new HTJ2KEncoder();
    encoder.setQuality(true, 0);
    // Without any OpenJPH turns the smallest sample into the middle one.
    return named(encode(encoder, samples, shape, 1), shape);
  });
}

/** Encodes as HTJ2K with a step of quantisation. @throws GatewayError `malformed-dataset` @see PS3.5 A.4.12 */
export function encodeLossyHtJ2k(
  samples: Uint8Array,
  shape: FrameShape,
  step: number,
): Promise<EncodedFrame> {
  return openJph.use(({ HTJ2KEncoder }) => {
    const encoder = new HTJ2KEncoder();
    encoder.setQuality(false, step);
    return named(encode(encoder, samples, shape, 1), shape);
  });
}
