/** A picture before it is encoded: bytes, by pixel, from the upper left. */
export interface Raster {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Grey; or red, green and blue. */
  readonly channels: 1 | 3;
}
