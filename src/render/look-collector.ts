import { GatewayError } from '../core/index.js';
import {
  DatasetBuilder,
  Tags,
  type Dataset,
  type DatasetVisitor,
  type ElementHeader,
  type Tag,
  type TransferSyntax,
  type ValueMode,
  type Vr,
} from '../dicom/index.js';
import { isOverlay, LookSequences, LookTags, OVERLAY_DATA } from './look-tags.js';

/** A value that stays where it is. */
export interface Located {
  readonly vr: Vr;
  readonly start: number;
  readonly end: number;
}

/** Where the functional groups of a frame stand. */
export interface LocatedItem {
  readonly start: number;
  end: number;
}

/** What is collected: elements at any depth, and the sequences that are looked into. */
export interface Collected {
  readonly tags: ReadonlySet<Tag>;
  readonly sequences: ReadonlySet<Tag>;
}

const ofImages: Collected = { tags: LookTags, sequences: LookSequences };

/** What an element or an item costs beside its value: hostile datasets have many of them that are empty. */
const ELEMENT_BYTES = 32;
const ITEM_BYTES = 256;

/** The most items that are remembered of the functional groups: as many as pixel data may have fragments. */
const maxItems = 1_000_000;
const pixelDataGroup = 0x7fe00000;

/**
 * Collects what says how frames are shown, up to the pixel data; the rest is skipped, and so are overlays, of which a frame
 * needs but a part, and the functional groups of single frames, of which it needs one item.
 */
export class LookCollector implements DatasetVisitor {
  readonly overlayData = new Map<Tag, Located>();
  readonly frameItems: LocatedItem[] = [];
  /** The items of frames are in Implicit VR, whatever is around them. */
  areItemsImplicit = false;
  #isDone = false;
  readonly #builder: DatasetBuilder;
  readonly #mostBytes: number;
  #bytes = 0;
  /** Sequences that are open and not collected. */
  #ignored = 0;
  #inFrameItems = false;

  readonly #collected: Collected;

  /** Keeps `mostBytes` of values. */
  constructor(
    syntax: TransferSyntax,
    mostBytes: number,
    collected = ofImages,
    fallbackCharacterSet: readonly string[] = [],
  ) {
    this.#builder = new DatasetBuilder(syntax, fallbackCharacterSet);
    this.#mostBytes = mostBytes;
    this.#collected = collected;
  }

  get dataset(): Dataset {
    return this.#builder.root;
  }

  /** Whether what follows is pixel data. */
  get isDone(): boolean {
    return this.#isDone;
  }

  element(element: ElementHeader): ValueMode {
    const { tag, vr, length, depth, valueOffset } = element;
    if (depth === 0 && tag >= pixelDataGroup) this.#isDone = true;
    const item = this.frameItems.at(-1);
    if (this.#inFrameItems && item) item.end = valueOffset + Math.max(length, 0);
    if (this.#ignored > 0 || length < 0 || this.#isDone) return 'skip';
    if (depth === 0 && isOverlay(tag)) {
      if ((tag & 0xffff) !== OVERLAY_DATA) return this.#collect(length);
      this.overlayData.set(tag, { vr, start: valueOffset, end: valueOffset + length });
      return 'skip';
    }
    return this.#collected.tags.has(tag) ? this.#collect(length) : 'skip';
  }

  value(element: ElementHeader, bytes: Buffer): void {
    this.#builder.value(element, Buffer.from(bytes));
  }

  beginSequence(element: ElementHeader): void {
    const isFrames = element.depth === 0 && element.tag === Tags.PerFrameFunctionalGroupsSequence;
    if (isFrames) {
      this.#inFrameItems = true;
      this.areItemsImplicit = element.unknownSequence === true;
    }
    if (this.#ignored > 0 || !this.#collected.sequences.has(element.tag)) this.#ignored++;
    else this.#builder.beginSequence(element);
  }

  endSequence(): void {
    if (this.#ignored === 0) this.#builder.endSequence();
    else this.#ignored--;
    if (this.#ignored === 0) this.#inFrameItems = false;
  }

  beginItem(_index: number, offset: number): void {
    if (this.#ignored === 0) {
      this.#count(ITEM_BYTES);
      this.#builder.beginItem();
    } else if (this.#inFrameItems && this.#ignored === 1 && this.frameItems.length < maxItems)
      this.frameItems.push({ start: offset + 8, end: offset + 8 });
  }

  endItem(): void {
    if (this.#ignored === 0) this.#builder.endItem();
  }

  #collect(length: number): ValueMode {
    this.#count(length + ELEMENT_BYTES);
    return 'collect';
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#mostBytes) throw tooLong();
  }
}

/** There is more of it than is read. */
export function tooLong(): GatewayError {
  const message = 'What the dataset says of how it is shown is longer than the gateway reads.';
  return new GatewayError('not-acceptable', message);
}
