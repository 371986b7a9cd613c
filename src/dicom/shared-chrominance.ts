/**
 * Bytes of YBR_FULL_422, in which two pixels that share their chrominance are Y, Y, Cb, Cr, with a chrominance for each
 * pixel: Y, Cb, Cr. Both get that of the pair, so that nothing is lost, and nothing made up.
 *
 * @see PS3.3 C.7.6.3.1.2
 */
export function withOwnChrominance(samples: Uint8Array, pixels: number): Uint8Array {
  const out = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const pair = (pixel >> 1) * 4;
    out[pixel * 3] = samples[pair + (pixel & 1)] ?? 0;
    out[pixel * 3 + 1] = samples[pair + 2] ?? 0;
    out[pixel * 3 + 2] = samples[pair + 3] ?? 0;
  }
  return out;
}
