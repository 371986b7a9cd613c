/** What is used of gifenc, which comes without types. */
declare namespace Gifenc {
  type Color = readonly [number, number, number];
  interface FrameOptions {
    readonly first?: boolean;
    readonly palette?: readonly Color[];
    /** In milliseconds. */
    readonly delay?: number;
    /** -1: once, 0: for ever. */
    readonly repeat?: number;
  }
  interface Encoder {
    writeHeader(): void;
    writeFrame(index: Uint8Array, width: number, height: number, options: FrameOptions): void;
    finish(): void;
    bytes(): Uint8Array;
  }
  interface Module {
    GIFEncoder(options: { readonly auto: boolean }): Encoder;
    quantize(rgba: Uint8Array, colors: number): readonly Color[];
    applyPalette(rgba: Uint8Array, palette: readonly Color[]): Uint8Array;
  }
}
