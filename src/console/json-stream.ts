const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;

/**
 * Reads a JSON array of objects piece by piece, and gives each object as soon as its last character is there.
 *
 * An array that ends early is an error, never a shorter array.
 */
export class JsonArrayReader {
  /** What came of the object that is open. */
  #open = '';
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #isOver = false;

  /** The objects that `text` completes. @throws SyntaxError */
  push(text: string): readonly unknown[] {
    const found: unknown[] = [];
    let from = 0;
    for (let at = 0; at < text.length; at += 1) {
      const before = this.#depth;
      this.#step(text.charCodeAt(at));
      if (before === 1 && this.#depth === 2) from = at;
      if (before === 2 && this.#depth === 1) {
        found.push(JSON.parse(this.#open + text.slice(from, at + 1)));
        this.#open = '';
      }
    }
    if (this.#depth >= 2) this.#open += text.slice(from);
    return found;
  }

  /** The text is over. @throws SyntaxError when the array is not */
  end(): void {
    if (!this.#isOver) throw new SyntaxError('The list ended before its end.');
  }

  #step(code: number): void {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (code === BACKSLASH) this.#isEscaped = true;
      else if (code === QUOTE) this.#isInString = false;
    } else if (code === QUOTE) this.#isInString = true;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) this.#depth += 1;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      this.#depth -= 1;
      this.#isOver = this.#depth === 0;
    }
  }
}
