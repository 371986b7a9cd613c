/**
 * Frames of one instance, counted from 1: those that are named, or all that it has. Of these no list is ever made: pixels of
 * one bit each are half a thousand million frames in 64 MiB.
 */
export class PickedFrames implements Iterable<number> {
  readonly #count: number;
  readonly #named: readonly number[] | undefined;

  /** Those of `count` that are `named`; all of them when these are left out. */
  constructor(count: number, named?: readonly number[]) {
    this.#count = count;
    this.#named = named;
  }

  /** How many they are. */
  get size(): number {
    return this.#named?.length ?? this.#count;
  }

  /** The first one; 1 where there is none. */
  get first(): number {
    return this.#named?.[0] ?? 1;
  }

  /** The one in the middle, of an even number the one before it, and those next to it by turns: `most` of them. */
  aroundMiddle(most: number): readonly number[] {
    const middle = Math.floor((this.size - 1) / 2);
    const away = (turn: number): number => (turn % 2 === 1 ? (turn + 1) / 2 : -turn / 2);
    return Array.from({ length: Math.min(most, this.size) }, (_, turn) => {
      const at = middle + away(turn);
      return this.#named?.[at] ?? at + 1;
    });
  }

  /** Text that says which they are. */
  get name(): string {
    return this.#named?.join(',') ?? `all ${this.#count}`;
  }

  has(frame: number): boolean {
    return this.#named?.includes(frame) ?? (frame >= 1 && frame <= this.#count);
  }

  [Symbol.iterator](): Generator<number, void, undefined> {
    return this.#from(0);
  }

  /** All but the first. */
  rest(): Iterable<number> {
    return this.#from(1);
  }

  *#from(position: number): Generator<number, void, undefined> {
    for (let at = position; at < this.size; at += 1) yield this.#named?.[at] ?? at + 1;
  }
}
