import type { DicomJsonElement } from './dicom-json-value.js';
import { isPrivateTag, type Tag } from './tag.js';

const firstBlock = 0x10;
const lastBlock = 0xff;

/** Whether the element reserves a block of its group: (gggg,0010) to (gggg,00FF). @see PS3.5 7.8.1 */
export function isPrivateCreator(tag: Tag): boolean {
  const element = tag & 0xffff;
  return isPrivateTag(tag) && element >= firstBlock && element <= lastBlock;
}

/** The creator that an element names which reserves a block; undefined when it names none. */
export function creatorOf(element: DicomJsonElement | undefined): string | undefined {
  const value = element?.Value?.[0];
  return typeof value === 'string' ? value : undefined;
}

/** The element that reserves the block of a private one; undefined for one outside of any block. */
export function reservationOf(tag: Tag): Tag | undefined {
  const block = (tag >>> 8) & 0xff;
  return isPrivateTag(tag) && block >= firstBlock ? ((tag & 0xffff0000) | block) >>> 0 : undefined;
}

/** An element of the block that `reservation` reserves, by its last eight bits. */
export function inBlock(reservation: Tag, element: number): Tag {
  return ((reservation & 0xffff0000) | ((reservation & 0xff) << 8) | (element & 0xff)) >>> 0;
}

/** The elements that can reserve a block of the group of `tag`, in ascending order. */
export function* reservationsOf(tag: Tag): Generator<Tag> {
  for (let block = firstBlock; block <= lastBlock; block++) yield ((tag & 0xffff0000) | block) >>> 0;
}
