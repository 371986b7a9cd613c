import type { ByteRange, TransferSyntax } from '../dicom/index.js';

/** The samples of a picture or video, as the Image Pixel module calls them. */
export interface PixelDescription {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  /** Bits of a sample. */
  readonly precision: number;
  /** Whether samples are signed, where the stream tells. */
  readonly signed?: boolean;
  /** What its colours may be called; the first is what they are called where nobody says. */
  readonly photometricInterpretations: readonly [string, ...string[]];
  /** Of what has more than one, or may have. */
  readonly frames?: number;
  /** Milliseconds from one frame to the next: one for all, or those of each. */
  readonly frameTimes?: number | readonly number[];
}

/** A compressed picture or video that is stored as it is. */
export interface StreamDescription extends PixelDescription {
  readonly syntax: TransferSyntax;
  /** Where the stream is in its file. */
  readonly range: ByteRange;
  /** Whether something was lost for certain. */
  readonly lossy: boolean;
}

/** A picture that was decoded. */
export interface NativePixels extends PixelDescription {
  readonly bitsAllocated: 8 | 16;
  /** What was done to it, as (0008,2111) tells it. */
  readonly derivation: string;
  readonly iccProfile?: Uint8Array;
}
