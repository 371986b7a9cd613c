import { dictionaryEntries } from './dcmjs.js';
import { formatTag, isPrivateTag, type Tag } from './tag.js';
import { isVr, type Vr } from './vr.js';

/** What PS3.6 says of an attribute. */
export interface AttributeInfo {
  readonly tag: Tag;
  readonly keyword: string;
  /** Of a choice the one that implicit encoding implies: US of "US or SS", OW of "OB or OW". */
  readonly vr: Vr;
  readonly vm: string;
  /** True when PS3.6 says "US or SS": Pixel Representation decides. */
  readonly signedByPixelRepresentation?: boolean;
}

interface Dictionary {
  readonly byTag: ReadonlyMap<Tag, AttributeInfo>;
  readonly byKeyword: ReadonlyMap<string, AttributeInfo>;
}

const RETIRED = 'RETIRED_';
/** How dcmjs spells a choice of value representations. @see PS3.5 A.1 */
const choices: Readonly<Record<string, Vr>> = { xs: 'US', ox: 'OW', lt: 'OW', up: 'UL' };

/** What dcmjs has wrong, by its tag. @see PS3.6 6 */
const mistakes: Readonly<Record<string, Vr>> = {
  '(0068,62F0)': 'SQ',
  '(0070,150C)': 'UL',
  '(0076,0034)': 'SQ',
};

let dictionary: Dictionary | undefined;

/** What PS3.6 says of `tag`; private creators are LO, group lengths UL, and a repeating group has its first one's entry. */
export function attributeByTag(tag: Tag): AttributeInfo | undefined {
  const { byTag } = (dictionary ??= load());
  return byTag.get(tag) ?? byTag.get(firstOfRepeating(tag)) ?? byRule(tag);
}

/** What PS3.6 says of the attribute called `keyword`. */
export function attributeByKeyword(keyword: string): AttributeInfo | undefined {
  return (dictionary ??= load()).byKeyword.get(keyword);
}

/** The keyword of every attribute of PS3.6 by its tag, eight digits. */
export function allKeywords(): Readonly<Record<string, string>> {
  const { byTag } = (dictionary ??= load());
  return Object.fromEntries(Array.from(byTag, ([tag, { keyword }]) => [formatTag(tag), keyword]));
}

let keywordsInLowerCase: ReadonlySet<string> | undefined;

/** Whether `text` is a keyword of PS3.6 but for its upper and lower case. */
export function isKeywordInAnyCase(text: string): boolean {
  const { byKeyword } = (dictionary ??= load());
  keywordsInLowerCase ??= new Set(Array.from(byKeyword.keys(), (keyword) => keyword.toLowerCase()));
  return keywordsInLowerCase.has(text.toLowerCase());
}

function load(): Dictionary {
  const byTag = new Map<Tag, AttributeInfo>();
  const byKeyword = new Map<string, AttributeInfo>();
  for (const entry of dictionaryEntries()) {
    const vr = mistakes[entry.tag] ?? (isVr(entry.vr) ? entry.vr : choices[entry.vr]);
    if (vr === undefined) continue;
    const retired = entry.name.startsWith(RETIRED);
    const info: AttributeInfo = {
      tag: Number.parseInt(entry.tag.slice(1, 5) + entry.tag.slice(6, 10), 16),
      keyword: retired ? entry.name.slice(RETIRED.length) : entry.name,
      vr,
      vm: entry.vm,
      ...(entry.vr === 'xs' && { signedByPixelRepresentation: true }),
    };
    byTag.set(info.tag, info);
    // A keyword in use is never taken over by a retired namesake.
    if (!retired || !byKeyword.has(info.keyword)) byKeyword.set(info.keyword, info);
  }
  return { byTag, byKeyword };
}

/** Curves (50xx), overlays (60xx) and variable pixel data (7Fxx) repeat in the even groups. @see PS3.5 7.6 */
function firstOfRepeating(tag: Tag): Tag {
  const family = tag >>> 24;
  const repeats = family === 0x50 || family === 0x60 || family === 0x7f;
  return repeats && !isPrivateTag(tag) ? (tag & 0xff00ffff) >>> 0 : tag;
}

function byRule(tag: Tag): AttributeInfo | undefined {
  const element = tag & 0xffff;
  if (element === 0) return { tag, keyword: 'GenericGroupLength', vr: 'UL', vm: '1' };
  if (isPrivateTag(tag) && element >= 0x10 && element <= 0xff) {
    return { tag, keyword: 'PrivateCreator', vr: 'LO', vm: '1' };
  }
  return undefined;
}
