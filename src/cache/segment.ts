import { GatewayError } from '../core/index.js';
import type { Place, SpoolBytes, SpoolFile } from './spool-file.js';

export interface SegmentEvents {
  /** Bytes of a slot are dead: they come free with the segment. */
  onDead(bytes: number): void;
  /** Nobody uses any of it, and nobody will: the file may go. */
  onEmpty(segment: Segment): void;
}

/**
 * A file that many small spools share: making and opening a file costs more than writing half a megabyte to it.
 *
 * Slots are handed out one behind the other and never used again; the file is deleted when the last of them is gone. It
 * stays open until then, so the number of segments bounds the number of descriptors.
 */
export class Segment {
  readonly file: SpoolFile;
  readonly #events: SegmentEvents;
  readonly #live = new Set<Slot>();
  #end = 0;
  #sealed = false;

  constructor(file: SpoolFile, events: SegmentEvents) {
    this.file = file;
    this.#events = events;
  }

  /** Bytes handed out. */
  get end(): number {
    return this.#end;
  }

  /** Bytes of the disk budget that stand behind it, dead ones included. */
  reserved = 0;

  /** A place for `length` bytes at the end; or, of a file that was there before, at `offset`. */
  slot(length: number, offset = this.#end): SpoolBytes {
    const slot = new Slot(this, offset);
    this.#end = Math.max(this.#end, offset + length);
    this.#live.add(slot);
    return slot;
  }

  /** No more slots will be asked for. */
  seal(): void {
    this.#sealed = true;
    this.#settle();
  }

  left(slot: Slot): void {
    if (!this.#live.delete(slot)) return;
    this.#events.onDead(slot.reserved);
    this.#settle();
  }

  #settle(): void {
    if (this.#sealed && this.#live.size === 0 && !this.file.removed) this.#events.onEmpty(this);
  }
}

class Slot implements SpoolBytes {
  readonly place: Place;
  readonly group: Segment;
  readonly #offset: number;
  #reserved = 0;
  #removed = false;

  constructor(segment: Segment, offset: number) {
    this.group = segment;
    this.#offset = offset;
    this.place = { file: segment.file.place.file, offset };
  }

  get reserved(): number {
    return this.#reserved;
  }

  set reserved(bytes: number) {
    this.group.reserved += bytes - this.#reserved;
    this.#reserved = bytes;
  }

  get removed(): boolean {
    return this.#removed;
  }

  write(pieces: readonly Buffer[], position: number): Promise<void> {
    return this.#removed ? Promise.reject(dropped()) : this.group.file.write(pieces, this.#offset + position);
  }

  read(position: number, into: Buffer): Promise<void> {
    return this.#removed ? Promise.reject(dropped()) : this.group.file.read(this.#offset + position, into);
  }

  /** Its descriptor stays open: there are few segments, and others read it. */
  rest(): void {
    return undefined;
  }

  remove(): void {
    this.#removed = true;
    this.group.left(this);
  }
}

const dropped = (): GatewayError => new GatewayError('cache-failed', 'The cached bytes were dropped.');
