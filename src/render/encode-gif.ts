import { createRequire } from 'node:module';
import type { Animation } from './picture-request.js';
import type { Raster } from './raster.js';

/** As CommonJS, which all loaders agree on: what its default export is, they do not. */
const gifenc = createRequire(import.meta.url)('gifenc') as Gifenc.Module;

/** What follows the last frame of an animated GIF. */
export const GIF_END: Uint8Array = Uint8Array.of(0x3b);

const GREYS: readonly (readonly [number, number, number])[] = Array.from({ length: 256 }, (_, level) => [
  level,
  level,
  level,
]);
/** Viewers take what is shorter for no time at all, and slow it down. */
const SHORTEST_MS = 20;

/**
 * Encodes a picture as GIF: greys exactly, colours by the 256 that are nearest. Of an animation only the blocks of this
 * frame, so that no more than one is ever in memory.
 */
export function encodeGif(raster: Raster, animation?: Animation): Uint8Array {
  const { width, height } = raster;
  const gif = gifenc.GIFEncoder({ auto: false });
  const first = animation?.isFirst ?? true;
  if (first) gif.writeHeader();
  const { index, palette } = indexed(raster, first);
  const delay = animation ? Math.max(SHORTEST_MS, animation.delayMs) : 0;
  gif.writeFrame(index, width, height, {
    first,
    ...(palette && { palette }),
    delay,
    repeat: animation ? 0 : -1,
  });
  if (!animation) gif.finish();
  return gif.bytes();
}

interface Indexed {
  readonly index: Uint8Array;
  /** Undefined: that of the first frame. */
  readonly palette: readonly (readonly [number, number, number])[] | undefined;
}

function indexed({ pixels, channels }: Raster, isFirst: boolean): Indexed {
  if (channels === 1) return { index: pixels, palette: isFirst ? GREYS : undefined };
  const rgba = new Uint8Array((pixels.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    rgba[to] = pixels[from] ?? 0;
    rgba[to + 1] = pixels[from + 1] ?? 0;
    rgba[to + 2] = pixels[from + 2] ?? 0;
  }
  const palette = gifenc.quantize(rgba, 256);
  return { index: gifenc.applyPalette(rgba, palette), palette };
}
