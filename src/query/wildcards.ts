/**
 * Wildcard matching in time that no pattern and no text make quadratic: all positions of the pattern that the text read so
 * far may have come to are bits, and one character moves 32 of them at once.
 */

/** What a decoder writes for bytes that it cannot read. */
export const unreadable = '\uFFFD';

/** A pattern where `*` is any text and `?` any character. @see PS3.4 C.2.2.2.4 */
export class Wildcards {
  /** For each character the positions that it leads on from; of all others those of `?`. */
  readonly #steps = new Map<string, Uint32Array>();
  readonly #anyStep: Uint32Array;
  /** The positions at `*`, which every character stays at. */
  readonly #stays: Uint32Array;
  /** Characters that a text must have at least; the position after the last of them. */
  readonly #length: number;

  constructor(pattern: string) {
    const characters = Array.from(pattern);
    const singles = characters.filter((one) => one !== '*');
    this.#length = singles.length;
    this.#anyStep = this.#positions();
    this.#stays = this.#positions();
    for (const [position, one] of singles.entries()) if (one === '?') add(this.#anyStep, position);
    for (const [position, one] of singles.entries()) {
      if (one === '?') continue;
      const steps = this.#steps.get(one) ?? Uint32Array.from(this.#anyStep);
      add(steps, position);
      this.#steps.set(one, steps);
    }
    let position = 0;
    for (const one of characters) {
      if (one === '*') add(this.#stays, position);
      else position++;
    }
    // What nobody can read may be several characters or half of one: `*` alone is sure to hold it.
    this.#steps.set(unreadable, this.#positions());
  }

  /** Whether all of `text` matches, whatever its unreadable characters stand for. */
  matches(text: string): boolean {
    if (text.length < this.#length) return false;
    let positions = this.#positions();
    let next = this.#positions();
    add(positions, 0);
    for (const character of text) {
      if (!this.#step(positions, next, this.#steps.get(character) ?? this.#anyStep)) return false;
      [positions, next] = [next, positions];
    }
    return ((positions[this.#length >>> 5] ?? 0) & (1 << (this.#length & 31))) !== 0;
  }

  /** Whether there is any position left. */
  #step(from: Uint32Array, to: Uint32Array, steps: Uint32Array): boolean {
    let carried = 0;
    let left = 0;
    for (let word = 0; word < from.length; word++) {
      const here = from[word] ?? 0;
      const moved = here & (steps[word] ?? 0);
      const reached = (moved << 1) | carried | (here & (this.#stays[word] ?? 0));
      carried = moved >>> 31;
      to[word] = reached;
      left |= reached;
    }
    return left !== 0;
  }

  #positions(): Uint32Array {
    return new Uint32Array((this.#length >>> 5) + 1);
  }
}

function add(positions: Uint32Array, position: number): void {
  positions[position >>> 5] = (positions[position >>> 5] ?? 0) | (1 << (position & 31));
}

/**
 * Whether a text with unreadable characters may be one that matches. One unreadable byte is less than a character, or more:
 * a run of them is any text, with what stands beside it, which may be the other half of a character or bear an accent.
 */
export function mayMatch(pattern: string, text: string): boolean {
  const characters = Array.from(pattern);
  const before = Array.from(text.slice(0, text.indexOf(unreadable))).slice(0, -1);
  const after = Array.from(text.slice(text.lastIndexOf(unreadable) + 1)).slice(1);
  const isFixed = !characters.includes('*');
  if (isFixed && before.length + after.length > characters.length) return false;
  return agree(characters, before) && agree(characters.reverse(), after.reverse());
}

/** Whether a text may begin as the pattern does, as far as both are told. */
function agree(pattern: readonly string[], text: readonly string[]): boolean {
  for (const [index, one] of text.entries()) {
    const wanted = pattern[index];
    if (wanted === undefined || wanted === '*') return true;
    if (wanted !== '?' && wanted !== one) return false;
  }
  return true;
}
