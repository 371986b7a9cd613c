import { GatewayError } from '../core/index.js';
import { OutputBuffer } from './output-buffer.js';
import type { DatasetVisitor, ElementHeader, ValueMode } from './reader.js';
import { isGroupLength } from './tag.js';
import { Tags } from './tags.js';
import { vrTraits } from './vr.js';

const undefinedLength = 0xffffffff;

/** Writes what a reader tells of a native dataset in little endian in Implicit VR Little Endian. */
export class ImplicitWriter implements DatasetVisitor {
  readonly #output = new OutputBuffer();
  #isDropped = false;

  /** What has been written since the last call, but for the little that `flush` brings. */
  take(): readonly Buffer[] {
    return this.#output.take();
  }

  /** Brings out the last bytes, at the end of the dataset. */
  flush(): void {
    this.#output.flush();
  }

  /** @throws GatewayError `malformed-dataset` for encapsulated pixel data, which must not be in this syntax */
  element({ tag, length }: ElementHeader): ValueMode {
    if (length < 0)
      throw new GatewayError('malformed-dataset', 'Encapsulated pixel data cannot be in Implicit VR.');
    this.#isDropped = isGroupLength(tag);
    if (this.#isDropped) return 'skip';
    this.#output.writeHeader(tag, length + (length % 2));
    return 'stream';
  }

  chunk(_element: ElementHeader, bytes: Buffer): void {
    this.#output.write(bytes);
  }

  endElement({ vr, length }: ElementHeader): void {
    if (!this.#isDropped && length % 2 === 1) this.#output.write(Buffer.of(vrTraits(vr).pad));
  }

  beginSequence({ tag }: ElementHeader): void {
    this.#output.writeHeader(tag, undefinedLength);
  }

  endSequence(): void {
    this.#output.writeHeader(Tags.SequenceDelimitationItem, 0);
  }

  beginItem(): void {
    this.#output.writeHeader(Tags.Item, undefinedLength);
  }

  endItem(): void {
    this.#output.writeHeader(Tags.ItemDelimitationItem, 0);
  }
}
