/**
 * The one parser of datasets; everything else is a visitor on it.
 *
 * Bytes are pushed in, in chunks of any size; no more of them is kept than a header that is not whole yet and one value
 * that the visitor asked to have in one piece. How the bytes are cut never changes which events come.
 *
 * Read with tolerance, because real archives hold it: elements out of order, odd lengths, zeros or (FFFC,FFFC) after the
 * last element, delimiters that nothing needs, an item delimiter left out before a sequence delimiter, and pixel data
 * whose sequence delimiter is missing at the very end. Refused: whatever does not fit into what encloses it, and input
 * that stops inside something.
 */
import { GatewayError } from '../core/index.js';
import { CollectedValue } from './reader-value.js';
import {
  type Coding,
  itemDelimitationTag,
  itemTag,
  maxHeaderBytes,
  type RawHeader,
  readHeader,
  sequenceDelimitationTag,
} from './reader-header.js';
import { formatTag, type Tag } from './tag.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import type { Vr } from './vr.js';

/** What one dataset may cost whoever reads it. */
export interface ReaderLimits {
  /** Sequences within sequences. Real objects stay below 10; DCMTK has no bound and dies of the stack instead. */
  readonly maxDepth: number;
  /** Elements, items and fragments together; an enhanced multi-frame of 10,000 frames has about a million. */
  readonly maxElements: number;
  /** Bytes of one value that a visitor asks to have in one piece. */
  readonly maxCollectedBytes: number;
}

/** The limits of a reader that is told no others. */
export const defaultReaderLimits: ReaderLimits = {
  maxDepth: 64,
  maxElements: 5_000_000,
  maxCollectedBytes: 1 << 20,
};

/** The header of a data element as read. Offsets count from the first byte of the (inflated) dataset. */
export interface ElementHeader {
  readonly tag: Tag;
  /** As written, or by the dictionary where the encoding is implicit; SQ for every sequence, however it is written. */
  readonly vr: Vr;
  /** -1 = undefined. */
  readonly length: number;
  readonly headerOffset: number;
  readonly valueOffset: number;
  /** How many sequences enclose the element. */
  readonly depth: number;
  /** The explicit header says UN of undefined length: a sequence whose items are in Implicit VR Little Endian (CP-246). */
  readonly unknownSequence?: true;
}

/** What a visitor wants of a value: in one piece, as it comes, or not at all. */
export type ValueMode = 'collect' | 'stream' | 'skip';

/**
 * Gets the events of a dataset in the order of its bytes. Buffers are the visitor's during the call only: they show the
 * pushed chunk itself, which the pusher may use again.
 */
export interface DatasetVisitor {
  /** An element that is no sequence. Length -1 is encapsulated pixel data: `fragment` follows, the answer is not used. */
  element(element: ElementHeader): ValueMode;
  /** The whole value, after 'collect'. */
  value?(element: ElementHeader, bytes: Buffer): void;
  /** The next bytes of a value or fragment, after 'stream'; never empty. */
  chunk?(element: ElementHeader, bytes: Buffer): void;
  /** After the last byte of an element's value, and of all its fragments. */
  endElement?(element: ElementHeader): void;
  beginSequence?(element: ElementHeader): void;
  endSequence?(element: ElementHeader): void;
  /** `index` counts from 0; `offset` is where the item's header begins. */
  beginItem?(index: number, offset: number): void;
  endItem?(): void;
  /** An item of encapsulated pixel data; index 0 is the Basic Offset Table. Left out or undefined = 'skip'. */
  fragment?(
    element: ElementHeader,
    index: number,
    valueOffset: number,
    length: number,
  ): ValueMode | undefined;
}

interface Container {
  readonly kind: 'sequence' | 'item' | 'fragments';
  readonly element: ElementHeader;
  /** Where it ends; Infinity when a delimiter tells. */
  readonly end: number;
  /** Where it or anything around it ends at the latest. */
  readonly bound: number;
  readonly coding: Coding;
  items: number;
}

interface Value {
  readonly element: ElementHeader;
  readonly mode: ValueMode;
  readonly isFragment: boolean;
  readonly collected: CollectedValue | undefined;
  remaining: number;
}

const pixelDataTag: Tag = 0x7fe00010;
const implicitLittleEndian: Coding = { explicit: false, little: true };

/** Reads one dataset and tells a visitor what is in it. @see PS3.5 7 */
export class DatasetReader {
  readonly #visitor: DatasetVisitor;
  readonly #limits: ReaderLimits;
  readonly #coding: Coding;
  readonly #stack: Container[] = [];
  readonly #header: RawHeader = { tag: 0, vr: 'UN', length: 0 };
  readonly #carry = Buffer.alloc(maxHeaderBytes);
  #carried = 0;
  #value: Value | undefined;
  #offset = 0;
  #elements = 0;
  #depth = 0;
  #padding = false;
  #unterminated = false;

