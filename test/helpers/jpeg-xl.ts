import { createRequire } from 'node:module';
import type * as codecs from 'dcmjs-codecs';
import type { FrameShape } from '../../src/dicom/frame-shape.js';
import { attributesOf } from '../../src/transcode/native-codecs.js';

// An instance of its own: what is encoded here must not depend on what has been decoded.
const { NativeCodecs, Context } = createRequire(import.meta.url)('dcmjs-codecs') as typeof codecs;

/** A JPEG XL frame; the gateway makes none. */
export async function encodeJpegXl(samples: Uint8Array, shape: FrameShape, lossy = false): Promise<Buffer> {
  if (!NativeCodecs.isInitialized()) await NativeCodecs.initializeAsync();
  const context = new Context({ ...attributesOf(shape), decodedBuffer: samples });
  return Buffer.from(NativeCodecs.encodeJpegXl(context, { lossy }).getEncodedBuffer() ?? []);
}
