import type { NativeFrame } from '../dicom/index.js';
import type { ImageLook, OverlayPlane } from './image-look.js';
import type { Raster } from './raster.js';

const WHITE = 255;

/** Draws graphics in white, as they are most often shown. @see PS3.3 C.9.2 */
export function drawOverlays(raster: Raster, frame: NativeFrame, { overlays }: ImageLook): void {
  for (const overlay of overlays) {
    const { bits } = overlay;
    if (typeof bits === 'number') drawEmbedded(raster, frame, bits);
    else drawPlane(raster, overlay, bits);
  }
}

function drawPlane(raster: Raster, { rows, columns, origin }: OverlayPlane, bits: Uint8Array): void {
  const { width, height, channels, pixels } = raster;
  const top = origin.row - 1;
  const left = origin.column - 1;
  for (let row = Math.max(0, -top); row < Math.min(rows, height - top); row++)
    for (let column = Math.max(0, -left); column < Math.min(columns, width - left); column++) {
      const at = row * columns + column;
      if (((bits[at >> 3] ?? 0) & (1 << (at & 7))) === 0) continue;
      const to = ((row + top) * width + column + left) * channels;
      pixels.fill(WHITE, to, to + channels);
    }
}

/** An overlay in a bit of the samples that they do not use themselves. @see PS3.3 C.9.2.1.1 (2004) */
function drawEmbedded({ pixels, channels }: Raster, { samples, shape }: NativeFrame, bit: number): void {
  if (shape.samplesPerPixel !== 1 || bit >= shape.bitsAllocated || shape.bitsAllocated < 8) return;
  const width = shape.bitsAllocated >> 3;
  const mask = 1 << (bit & 7);
  for (let at = 0; at < shape.rows * shape.columns; at++)
    if (((samples[at * width + (bit >> 3)] ?? 0) & mask) !== 0)
      pixels.fill(WHITE, at * channels, (at + 1) * channels);
}
