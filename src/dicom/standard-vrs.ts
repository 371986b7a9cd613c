/** Datasets that somebody else wrote, held to the value representations of PS3.6. */
import { GatewayError } from '../core/index.js';
import type { DicomJsonElement, DicomJsonObject } from './dicom-json-value.js';
import { attributeByTag } from './dictionary.js';
import { formatTag, isPrivateTag } from './tag.js';
import { isVr, vrTraits, type Vr } from './vr.js';

/**
 * That no value of a standard attribute has a VR in which it would be encoded otherwise than in that of PS3.6: where the
 * encoding names none it would be read as something else, and by many readers everywhere.
 *
 * VRs of text but UI pass for each other, as those of numbers of one width and bytes do: editions of the standard have changed some, and
 * it leaves a choice of others. So do UN, private attributes, what PS3.6 does not have (yet), and what has no value.
 *
 * @throws GatewayError `bad-request` that names the attribute
 * @see PS3.5 6.2, A.1
 */
export function requireStandardVrs(object: DicomJsonObject): void {
  for (const [name, element] of Object.entries(object)) {
    requireStandardVr(Number.parseInt(name, 16), element);
    if (element.vr === 'SQ')
      for (const item of (element.Value ?? []) as readonly DicomJsonObject[]) requireStandardVrs(item);
  }
}

function requireStandardVr(tag: number, { vr, ...value }: DicomJsonElement): void {
  const known = isPrivateTag(tag) || Object.keys(value).length === 0 ? undefined : attributeByTag(tag);
  if (known === undefined || !isVr(vr) || isEncodedAlike(vr, known.vr)) return;
  const name = formatTag(tag);
  throw new GatewayError(
    'bad-request',
    `${known.keyword} (${name.slice(0, 4)},${name.slice(4)}) has the VR ${vr}, in the standard ${known.vr}.`,
  );
}

const isFloat = (vr: Vr): boolean => vr === 'FL' || vr === 'FD' || vr === 'OF' || vr === 'OD';

function isEncodedAlike(vr: Vr, standard: Vr): boolean {
  if (vr === standard || vr === 'UN') return true;
  if (vr.startsWith('O') && standard.startsWith('O')) return true;
  const [one, other] = [vrTraits(vr), vrTraits(standard)];
  // UI alone is padded by zero bytes.
  if (one.text || other.text) return one.text && other.text && vr !== 'UI' && standard !== 'UI';
  const isApart = [vr, standard].some((each) => each === 'SQ' || each === 'AT' || each === 'OB');
  return !isApart && one.unit === other.unit && isFloat(vr) === isFloat(standard);
}
