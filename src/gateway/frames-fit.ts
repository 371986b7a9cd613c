import { GatewayError } from '../core/index.js';
import { Tags, type FrameShape, type Tag } from '../dicom/index.js';
import type { BulkValue } from './bulk-value.js';

/**
 * That each compressed frame is what the attributes say, by what a decoder would not do without. What neither tells is
 * left to the peer.
 *
 * @throws GatewayError `bad-request` that says which frame is not, and in what
 */
export function requireFramesFit(frames: readonly BulkValue[], text: (tag: Tag) => string | undefined): void {
  const shape = shapeBy(text);
  if (shape === undefined) return;
  for (const [at, { fit }] of frames.entries()) {
    const difference = fit?.(shape);
    if (difference !== undefined)
      throw new GatewayError('bad-request', `Frame ${at + 1} of the bulk data ${difference}.`);
  }
}

/** Undefined where an attribute is left out without which there are no samples. */
function shapeBy(text: (tag: Tag) => string | undefined): FrameShape | undefined {
  const number = (tag: Tag): number => Number(text(tag) ?? NaN);
  const [rows, columns, samplesPerPixel, bitsAllocated] = [
    number(Tags.Rows),
    number(Tags.Columns),
    number(Tags.SamplesPerPixel),
    number(Tags.BitsAllocated),
  ];
  if ([rows, columns, samplesPerPixel, bitsAllocated].some(Number.isNaN)) return undefined;
  return {
    rows,
    columns,
    samplesPerPixel,
    bitsAllocated,
    bitsStored: bitsAllocated,
    signed: false,
    photometricInterpretation: text(Tags.PhotometricInterpretation) ?? '',
    planar: false,
  };
}
