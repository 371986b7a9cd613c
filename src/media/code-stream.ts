import { badFrame } from './frame-error.js';
import { MOST_PIXELS, type FrameShape } from '../dicom/index.js';

/** What a code stream says of itself, whatever the dataset around it says. */
export interface CodeStreamHeader {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  /** Bits of the samples in the stream. */
  readonly precision: number;
  /** Whether samples are signed, where the stream tells. */
  readonly signed?: boolean;
  /** Whether a component has fewer samples than the picture has pixels. */
  readonly subsampled: boolean;
}

/**
 * In what a code stream is another than the dataset that it stands in says; continues "The frame". Undefined for nothing
 * that a decoder could not cope with.
 */
export function differenceOf(
  { rows, columns, components, precision }: Omit<CodeStreamHeader, 'subsampled'>,
  shape: FrameShape,
): string | undefined {
  if (rows !== shape.rows || columns !== shape.columns)
    return `holds ${columns} x ${rows} pixels, not the ${shape.columns} x ${shape.rows} of its dataset`;
  if (components !== shape.samplesPerPixel)
    return `holds ${components} components, not the ${shape.samplesPerPixel} samples of its dataset`;
  if (precision > shape.bitsAllocated)
    return `holds samples of ${precision} bits, more than the ${shape.bitsAllocated} that are allocated`;
  return undefined;
}

/**
 * Compares a code stream with the dataset that it stands in, before a decoder sees it: decoders believe one or the other,
 * and then write beyond what they allocated, give back what was in memory before, or allocate gigabytes.
 *
 * @throws GatewayError `malformed-dataset`
 */
export function requireFit(header: CodeStreamHeader, shape: FrameShape): void {
  const difference = differenceOf(header, shape);
  if (difference !== undefined) throw badFrame(difference);
  if (header.rows * header.columns > MOST_PIXELS)
    throw badFrame('holds more pixels than the gateway decodes');
}
