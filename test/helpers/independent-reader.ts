/**
 * Reads datasets for comparison, from PS3.5 section 7 alone: it must share no mistake with `src/dicom`. The whole dataset
 * is in memory, and input that is wrong throws.
 */
import { inflateRawSync } from 'node:zlib';
import { syntaxes } from './fixtures.js';
import { explicitBig, explicitLittle, implicitLittle, type Layout } from './fixtures-element.js';

/** An element that is no sequence. */
export interface ReadElement {
  /** Tags and item numbers from 0: `00081140/0/00080104`. */
  readonly path: string;
  readonly vr: string;
  /** In little endian, whatever the syntax; of encapsulated pixel data nothing. */
  readonly value: Buffer;
  /** Of encapsulated pixel data, the Basic Offset Table first. */
  readonly fragments?: readonly Buffer[];
}

const LONG = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const WORDS: Readonly<Record<string, 2 | 4 | 8>> = {
  AT: 2,
  OW: 2,
  SS: 2,
  US: 2,
  FL: 4,
  OF: 4,
  OL: 4,
  SL: 4,
  UL: 4,
  FD: 8,
  OD: 8,
  OV: 8,
  SV: 8,
  UV: 8,
};
const UNDEFINED = 0xffffffff;
const ITEM = 'FFFEE000';

/** The VR of an element that does not say it. */
export type VrOf = (path: string) => string | undefined;

class Reader {
  readonly elements: ReadElement[] = [];
  readonly #bytes: Buffer;
  readonly #vrOf: VrOf;
  #at = 0;

  constructor(bytes: Buffer, vrOf: VrOf) {
    this.#bytes = bytes;
    this.#vrOf = vrOf;
  }

  /** Elements up to `end`, or up to a delimiter. */
  items(end: number, layout: Layout, parent: string): void {
    while (this.#at + 8 <= end) {
      const tag = this.#tag(layout);
      if (tag === 'FFFEE00D' || tag === 'FFFEE0DD') {
        this.#at += 4;
        return;
      }
      this.#element(tag, layout, parent === '' ? tag : `${parent}/${tag}`);
    }
  }

  #element(tag: string, layout: Layout, path: string): void {
    const [vr, length] = this.#header(tag, layout, path);
    if (vr === 'SQ' || (length === UNDEFINED && tag !== '7FE00010')) {
      // CP-246: UN of undefined length is a sequence in implicit little endian.
      this.#sequence(length, vr === 'UN' ? implicitLittle : layout, path);
    } else if (length === UNDEFINED) {
      this.elements.push({ path, vr, value: Buffer.alloc(0), fragments: this.#fragments(layout) });
    } else {
      const raw = this.#take(length);
      this.elements.push({ path, vr, value: littleEndian(raw, vr, layout) });
    }
  }

  #header(tag: string, layout: Layout, path: string): [vr: string, length: number] {
    if (layout.vr === 'implicit') {
      const known = this.#vrOf(path);
      const length = this.#uint32(layout);
      return [known ?? (length === UNDEFINED && tag !== '7FE00010' ? 'SQ' : 'UN'), length];
    }
    const vr = this.#take(2).toString('latin1');
    if (!LONG.has(vr)) return [vr, this.#uint16(layout)];
    this.#at += 2;
    return [vr, this.#uint32(layout)];
  }

  #sequence(length: number, layout: Layout, path: string): void {
    const end = length === UNDEFINED ? this.#bytes.length : this.#at + length;
    for (let index = 0; this.#at + 8 <= end; index += 1) {
      const tag = this.#tag(layout);
      const itemLength = this.#uint32(layout);
      if (tag !== ITEM) return;
      this.items(
        itemLength === UNDEFINED ? this.#bytes.length : this.#at + itemLength,
        layout,
        `${path}/${index}`,
      );
    }
  }

  #fragments(layout: Layout): Buffer[] {
    const fragments: Buffer[] = [];
    for (;;) {
      const tag = this.#tag(layout);
      const length = this.#uint32(layout);
      if (tag !== ITEM) return fragments;
      fragments.push(this.#take(length));
    }
  }

  #take(length: number): Buffer {
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new Error(`the dataset ends before byte ${this.#at + length}`);
    this.#at += length;
    return bytes;
  }

  #tag(layout: Layout): string {
    const [group, element] = [this.#uint16(layout), this.#uint16(layout)];
    return ((group << 16) | element) >>> 0 === 0 ? '00000000' : hex(group) + hex(element);
  }

