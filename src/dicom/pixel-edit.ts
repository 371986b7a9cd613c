/**
 * Datasets whose pixels are written anew: everything else stays byte for byte, but for icons that are encapsulated and
 * lengths of groups.
 */
import { explicitElement, type ElementEdit } from './element-edit.js';
import { DatasetReader, type DatasetVisitor, type ElementHeader, type ValueMode } from './reader.js';
import { spliced, type Cut } from './splice.js';
import { isGroupLength, type Tag } from './tag.js';
import { Tags } from './tags.js';
import { TransferSyntaxes } from './transfer-syntax-table.js';

/** What the Image Pixel module says of pixels that are written anew. */
export interface PixelDescription {
  readonly photometricInterpretation: string;
  /** 0 by pixel, 1 in planes; undefined where a pixel has one sample, and the attribute stays as it is. */
  readonly planarConfiguration: 0 | 1 | undefined;
}

const NOTHING = Buffer.alloc(0);
/** What tells where the old fragments were. @see PS3.3 C.7.6.3.1.8 */
export const offsetTags: ReadonlySet<Tag> = new Set([0x7fe00001, 0x7fe00002, 0x7fe00003]);
const pixelTags: ReadonlySet<Tag> = new Set([Tags.PixelData, Tags.FloatPixelData, Tags.DoubleFloatPixelData]);

/** No short value is longer. */
const longestCollected = 0xffff;

/**
 * What stands before the pixel data of a dataset in Explicit VR Little Endian, with `pixels` in place of what it says of
 * them, `more` done to other elements, and without an icon that is encapsulated. Lengths of groups are left out as well, for
 * they would be those of before. `open` gives the bytes of the dataset, and is called twice.
 *
 * @throws GatewayError `malformed-dataset`, or what `open` throws
 * @see PS3.3 C.7.6.3, PS3.5 7.2, PS3.18 8.7.3.4
 */
export async function* headerWith(
  open: () => AsyncIterable<Buffer>,
  pixels: PixelDescription,
  more: readonly ElementEdit[] = [],
): AsyncGenerator<Buffer, void, undefined> {
  const visitor = new EditVisitor([...editsOf(pixels), ...more].sort((one, other) => one.tag - other.tag));
  const reader = new DatasetReader(TransferSyntaxes.ExplicitVrLittleEndian, visitor);
  for await (const chunk of open()) {
    reader.push(chunk);
    if (visitor.end !== undefined) break;
  }
  yield* spliced(open(), visitor.cutsUpTo(reader.offset), visitor.end ?? reader.offset);
}

function editsOf({
  photometricInterpretation,
  planarConfiguration,
}: PixelDescription): readonly ElementEdit[] {
  const name = explicitElement(Tags.PhotometricInterpretation, 'CS', photometricInterpretation);
  const edits = [{ tag: Tags.PhotometricInterpretation, make: () => name }];
  if (planarConfiguration === undefined) return edits;
  const value = explicitElement(Tags.PlanarConfiguration, 'US', Buffer.of(planarConfiguration, 0));
  return [...edits, { tag: Tags.PlanarConfiguration, make: () => value }];
}

/** Finds the places of edits. */
class EditVisitor implements DatasetVisitor {
  readonly #edits: ElementEdit[];
  readonly #cuts: Cut[] = [];
  /** The sequence that goes on. */
  #open: Cut | undefined;
  /** The icon of the image, while it is read. */
  #icon: { readonly start: number; isEncapsulated: boolean } | undefined;
  /** Of the element whose value is collected. */
  #collecting: ElementEdit | undefined;
  /** Where the pixel data begins, once that is known. */
  end: number | undefined;

  /** `edits` in ascending order. */
  constructor(edits: readonly ElementEdit[]) {
    this.#edits = [...edits];
  }

