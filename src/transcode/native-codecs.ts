/** The package that has all of JPEG in it, and JPEG XL. */
import type * as codecs from 'dcmjs-codecs';
import type { FrameShape } from '../dicom/index.js';
import { Renewable } from './renewable.js';

type Native = typeof codecs;
type Attributes = ConstructorParameters<Native['Context']>[0];

export const native = new Renewable<Native>(async () => {
  const module = (await import('dcmjs-codecs')) as Native & { readonly default?: Native };
  const loaded = module.default ?? module;
  // What a decoder says of a frame goes to the console otherwise, line by line, past the log.
  loaded.log.setLevel('silent', false);
  if (loaded.NativeCodecs.isInitialized()) loaded.NativeCodecs.release();
  await loaded.NativeCodecs.initializeAsync();
  return loaded;
});

/** A picture by pixel, in the words of the package. */
export const attributesOf = (shape: FrameShape): Attributes => ({
  width: shape.columns,
  height: shape.rows,
  bitsAllocated: shape.bitsAllocated,
  bitsStored: shape.bitsStored,
  samplesPerPixel: shape.samplesPerPixel,
  pixelRepresentation: Number(shape.signed),
  planarConfiguration: 0,
  photometricInterpretation: shape.photometricInterpretation,
});

/** Of what a code stream holds: a byte in two that are allocated is widened afterwards. */
export const streamAttributes = (shape: FrameShape, precision: number): Attributes => ({
  ...attributesOf(shape),
  bitsAllocated: precision <= 8 ? 8 : shape.bitsAllocated,
  bitsStored: precision,
});
