import { GatewayError } from '../core/index.js';
import type { DicomJsonElement, DicomJsonObject } from './dicom-json-value.js';
import { creatorOf, inBlock, isPrivateCreator, reservationOf, reservationsOf } from './private-block.js';
import { formatTag, parseTag, type Tag } from './tag.js';

/** A private attribute as XML names it: by its creator. */
export interface CreatedAttribute {
  /** Its group and the last eight bits of its element count; a block between them is a wish. */
  readonly tag: Tag;
  readonly creator: string;
  readonly element: DicomJsonElement;
}

/** The blocks of one group. */
interface GroupBlocks {
  /** The first block of each creator, by the element that reserves it. */
  readonly byCreator: Map<string, Tag>;
  readonly taken: Set<Tag>;
  /** Where the search for a free one goes on. */
  readonly candidates: Iterator<Tag>;
}

/** The blocks of one dataset or item, as far as it says itself, and then as they are given out. */
class Blocks {
  readonly #object: DicomJsonObject;
  readonly #groups = new Map<number, GroupBlocks>();

  constructor(object: DicomJsonObject) {
    this.#object = object;
    for (const name of Object.keys(object).sort()) {
      const tag = parseTag(name) ?? 0;
      if (!isPrivateCreator(tag)) continue;
      const { byCreator, taken } = this.#groupOf(tag);
      const creator = creatorOf(object[name]);
      taken.add(tag);
      if (creator !== undefined && !byCreator.has(creator)) byCreator.set(creator, tag);
    }
  }

  /** Where the attribute belongs. @throws GatewayError `bad-request` when all blocks of its group are taken */
  tagOf({ tag, creator }: CreatedAttribute): Tag {
    const wished = reservationOf(tag);
    if (wished !== undefined && creatorOf(this.#object[formatTag(wished)]) === creator) return tag;
    const { byCreator } = this.#groupOf(tag);
    const reservation = byCreator.get(creator) ?? this.#reserve(tag, creator);
    byCreator.set(creator, reservation);
    return inBlock(reservation, tag);
  }

  #groupOf(tag: Tag): GroupBlocks {
    const group = tag >>> 16;
    const known = this.#groups.get(group);
    if (known !== undefined) return known;
    const blocks = { byCreator: new Map(), taken: new Set<Tag>(), candidates: reservationsOf(tag) };
    this.#groups.set(group, blocks);
    return blocks;
  }

  #reserve(tag: Tag, creator: string): Tag {
    const { taken, candidates } = this.#groupOf(tag);
    for (let next = candidates.next(); next.done !== true; next = candidates.next()) {
      if (taken.has(next.value)) continue;
      this.#object[formatTag(next.value)] = { vr: 'LO', Value: [creator] };
      return next.value;
    }
    throw new GatewayError('bad-request', 'A private group has too many creators.');
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
  if (attributes.length === 0) return;
  const blocks = new Blocks(object);
  for (const attribute of attributes) {
    const name = formatTag(blocks.tagOf(attribute));
    if (Object.hasOwn(object, name))
      throw new GatewayError('bad-request', 'A private attribute comes twice in a dataset.');
    object[name] = attribute.element;
  }
}
