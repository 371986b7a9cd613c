import { attributeByTag } from './dictionary.js';
import { isPrivateTag, type Tag } from './tag.js';
import { vrTraits, type Vr } from './vr.js';

/** What decides the VR where the encoding leaves it open. */
export interface VrContext {
  /** The element's header names no VR: Implicit VR, or a sequence written as UN. */
  readonly implicit: boolean;
  /** (0028,0103) of the dataset or of one around it. */
  readonly signed: boolean;
}

/**
 * The VR to read a value with: a UN that PS3.6 knows is what PS3.6 says, and "US or SS" goes by Pixel Representation.
 *
 * An explicit US is taken at its word. UN stays where the dictionary says SQ, for then nobody knows how its items are
 * encoded, and where it says a VR of bytes, whose byte order nobody knows.
 *
 * @see PS3.5 6.2.2
 */
export function resolveVr(tag: Tag, vr: Vr, context: VrContext): Vr {
  if (vr === 'UN' && !isPrivateTag(tag)) {
    const known = attributeByTag(tag);
    if (known === undefined || !isPlainValue(known.vr)) return 'UN';
    return known.signedByPixelRepresentation && context.signed ? 'SS' : known.vr;
  }
  if (vr !== 'US' || !context.implicit || !context.signed) return vr;
  return attributeByTag(tag)?.signedByPixelRepresentation ? 'SS' : 'US';
}

function isPlainValue(vr: Vr): boolean {
  return vr !== 'SQ' && (vrTraits(vr).text || !vr.startsWith('O'));
}
