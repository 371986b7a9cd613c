/** A tag as an unsigned 32 bit number: group in the upper, element in the lower 16 bits. */
export type Tag = number;

const TAG_TEXT = /^[0-9A-Fa-f]{8}$/;

/** The tag as eight upper-case hexadecimal digits: `0020000D`. */
export function formatTag(tag: Tag): string {
  return tag.toString(16).toUpperCase().padStart(8, '0');
}

/** The tag that exactly eight hexadecimal digits spell, else undefined. */
export function parseTag(hex: string): Tag | undefined {
  return TAG_TEXT.test(hex) ? Number.parseInt(hex, 16) : undefined;
}

/** Whether the tag's group is odd, which makes it private. @see PS3.5 7.8 */
export function isPrivateTag(tag: Tag): boolean {
  return (tag & 0x10000) !== 0;
}

/** Whether the tag is a group length (gggg,0000). @see PS3.5 7.2 */
export function isGroupLength(tag: Tag): boolean {
  return (tag & 0xffff) === 0;
}

/** Whether the tag is of the group of items and of the ends of items and sequences, which has no attributes. @see PS3.5 7.5 */
export function isDelimiter(tag: Tag): boolean {
  return tag >>> 16 === 0xfffe;
}
