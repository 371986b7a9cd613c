import { GatewayError } from '../core/index.js';
import type { AttributeChange } from './coercion.js';
import { encodeText, isAsciiText } from './character-set-encode.js';
import { decodeText } from './character-set.js';
import { Dataset } from './dataset.js';
import { attributeByTag } from './dictionary.js';
import { resolveVr } from './resolve-vr.js';
import type { Survey } from './survey.js';
import { formatTag, type Tag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import { swapValue } from './value-order.js';
import type { Vr } from './vr.js';
import { vrTraits } from './vr.js';

/** The values that a survey has found; of those that come again the last ones. */
export function surveyedDataset({ elements }: Survey, syntax: TransferSyntax): Dataset {
  const dataset = new Dataset();
  for (const [tag, found] of elements) {
    const last = found.at(-1);
    if (last === undefined) continue;
    const value = Buffer.from(last.value);
    if (syntax.byteOrder === 'big') swapValue(value, last.vr);
    const implicit = syntax.vr === 'implicit';
    dataset.setBytes(tag, resolveVr(tag, last.vr, { implicit, signed: false }), value);
  }
  return dataset;
}

/**
 * Changes that give attributes these texts, in the character set of the dataset. A dataset that names none and holds
 * nothing but ASCII is given the first of `characterSets` that holds them, which is one more change.
 *
 * @throws GatewayError `bad-request` for a text that cannot be written in it
 * @see PS3.3 C.12.1.1.2
 */
export function textFor(
  texts: readonly { readonly tag: Tag; readonly vr: Vr; readonly text: string | undefined }[],
  {
    dataset,
    isAscii,
    characterSets,
  }: { dataset: Dataset; isAscii: boolean; characterSets: readonly string[] },
): readonly AttributeChange[] {
  const wide = texts.flatMap(({ text = '' }) => (isAsciiText(text) ? [] : [text]));
  const declared = dataset.characterSet;
  const isFree = declared.length === 0 && isAscii;
  const chosen =
    isFree && wide.length > 0 ? encodeText(wide.join('\\'), characterSets).characterSet : undefined;
  const characterSet = chosen?.split('\\') ?? declared;
  const changes = texts.map(({ tag, vr, text }) => ({
    tag,
    vr,
    value: text === undefined ? undefined : written(text, { tag, vr }, characterSet),
  }));
  if (chosen === undefined) return changes;
  const value = Buffer.from(chosen, 'latin1');
  return [{ tag: Tags.SpecificCharacterSet, vr: 'CS', value }, ...changes];
}

function written(
  text: string,
  { tag, vr }: { readonly tag: Tag; readonly vr: Vr },
  characterSet: readonly string[],
): Buffer {
  const terms = vrTraits(vr).encoded ? characterSet : [];
  const bytes = bytesIn(text, terms);
  // Not even ASCII is the same in all of them.
  if (bytes && decodeText(bytes, terms, vr) === text) return bytes;
  const what = attributeByTag(tag)?.keyword ?? formatTag(tag);
  throw new GatewayError(
    'bad-request',
    `The value for ${what} cannot be written in the character set of the instance (${terms.join('\\') || 'none'}).`,
  );
}

function bytesIn(text: string, terms: readonly string[]): Buffer | undefined {
  try {
    return encodeText(text, terms.length === 0 ? [] : [terms.join('\\')]).bytes;
  } catch {
    return undefined;
  }
}
