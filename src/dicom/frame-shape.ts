/** The samples of one frame, as the Image Pixel module describes them. @see PS3.3 C.7.6.3 */
export interface FrameShape {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  /** 1, 8, 16 or 32. */
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly signed: boolean;
  readonly photometricInterpretation: string;
  /** Whether all samples of one colour come before those of the next. */
  readonly planar: boolean;
}

/** Most pixels of a frame that is decoded: beyond it no codec is asked, whatever the dataset declares. */
export const MOST_PIXELS = 2 ** 29;

/** Bytes of one sample that is not a single bit. */
export function sampleBytes({ bitsAllocated }: Pick<FrameShape, 'bitsAllocated'>): number {
  return Math.max(1, bitsAllocated >> 3);
}

/** Bytes of one native frame; single bits are packed. */
export function nativeFrameBytes(shape: FrameShape): number {
  const samples = shape.rows * shape.columns * shape.samplesPerPixel;
  return shape.bitsAllocated === 1 ? Math.ceil(samples / 8) : samples * sampleBytes(shape);
}

/**
 * Bytes of one uncompressed frame of which `length` are there: two thirds where pixels share their chrominance, unless
 * the writer has kept that name and all samples. Nothing but uncompressed frames can be so.
 *
 * @see PS3.3 C.7.6.3.1.2
 */
export function uncompressedFrameBytes(shape: FrameShape, length: number): number {
  const full = nativeFrameBytes(shape);
  const isShared = shape.samplesPerPixel === 3 && shape.photometricInterpretation.endsWith('_422');
  return isShared && length < full ? Math.ceil((full / 3) * 2) : full;
}

/** A native frame and what its samples are. */
export interface NativeFrame {
  readonly samples: Uint8Array;
  readonly shape: FrameShape;
}

/** A compressed frame, and what its colours are called now. */
export interface EncodedFrame {
  readonly stream: Uint8Array;
  readonly photometricInterpretation: string;
  /** Whether the colours are in planes. */
  readonly planar: boolean;
}
