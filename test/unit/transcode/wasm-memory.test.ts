import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from '@jest/globals';
import { withMemoryLimit } from '../../../src/transcode/wasm-memory.js';

const MIB = 2 ** 20;
const { resolve } = createRequire(import.meta.url);
const beside = (module: string, file: string): Buffer =>
  readFileSync(resolve(module).replace(/[^/]+$/, file));
const codecs: readonly (readonly [string, Buffer])[] = [
  ['CharLS', beside('@cornerstonejs/codec-charls/wasmjs', 'charlswasm.wasm')],
  ['OpenJPEG', beside('@cornerstonejs/codec-openjpeg/wasmjs', 'openjpegwasm.wasm')],
  ['OpenJPH', beside('@cornerstonejs/codec-openjph', 'openjphjs.wasm')],
  ['JPEG', beside('dcmjs-codecs', 'dcmjs-native-codecs.wasm')],
];

interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
interface Wasm {
  Module: {
    new (bytes: Uint8Array): object;
    imports(module: object): { module: string; name: string; kind: string }[];
  };
  Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> };
}
const wasm = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;

/** The memory of a module that has been given nothing to work with. */
function memoryOf(bytes: Uint8Array): WasmMemory {
  const module = new wasm.Module(bytes);
  const imports: Record<string, Record<string, () => number>> = {};
  for (const { module: from, name } of wasm.Module.imports(module)) (imports[from] ??= {})[name] = () => 0;
  const { exports } = new wasm.Instance(module, imports);
  const found = Object.values(exports).find(
    (one) => typeof one === 'object' && one !== null && 'grow' in one,
  );
  return found as WasmMemory;
}

const growsTo = (bytes: Uint8Array, most: number): boolean => {
  const memory = memoryOf(bytes);
  try {
    memory.grow((most - memory.buffer.byteLength) / 65_536);
    return true;
  } catch {
    return false;
  }
};

test.each(codecs)('the memory of %s grows to what it is allowed and no further', (_name, module) => {
  const limited = withMemoryLimit(module, 300 * MIB);
  expect(limited).toHaveLength(module.length);
  expect(growsTo(limited, 300 * MIB)).toBe(true);
  expect(growsTo(limited, 301 * MIB)).toBe(false);
  expect(growsTo(module, 301 * MIB)).toBe(true);
});

test('no memory is smaller than it must be, or larger than its module allows', () => {
  for (const [, module] of codecs) {
    const least = memoryOf(module).buffer.byteLength;
    expect(memoryOf(withMemoryLimit(module, 0)).buffer.byteLength).toBe(least);
    expect(withMemoryLimit(module, 4096 * MIB)).toBe(module);
  }
});

test('what has no memory, or no bound for it, is no module that is held to anything', () => {
  const magic = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  const none = Uint8Array.of(...magic, 1, 1, 0);
  expect(withMemoryLimit(none, MIB)).toBe(none);
  expect(() => withMemoryLimit(Uint8Array.of(...magic, 5, 3, 1, 0, 2), MIB)).toThrow('without a maximum');
  expect(() => withMemoryLimit(Uint8Array.of(...magic, 5, 0x80), MIB)).toThrow('within a number');
});
