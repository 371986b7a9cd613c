/** What is used of the codecs' WebAssembly builds, which come without types. */
declare namespace WasmCodec {
  interface FrameInfo {
    readonly width: number;
    readonly height: number;
    readonly bitsPerSample: number;
    readonly componentCount: number;
    readonly isSigned?: boolean;
    /** To YBR_RCT; OpenJPH wants to be told. */
    readonly isUsingColorTransform?: boolean;
  }
  /** Lives in the memory of its module until it is deleted; buffers are views of that memory. */
  interface Deletable {
    delete(): void;
  }
  interface Decoder extends Deletable {
    getEncodedBuffer(length: number): Uint8Array;
    decode(): void;
    getFrameInfo(): FrameInfo;
    getDecodedBuffer(): Uint8Array;
  }
  interface WaveletDecoder extends Decoder {
    decodeSubResolution(level: number, layer?: number): void;
  }
  interface JpegLsDecoder extends Decoder {
    /** 0: by planes, 1: by lines, 2: by samples. */
    getInterleaveMode(): number;
  }
  interface Encoder extends Deletable {
    getDecodedBuffer(info: FrameInfo): Uint8Array;
    encode(): void;
    getEncodedBuffer(): Uint8Array;
  }
  interface JpegLsEncoder extends Encoder {
    setNearLossless(most: number): void;
    setInterleaveMode(mode: number): void;
  }
  interface WaveletEncoder extends Encoder {
    setDecompositions(levels: number): void;
    setProgressionOrder(order: number): void;
  }
  interface J2kEncoder extends WaveletEncoder {
    setQuality(lossless: boolean, layers: number): void;
    setCompressionRatio(layer: number, ratio: number): void;
  }
  interface HtJ2kEncoder extends WaveletEncoder {
    setQuality(lossless: boolean, step: number): void;
    setTilePartDivisionsAtResolutions(divided: boolean): void;
    setTLMMarker(written: boolean): void;
  }
  /** A new object each time: a module keeps the one that it was made with. */
  interface Options {
    print(line: string): void;
    printErr(line: string): void;
  }
}

declare module '@cornerstonejs/codec-charls/wasmjs' {
  const create: (options: WasmCodec.Options) => Promise<{
    readonly JpegLSDecoder: new () => WasmCodec.JpegLsDecoder;
    readonly JpegLSEncoder: new () => WasmCodec.JpegLsEncoder;
  }>;
  export default create;
}

declare module '@cornerstonejs/codec-openjpeg/wasmjs' {
  const create: (options: WasmCodec.Options) => Promise<{
    readonly J2KDecoder: new () => WasmCodec.WaveletDecoder;
    readonly J2KEncoder: new () => WasmCodec.J2kEncoder;
  }>;
  export default create;
}

declare module '@cornerstonejs/codec-openjph' {
  const create: (options: WasmCodec.Options) => Promise<{
    readonly HTJ2KDecoder: new () => WasmCodec.WaveletDecoder;
    readonly HTJ2KEncoder: new () => WasmCodec.HtJ2kEncoder;
  }>;
  export default create;
}

/** Of the global object: Node has it, its types do not. */
declare namespace WebAssembly {
  let Module: new (bytes: Uint8Array) => object;
  let instantiate: (source: unknown, ...more: readonly unknown[]) => Promise<unknown>;
}