  element(header: ElementHeader): ValueMode {
    if (header.depth > 0) {
      // Of no defined length is encapsulated pixel data alone, for sequences begin elsewhere.
      if (this.#icon && header.length < 0) this.#icon.isEncapsulated = true;
      return 'skip';
    }
    const edit = this.#topLevel(header);
    if (edit === undefined) return 'skip';
    if (header.length < 0 || header.length > longestCollected) this.#replace(header, edit.make());
    else this.#collecting = edit;
    return this.#collecting === undefined ? 'skip' : 'collect';
  }

  value(header: ElementHeader, bytes: Buffer): void {
    const edit = this.#collecting;
    this.#collecting = undefined;
    if (edit) this.#replace(header, edit.make(bytes));
  }

  beginSequence(header: ElementHeader): void {
    const edit = header.depth === 0 ? this.#topLevel(header) : undefined;
    if (edit) this.#open = this.#replace(header, edit.make());
    else if (header.depth === 0 && header.tag === Tags.IconImageSequence && this.end === undefined)
      this.#icon = { start: header.headerOffset, isEncapsulated: false };
  }

  /** What is still to be added stands at the end. */
  cutsUpTo(length: number): readonly Cut[] {
    const end = this.end ?? length;
    this.#closeAt(end);
    for (const edit of this.#edits.splice(0)) this.#insert(edit, end);
    return this.#cuts;
  }

  /** The edit of this element, when it has one; what comes before it is done. */
  #topLevel({ tag, headerOffset, valueOffset, length }: ElementHeader): ElementEdit | undefined {
    if (this.end !== undefined) return undefined;
    this.#closeAt(headerOffset);
    while (this.#edits[0] && this.#edits[0].tag < tag) this.#insert(this.#edits.shift(), headerOffset);
    if (offsetTags.has(tag) || isGroupLength(tag))
      this.#cuts.push({ start: headerOffset, end: valueOffset + length, bytes: NOTHING });
    if (pixelTags.has(tag)) this.end = headerOffset;
    return this.#edits[0]?.tag === tag ? this.#edits.shift() : undefined;
  }

  #insert(edit: ElementEdit | undefined, at: number): void {
    const bytes = edit?.make();
    if (bytes) this.#cuts.push({ start: at, end: at, bytes });
  }

  #replace({ headerOffset, valueOffset, length }: ElementHeader, bytes?: Buffer): Cut | undefined {
    if (bytes === undefined) return undefined;
    const cut = { start: headerOffset, end: valueOffset + Math.max(length, 0), bytes };
    this.#cuts.push(cut);
    return cut;
  }

  /**
   * Ends what is open. An icon whose pixels are encapsulated is left out: they are code streams of the old transfer syntax,
   * and the new one has another kind or none. An image need not have an icon, and is of more use than a refusal.
   *
   * @see PS3.5 A.4, PS3.3 F.7
   */
  #closeAt(offset: number): void {
    if (this.#open) this.#open.end = offset;
    this.#open = undefined;
    if (this.#icon?.isEncapsulated) this.#cuts.push({ start: this.#icon.start, end: offset, bytes: NOTHING });
    this.#icon = undefined;
  }
}

const maxNativeLength = 0xfffffffe;

/** Whether so many bytes of native pixel data have a length that can be written (W-20). */
export const fitsNative = (bytes: number): boolean => bytes <= maxNativeLength;

/** The header of native pixel data of so many bytes; an odd number of them needs a byte of padding behind. */
export function nativePixelHeader(bytes: number, bitsAllocated: number): Buffer {
  const header = longHeader(bitsAllocated > 8 ? 'OW' : 'OB');
  header.writeUInt32LE(bytes + (bytes % 2), 8);
  return header;
}

/** The header of encapsulated pixel data with an empty Basic Offset Table. @see PS3.5 A.4 */
export function encapsulatedPixelHeader(): Buffer {
  const header = longHeader('OB');
  header.writeUInt32LE(0xffffffff, 8);
  return Buffer.concat([header, item(0xe000, 0)]);
}

/** What stands before the bytes of one frame in one fragment, and behind them. */
export function fragmentAround(bytes: number): { readonly before: Buffer; readonly after: Buffer } {
  return { before: item(0xe000, bytes + (bytes % 2)), after: Buffer.alloc(bytes % 2) };
}

/** The end of encapsulated pixel data. */
export const pixelDelimiter = (): Buffer => item(0xe0dd, 0);

function longHeader(vr: string): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16LE(0x7fe0, 0);
  header.writeUInt16LE(0x0010, 2);
  header.write(vr, 4, 'latin1');
  return header;
}

function item(tagElement: number, length: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(0xfffe, 0);
  header.writeUInt16LE(tagElement, 2);
  header.writeUInt32LE(length, 4);
  return header;
}
