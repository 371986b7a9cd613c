import { GatewayError } from '../core/index.js';
import {
  attributeByKeyword,
  attributeByTag,
  formatTag,
  isKeywordInAnyCase,
  isPrivateTag,
  parseTag,
  type Tag,
  type Vr,
} from '../dicom/index.js';

/** An attribute that a query names, within sequences if need be. */
export interface AttributePath {
  readonly path: readonly [Tag, ...Tag[]];
  /** Of the last attribute; UN for a tag that the dictionary does not have. */
  readonly vr: Vr;
  /** For messages: keywords where there are any, else tags. */
  readonly name: string;
  /** Whether the dictionary knows the attribute. */
  readonly known: boolean;
}

/** Nested deeper, an identifier could not be read by our own reader. */
const maxDepth = 64;

interface Step {
  readonly tag: Tag;
  readonly vr: Vr;
  readonly name: string;
  readonly known: boolean;
}

/** A tag as the standard prints it, (0010,0010), or nearly so. */
const printedTag = /^[([{]?\s*(?:0x)?[0-9a-f]{4}[\s,:]*(?:0x)?[0-9a-f]{4}\s*[)\]}]?$/i;

/**
 * Whether a parameter's name can only be meant as an attribute: a keyword, a tag or a path of them. A keyword in other
 * letters (`patientID`) is none, nor is a tag with its parentheses and comma, but to pass it over as some vendor's option
 * would list what was not asked for.
 */
export function looksLikeAttribute(name: string): boolean {
  return /^[A-Z0-9]/.test(name) || name.includes('.') || printedTag.test(name) || isKeywordInAnyCase(name);
}

/**
 * The attribute that `text` names by tag or keyword, or by a path of them with dots.
 *
 * @throws GatewayError `bad-request` for an unknown keyword, what is no tag, or a path through what is no sequence.
 * @see PS3.18 8.3.4.1
 */
export function parseAttributePath(text: string): AttributePath {
  const names = text.split('.', maxDepth + 1);
  if (names.length > maxDepth) throw new GatewayError('bad-request', 'The query nests too deep.');
  const [first, ...rest] = names.map(parseStep);
  if (first === undefined) throw unknownAttribute();
  const steps: readonly [Step, ...Step[]] = [first, ...rest];
  const through = steps.slice(0, -1).find((step) => step.vr !== 'SQ');
  if (through) throw new GatewayError('bad-request', `${through.name} is not a sequence.`);
  const last = steps.at(-1) ?? first;
  return {
    path: [first.tag, ...rest.map((step) => step.tag)],
    vr: last.vr,
    name: steps.map((step) => step.name).join('.'),
    known: last.known,
  };
}

function parseStep(text: string): Step {
  const tag = parseTag(text);
  const info = tag === undefined ? attributeByKeyword(text) : attributeByTag(tag);
  if (info) {
    // The entry of a repeating group has the first group's tag.
    const own = tag ?? info.tag;
    const name = isPrivateTag(own) ? formatTag(own) : info.keyword;
    return { tag: own, vr: info.vr, name, known: true };
  }
  if (tag === undefined) throw unknownAttribute();
  return { tag, vr: 'UN', name: formatTag(tag), known: false };
}

/** Says no name: a wrongly built query may have a patient's in its place. */
const unknownAttribute = (): GatewayError =>
  new GatewayError(
    'bad-request',
    'The query names an attribute that is neither a keyword of PS3.6 nor a tag of eight hexadecimal digits, such as 00100010.',
  );

/** The Private Creator element that reserves the block of a private tag; undefined for creators themselves. */
export function privateCreatorOf(tag: Tag): Tag | undefined {
  const block = (tag & 0xffff) >>> 8;
  return isPrivateTag(tag) && block >= 0x10 ? ((tag & 0xffff0000) | block) >>> 0 : undefined;
}