  /** `syntax.deflated` makes no difference here: the reader gets inflated bytes. */
  constructor(syntax: TransferSyntax, visitor: DatasetVisitor, limits: Partial<ReaderLimits> = {}) {
    this.#visitor = visitor;
    this.#limits = { ...defaultReaderLimits, ...limits };
    this.#coding = { explicit: syntax.vr === 'explicit', little: syntax.byteOrder === 'little' };
  }

  /** Bytes read or skipped so far. */
  get offset(): number {
    return this.#offset;
  }

  /** How many of the next bytes nobody will look at: a driver with random access jumps over them with `skip`. */
  get skippable(): number {
    return this.#value?.mode === 'skip' ? this.#value.remaining : 0;
  }

  /** After `end`: whether the pixel data's sequence delimiter was missing, which can also mean lost fragments. */
  get unterminated(): boolean {
    return this.#unterminated;
  }

  /**
   * Reads the next bytes.
   * @throws GatewayError `malformed-dataset`; after that the reader is of no more use
   */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#value) at = this.#takeValue(this.#value, bytes, at);
      else if (this.#padding) at = this.#takePadding(bytes, at);
      else at = this.#takeHeader(bytes, at);
    }
  }

  /**
   * Goes on as if `count` bytes had been pushed; at most `skippable`.
   * @throws GatewayError `internal` when somebody would have looked at them
   */
  skip(count: number): void {
    const value = this.#value;
    if (count === 0) return;
    if (value?.mode !== 'skip' || !(count > 0 && count <= value.remaining)) {
      throw new GatewayError('internal', 'A dataset reader was told to skip bytes that it needs.');
    }
    this.#advance(value, count);
  }

  /**
   * The input is over.
   * @throws GatewayError `malformed-dataset` when it stops inside an element, item or sequence
   */
  end(): void {
    if (this.#value) throw this.#malformed('stops inside a value', this.#value.element.tag);
    const padded =
      this.#offset > this.#carried && this.#carry.subarray(0, this.#carried).every((byte) => byte === 0);
    if (this.#carried > 0 && !padded) throw this.#malformed('stops inside an element header');
    const open = this.#stack.at(-1);
    if (!open) return;
    if (open.kind !== 'fragments' || this.#depth > 0 || open.items < 2 || this.#carried > 0) {
      throw this.#malformed('stops inside a sequence', open.element.tag);
    }
    this.#unterminated = true;
    this.#close(open);
  }

  #takeHeader(bytes: Buffer, at: number): number {
    const coding = this.#stack.at(-1)?.coding ?? this.#coding;
    if (this.#carried === 0) {
      const size = readHeader(this.#header, bytes, at, bytes.length - at, coding);
      if (size === 0) return this.#carryOver(bytes, at, bytes.length);
      this.#offset += size;
      this.#dispatch(this.#offset - size);
      return at + size;
    }
    const carried = this.#carried;
    const next = this.#carryOver(bytes, at, at + (carried < 8 ? 8 : maxHeaderBytes) - carried);
    const size = readHeader(this.#header, this.#carry, 0, this.#carried, coding);
    if (size > 0) {
      this.#carried = 0;
      this.#dispatch(this.#offset - size);
    }
    return next;
  }

  #carryOver(bytes: Buffer, from: number, to: number): number {
    const count = bytes.copy(this.#carry, this.#carried, from, Math.min(to, bytes.length));
    this.#carried += count;
    this.#offset += count;
    return from + count;
  }

  #dispatch(headerOffset: number): void {
    const { tag, length } = this.#header;
    const container = this.#stack.at(-1);
    if (tag === 0 && length === 0 && !container && headerOffset > 0) {
      this.#padding = true;
      return;
    }
    if (++this.#elements > this.#limits.maxElements) throw this.#malformed('has too many elements');
    const isDelimiter = tag === itemDelimitationTag || tag === sequenceDelimitationTag;
    // A delimiter has no value; some writers leave rubbish in its length.
    const end = this.#offset + (isDelimiter ? 0 : Math.max(length, 0));
    if (container && end > container.bound) {
      throw this.#malformed('has an element that is longer than what encloses it', tag);
    }
    if (isDelimiter) this.#delimit(tag, container);
    else if (tag === itemTag) this.#item(container, headerOffset);
    else this.#element(container, headerOffset);
    this.#closeFinished();
  }

  #element(container: Container | undefined, headerOffset: number): void {
    if (container && container.kind !== 'item') {
      throw this.#malformed('has something other than items in a sequence', this.#header.tag);
    }
    const { tag, vr, length } = this.#header;
    const coding = container?.coding ?? this.#coding;
    const kind = this.#kindOf(coding);
    const element: ElementHeader = {
      tag,
      vr: kind === 'sequence' ? 'SQ' : vr,
      length,
      headerOffset,
      valueOffset: this.#offset,
      depth: this.#depth,
    };
    if (kind === 'value') {
      this.#beginValue(element, this.#visitor.element(element), false);
    } else if (kind === 'fragments') {
      this.#stack.push(this.#container(kind, element, length, coding));
      this.#visitor.element(element);
    } else if (vr === 'UN' && coding.explicit) {
      this.#beginSequence({ ...element, unknownSequence: true }, implicitLittleEndian);
    } else {
      this.#beginSequence(element, coding);
    }
  }

  #beginSequence(element: ElementHeader, coding: Coding): void {
    if (this.#depth >= this.#limits.maxDepth)
      throw this.#malformed('nests sequences too deeply', element.tag);
    this.#stack.push(this.#container('sequence', element, element.length, coding));
    this.#visitor.beginSequence?.(element);
  }

  #kindOf(coding: Coding): 'value' | 'sequence' | 'fragments' {
    const { tag, vr, length } = this.#header;
    if (length >= 0) return vr === 'SQ' ? 'sequence' : 'value';
    if (tag === pixelDataTag) return 'fragments';
    if (vr === 'SQ' || vr === 'UN') return 'sequence';
    if (coding.explicit && (vr === 'OB' || vr === 'OW')) return 'fragments';
    throw this.#malformed('has a value of undefined length', tag);
  }

  #item(container: Container | undefined, headerOffset: number): void {
    const { length } = this.#header;
    if (container === undefined || container.kind === 'item') {
      throw this.#malformed('has an item outside a sequence', itemTag);
    }
    const index = container.items++;
    if (container.kind === 'sequence') {
      this.#stack.push(this.#container('item', container.element, length, container.coding));
      this.#depth++;
      this.#visitor.beginItem?.(index, headerOffset);
      return;
    }
    if (length < 0) throw this.#malformed('has a fragment of undefined length', container.element.tag);
    const mode = this.#visitor.fragment?.(container.element, index, this.#offset, length) ?? 'skip';
    this.#beginValue(container.element, mode, true, length);
  }

  #delimit(tag: Tag, container: Container | undefined): void {
    if (container?.end !== Infinity) return;
    if (tag === itemDelimitationTag) {
      if (container.kind === 'item') this.#close(container);
      return;
    }
    this.#close(container);
    const sequence = this.#stack.at(-1);
    if (container.kind === 'item' && sequence) {
      if (sequence.end !== Infinity)
        throw this.#malformed('has an item that does not end', sequence.element.tag);
      this.#close(sequence);
    }
  }

  #container(kind: Container['kind'], element: ElementHeader, length: number, coding: Coding): Container {
    const end = length < 0 ? Infinity : this.#offset + length;
    const bound = Math.min(end, this.#stack.at(-1)?.bound ?? Infinity);
    return { kind, element, end, bound, coding, items: 0 };
  }

  #closeFinished(): void {
    for (;;) {
      const container = this.#stack.at(-1);
      if (this.#value || container?.end !== this.#offset) return;
      this.#close(container);
    }
  }

  #close(container: Container): void {
    this.#stack.pop();
    if (container.kind === 'item') {
      this.#depth--;
      this.#visitor.endItem?.();
    } else if (container.kind === 'sequence') this.#visitor.endSequence?.(container.element);
    else this.#visitor.endElement?.(container.element);
  }

  #beginValue(element: ElementHeader, mode: ValueMode, isFragment: boolean, length = element.length): void {
    if (mode === 'collect' && length > this.#limits.maxCollectedBytes) {
      throw this.#malformed('has a value that is longer than it can be', element.tag);
    }
    const collected = mode === 'collect' ? new CollectedValue(length) : undefined;
    const value: Value = { element, mode, isFragment, collected, remaining: length };
    if (length === 0) this.#finishValue(value);
    else this.#value = value;
  }

  #takeValue(value: Value, bytes: Buffer, at: number): number {
    const count = Math.min(value.remaining, bytes.length - at);
    if (value.mode !== 'skip') {
      const part = bytes.subarray(at, at + count);
      if (value.collected) value.collected.push(part);
      else this.#visitor.chunk?.(value.element, part);
    }
    this.#advance(value, count);
    return at + count;
  }

  #advance(value: Value, count: number): void {
    this.#offset += count;
    value.remaining -= count;
    if (value.remaining > 0) return;
    this.#value = undefined;
    this.#finishValue(value);
    this.#closeFinished();
  }

  #finishValue({ element, collected, isFragment }: Value): void {
    if (collected) this.#visitor.value?.(element, collected.bytes);
    if (!isFragment) this.#visitor.endElement?.(element);
  }

  #takePadding(bytes: Buffer, at: number): number {
    for (let index = at; index < bytes.length; index++) {
      if (bytes[index] !== 0) throw this.#malformed('has bytes after its end');
    }
    this.#offset += bytes.length - at;
    return bytes.length;
  }

  #malformed(what: string, tag?: Tag): GatewayError {
    const where = tag === undefined ? '' : ` (${formatTag(tag)})`;
    return new GatewayError('malformed-dataset', `The dataset ${what}${where} at byte ${this.#offset}.`);
  }
}
