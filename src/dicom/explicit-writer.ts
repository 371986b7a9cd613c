import { ByteOrderSwapper } from './byte-order.js';
import { attributeByTag } from './dictionary.js';
import { OutputBuffer } from './output-buffer.js';
import type { DatasetVisitor, ElementHeader, ValueMode } from './reader.js';
import { isGroupLength } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import { vrTraits, type Vr } from './vr.js';

/** The longest value of even length that a 16 bit length can tell. */
const maxShortLength = 0xfffe;
const undefinedLength = 0xffffffff;

/** The element that is being written. */
interface Open {
  readonly dropped: boolean;
  readonly pad: number;
  readonly swapper: ByteOrderSwapper | undefined;
}

/** Writes what a reader tells of a dataset in Explicit VR Little Endian. */
export class ExplicitWriter implements DatasetVisitor {
  readonly #little: boolean;
  readonly #implicit: boolean;
  readonly #output = new OutputBuffer();
  /** Pixel Representation is signed: of the dataset, and of the items that are open; an item inherits. */
  readonly #signed: boolean[] = [false];
  /** How many open sequences lie within one of VR UN, whose content stays in Implicit VR Little Endian. */
  #unknownDepth = 0;
  #open: Open = { dropped: false, pad: 0, swapper: undefined };
  #oddFragment = false;

  constructor(from: TransferSyntax) {
    this.#little = from.byteOrder === 'little';
    this.#implicit = from.vr === 'implicit';
  }

  /** What has been written since the last call, but for the little that `flush` brings. */
  take(): readonly Buffer[] {
    return this.#output.take();
  }

  /** Brings out the last bytes, at the end of the dataset. */
  flush(): void {
    this.#output.flush();
  }

  element(element: ElementHeader): ValueMode {
    const { tag, length } = element;
    if (length < 0) {
      this.#output.writeLongHeader(tag, 'OB', undefinedLength);
      return 'skip';
    }
    if (isGroupLength(tag)) {
      this.#open = { dropped: true, pad: 0, swapper: undefined };
      return 'skip';
    }
    const vr = this.#vrOf(element);
    const evenLength = length + (length % 2);
    const swaps = !this.#little && this.#unknownDepth === 0;
    this.#open = {
      dropped: false,
      pad: vrTraits(vr).pad,
      swapper: swaps ? new ByteOrderSwapper(element.vr) : undefined,
    };
    if (this.#unknownDepth > 0) this.#output.writeHeader(tag, evenLength);
    else if (vrTraits(vr).long) this.#output.writeLongHeader(tag, vr, evenLength);
    else this.#output.writeShortHeader(tag, vr, evenLength);
    return tag === Tags.PixelRepresentation ? 'collect' : 'stream';
  }

  value(element: ElementHeader, bytes: Buffer): void {
    if (bytes.length === 2) {
      const little = this.#little || this.#unknownDepth > 0;
      this.#signed[this.#signed.length - 1] = (little ? bytes.readUInt16LE() : bytes.readUInt16BE()) === 1;
    }
    this.chunk(element, bytes);
  }

  chunk(element: ElementHeader, bytes: Buffer): void {
    const swapper = element.length < 0 ? undefined : this.#open.swapper;
    this.#output.write(swapper ? swapper.push(bytes) : bytes);
  }

  endElement(element: ElementHeader): void {
    if (element.length < 0) {
      this.#padFragment();
      this.#output.writeHeader(Tags.SequenceDelimitationItem, 0);
      return;
    }
    const { dropped, pad, swapper } = this.#open;
    if (dropped) return;
    if (swapper) this.#output.write(swapper.end());
    if (element.length % 2 === 1) this.#output.write(Buffer.of(pad));
  }

  beginSequence({ tag, unknownSequence }: ElementHeader): void {
    if (this.#unknownDepth > 0) this.#output.writeHeader(tag, undefinedLength);
    else this.#output.writeLongHeader(tag, unknownSequence ? 'UN' : 'SQ', undefinedLength);
    if (this.#unknownDepth > 0 || unknownSequence) this.#unknownDepth++;
  }

  endSequence(): void {
    if (this.#unknownDepth > 0) this.#unknownDepth--;
    this.#output.writeHeader(Tags.SequenceDelimitationItem, 0);
  }

  beginItem(): void {
    this.#signed.push(this.#signed.at(-1) ?? false);
    this.#output.writeHeader(Tags.Item, undefinedLength);
  }

  endItem(): void {
    this.#signed.pop();
    this.#output.writeHeader(Tags.ItemDelimitationItem, 0);
  }

  fragment(_element: ElementHeader, _index: number, _valueOffset: number, length: number): ValueMode {
    this.#padFragment();
    this.#oddFragment = length % 2 === 1;
    this.#output.writeHeader(Tags.Item, length + (length % 2));
    return 'stream';
  }

  #padFragment(): void {
    if (this.#oddFragment) this.#output.write(Buffer.of(0));
    this.#oddFragment = false;
  }

  #vrOf({ tag, vr, length }: ElementHeader): Vr {
    if (length > maxShortLength && !vrTraits(vr).long) return 'UN';
    const open = this.#implicit && vr === 'US' && this.#signed.at(-1) === true;
    return open && attributeByTag(tag)?.signedByPixelRepresentation ? 'SS' : vr;
  }
}
