import { GatewayError } from '../core/index.js';
import type { DicomJsonElement, DicomJsonObject } from './dicom-json-value.js';
import { creatorOf, inBlock, reservationOf, reservationsOf } from './private-block.js';
import { formatTag, type Tag } from './tag.js';

/** A private attribute as XML names it: by its creator. */
export interface CreatedAttribute {
  /** Its group and the last eight bits of its element count; a block between them is a wish. */
  readonly tag: Tag;
  readonly creator: string;
  readonly element: DicomJsonElement;
}

const keyOf = (tag: Tag, creator: string): string => `${tag >>> 16} ${creator}`;

/** The blocks of one dataset or item, as far as it says itself, and then as they are given out. */
class Blocks {
  readonly #object: DicomJsonObject;
  /** The block of a creator in a group. */
  readonly #found = new Map<string, Tag>();

  constructor(object: DicomJsonObject) {
    this.#object = object;
  }

  /** Where the attribute belongs. @throws GatewayError `bad-request` when all blocks of its group are taken */
  tagOf({ tag, creator }: CreatedAttribute): Tag {
    const wished = reservationOf(tag);
    if (wished !== undefined && creatorOf(this.#object[formatTag(wished)]) === creator) return tag;
    const key = keyOf(tag, creator);
    const reservation = this.#found.get(key) ?? this.#find(tag, creator);
    this.#found.set(key, reservation);
    return inBlock(reservation, tag);
  }

  #find(tag: Tag, creator: string): Tag {
    let free: Tag | undefined;
    for (const reservation of reservationsOf(tag)) {
      const element = this.#object[formatTag(reservation)];
      if (creatorOf(element) === creator) return reservation;
      if (element === undefined) free ??= reservation;
    }
    if (free === undefined) throw new GatewayError('bad-request', 'A private group has too many creators.');
    this.#object[formatTag(free)] = { vr: 'LO', Value: [creator] };
    return free;
  }
}

/**
 * Puts private attributes into the dataset that they belong to: into the block that it reserves for their creator, or into
 * a free one, which is then reserved.
 *
 * @throws GatewayError `bad-request` when two come to the same place, or there is none
 * @see PS3.5 7.8.1 (J-18)
 */
export function placePrivate(object: DicomJsonObject, attributes: readonly CreatedAttribute[]): void {
  const blocks = new Blocks(object);
  for (const attribute of attributes) {
    const name = formatTag(blocks.tagOf(attribute));
    if (Object.hasOwn(object, name))
      throw new GatewayError('bad-request', 'A private attribute comes twice in a dataset.');
    object[name] = attribute.element;
  }
}
