/** Controls, and marks that turn what follows round: a name could look like another one by them. */
const UNSEEN = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** A text in which nothing is done unseen: such characters stand there by their numbers. */
export const visibleText = (text: string): string =>
  text.replace(
    UNSEEN,
    (mark) => `\u27e8U+${(mark.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}\u27e9`,
  );
