import type { Tag } from './tag.js';
import type { Vr } from './vr.js';

/** Small writes are gathered in buffers of this size. */
const gatherBytes = 16 * 1024;
/** What is at least so long goes out as it is, not copied. */
const minDirectBytes = 4 * 1024;

/** Gathers headers and short values into chunks, little endian, and lets long values through uncopied. */
export class OutputBuffer {
  #chunks: Buffer[] = [];
  #gathering = Buffer.allocUnsafe(gatherBytes);
  #start = 0;
  #end = 0;

  /** The chunks that are finished. */
  take(): readonly Buffer[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  /** Finishes what is being gathered. */
  flush(): void {
    if (this.#end > this.#start) this.#chunks.push(this.#gathering.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  write(bytes: Buffer): void {
    if (bytes.length >= minDirectBytes) {
      this.flush();
      this.#chunks.push(bytes);
      return;
    }
    const at = this.#room(bytes.length);
    bytes.copy(this.#gathering, at);
  }

  /** Tag and 32 bit length: items, delimiters and implicit elements. */
  writeHeader(tag: Tag, length: number): void {
    const at = this.#tag(tag, 8);
    this.#gathering.writeUInt32LE(length, at);
  }

  /** Tag, VR and 32 bit length. */
  writeLongHeader(tag: Tag, vr: Vr, length: number): void {
    const at = this.#tag(tag, 12);
    this.#gathering.write(vr, at, 'latin1');
    this.#gathering.writeUInt16LE(0, at + 2);
    this.#gathering.writeUInt32LE(length, at + 4);
  }

  /** Tag, VR and 16 bit length. */
  writeShortHeader(tag: Tag, vr: Vr, length: number): void {
    const at = this.#tag(tag, 8);
    this.#gathering.write(vr, at, 'latin1');
    this.#gathering.writeUInt16LE(length, at + 2);
  }

  #tag(tag: Tag, size: number): number {
    const at = this.#room(size);
    this.#gathering.writeUInt16LE(tag >>> 16, at);
    this.#gathering.writeUInt16LE(tag & 0xffff, at + 2);
    return at + 4;
  }

  #room(size: number): number {
    if (this.#end + size > this.#gathering.length) {
      this.flush();
      this.#gathering = Buffer.allocUnsafe(gatherBytes);
      this.#start = this.#end = 0;
    }
    const at = this.#end;
    this.#end += size;
    return at;
  }
}
