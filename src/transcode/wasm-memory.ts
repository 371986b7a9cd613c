/**
 * What the memory of a codec may grow to: its build allows 2 GiB, and a stream of some bytes can ask for that. Nothing but
 * the module itself can hold it to less, for some grow without asking the JavaScript around them.
 */
const PAGE_BYTES = 2 ** 16;
const HEADER_BYTES = 8;
const MEMORY_SECTION = 5;
const HAS_MAXIMUM = 1;

/** A number in LEB128, and where it ends. */
function readNumber(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  for (let at = start, scale = 1; at < bytes.length; at += 1, scale *= 128) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new RangeError('the module ends within a number');
}

/** A module whose memory grows to `most` bytes at most; itself when it has no memory, or one that is smaller. */
export function withMemoryLimit(module: Uint8Array, most: number): Uint8Array {
  for (let at = HEADER_BYTES; at < module.length;) {
    const length = readNumber(module, at + 1);
    if (module[at] === MEMORY_SECTION) return limited(module, length.end, Math.floor(most / PAGE_BYTES));
    at = length.end + length.value;
  }
  return module;
}

/** The first memory, in pages; a number may have more bytes than it needs, so nothing moves. */
function limited(module: Uint8Array, section: number, pages: number): Uint8Array {
  const flags = readNumber(module, readNumber(module, section).end);
  const least = readNumber(module, flags.end);
  if ((flags.value & HAS_MAXIMUM) === 0) throw new RangeError('the module has a memory without a maximum');
  const maximum = readNumber(module, least.end);
  if (maximum.value <= pages) return module;
  const copy = new Uint8Array(module);
  let left = Math.max(pages, least.value);
  for (let at = least.end; at < maximum.end; at += 1, left = Math.floor(left / 128))
    copy[at] = (left & 0x7f) | (at + 1 < maximum.end ? 0x80 : 0);
  return copy;
}

/** Holds every module that this thread loads from now on to `most` bytes. */
export function limitWasmMemory(most: number): void {
  const { instantiate, Module } = WebAssembly;
  const limitedModule = (source: unknown): unknown => {
    if (source instanceof ArrayBuffer) return withMemoryLimit(new Uint8Array(source), most);
    return source instanceof Uint8Array ? withMemoryLimit(source, most) : source;
  };
  WebAssembly.Module = new Proxy(Module, {
    construct: (target, [source]: unknown[]) => new target(limitedModule(source) as Uint8Array),
  });
  WebAssembly.instantiate = (source, ...more) => instantiate(limitedModule(source), ...more);
}
