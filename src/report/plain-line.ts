/** Characters that turn the direction of what follows them, up to the end of the line; C0 and C1 are both Cc. */
const controls = /[\p{Cc}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u;
const rightToLeft = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const FIRST_STRONG_ISOLATE = '\u2068';
const POP_ISOLATE = '\u2069';
const REPLACEMENT = '\uFFFD';

/**
 * `text`, which is one line, without control characters but tabs; where it is written from right to left, or could turn what
 * stands beside it, it is isolated, and nothing in it ends that.
 *
 * @see UAX 9 2.4
 */
export function plainLine(text: string): string {
  if (!controls.test(text) && !rightToLeft.test(text)) return text;
  let open = 0;
  let result = '';
  for (const character of text) {
    if (/[\u2066-\u2068]/.test(character)) open += 1;
    const isStray = character === POP_ISOLATE && open === 0;
    if (character === POP_ISOLATE && open > 0) open -= 1;
    result += isStray || (/\p{Cc}/u.test(character) && character !== '\t') ? REPLACEMENT : character;
  }
  return FIRST_STRONG_ISOLATE + result + POP_ISOLATE.repeat(open + 1);
}