  #uint16({ byteOrder }: Layout): number {
    const bytes = this.#take(2);
    return byteOrder === 'little' ? bytes.readUInt16LE() : bytes.readUInt16BE();
  }

  #uint32({ byteOrder }: Layout): number {
    const bytes = this.#take(4);
    return byteOrder === 'little' ? bytes.readUInt32LE() : bytes.readUInt32BE();
  }
}

const hex = (word: number): string => word.toString(16).toUpperCase().padStart(4, '0');

function littleEndian(value: Buffer, vr: string, { byteOrder }: Layout): Buffer {
  const width = WORDS[vr] ?? 1;
  if (byteOrder === 'little' || width === 1 || value.length % width !== 0) return value;
  const copy = Buffer.from(value);
  if (width === 2) return copy.swap16();
  return width === 4 ? copy.swap32() : copy.swap64();
}

/** Every element of a dataset that is no sequence, in the order in which they stand. @throws Error when it is cut off */
export function readElements(
  dataset: Buffer,
  transferSyntaxUid: string,
  vrOf: VrOf = () => undefined,
): readonly ReadElement[] {
  const layouts: Readonly<Record<string, Layout>> = {
    [syntaxes.implicitLittle]: implicitLittle,
    [syntaxes.explicitBig]: explicitBig,
  };
  const bytes = transferSyntaxUid === syntaxes.deflated ? inflateRawSync(dataset) : dataset;
  const reader = new Reader(bytes, vrOf);
  reader.items(bytes.length, layouts[transferSyntaxUid] ?? explicitLittle, '');
  return reader.elements;
}

/** A top-level text without its padding. */
export function textOf(elements: readonly ReadElement[], path: string): string | undefined {
  const value = elements.find((element) => element.path === path)?.value;
  return value?.toString('latin1').replace(/[\0 ]+$/, '');
}

function uint16Of(elements: readonly ReadElement[], path: string): number {
  const value = elements.find((element) => element.path === path)?.value;
  return value === undefined || value.length < 2 ? 0 : value.readUInt16LE();
}

const START_OF_IMAGE = [Buffer.from([0xff, 0xd8]), Buffer.from([0xff, 0x4f])];

/** Fragments by frame: as the offset table says, else one each, else from one start of image to the next. */
function framesOf([table = Buffer.alloc(0), ...fragments]: readonly Buffer[], count: number): Buffer[] {
  if (count === fragments.length) return fragments;
  if (count === 1) return [Buffer.concat(fragments)];
  const starts = new Set<number>();
  for (let at = 0; at + 4 <= table.length; at += 4) starts.add(table.readUInt32LE(at));
  const frames: Buffer[][] = [];
  let offset = 0;
  for (const fragment of fragments) {
    const begins =
      starts.size > 0
        ? starts.has(offset)
        : START_OF_IMAGE.some((marker) => fragment.subarray(0, 2).equals(marker));
    if (begins) frames.push([]);
    frames.at(-1)?.push(fragment);
    offset += 8 + fragment.length;
  }
  return frames.map((frame) => Buffer.concat(frame));
}

/** The value of pixel data cut into frames of so many bits each. */
function nativeFrames(value: Buffer, bits: number, count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    if (bits % 8 === 0) return value.subarray((index * bits) / 8, ((index + 1) * bits) / 8);
    const frame = Buffer.alloc(Math.ceil(bits / 8));
    for (let bit = 0; bit < bits; bit += 1) {
      const from = index * bits + bit;
      const set = ((value[from >> 3] ?? 0) >> (from & 7)) & 1;
      frame[bit >> 3] = (frame[bit >> 3] ?? 0) | (set << (bit & 7));
    }
    return frame;
  });
}

/** The frames of an image as they are stored; none where there is no pixel data. `video` is one stream. */
export function readFrames(
  dataset: Buffer,
  transferSyntaxUid: string,
  { vrOf = () => undefined, video = false }: { vrOf?: VrOf; video?: boolean } = {},
): Buffer[] {
  const elements = readElements(dataset, transferSyntaxUid, vrOf);
  const pixelData = elements.find(({ path }) => ['7FE00010', '7FE00008', '7FE00009'].includes(path));
  if (pixelData === undefined) return [];
  const count = Number(textOf(elements, '00280008') ?? '1') || 1;
  if (pixelData.fragments)
    return video ? [Buffer.concat(pixelData.fragments.slice(1))] : framesOf(pixelData.fragments, count);
  const samples = uint16Of(elements, '00280002') || 1;
  const subsampled = textOf(elements, '00280004') === 'YBR_FULL_422';
  const bits =
    uint16Of(elements, '00280010') *
    uint16Of(elements, '00280011') *
    (subsampled ? 2 : samples) *
    uint16Of(elements, '00280100');
  return nativeFrames(pixelData.value, bits, count);
}
