import { itemsOf, valueText, type Attribute, type Row } from './dicom.js';
import { texts } from './texts.js';

const t = texts.attributes;

/** One line of the tree of attributes. */
export interface AttributeRow {
  /** Of its place in the tree. */
  readonly id: string;
  readonly depth: number;
  readonly tag: string;
  readonly vr: string;
  readonly name: string;
  /** As text; of a sequence nothing. */
  readonly value: string;
  /** Items of a sequence, elements of an item; undefined for what has nothing below it. */
  readonly below: number | undefined;
  readonly bulkDataUri: string | undefined;
}

/** Characters of a value that are shown, and looked at. */
const MOST_CHARACTERS = 2000;

export type Names = Readonly<Partial<Record<string, string>>>;

export const tagText = (tag: string): string => `(${tag.slice(0, 4)},${tag.slice(4)})`;

function* rowsBelow(row: Row, names: Names, at: { id: string; depth: number }): Generator<AttributeRow> {
  for (const tag of Object.keys(row).sort()) {
    const attribute = row[tag];
    if (!attribute) continue;
    const id = `${at.id}/${tag}`;
    const isSequence = attribute.vr === 'SQ';
    const items = isSequence ? itemsOf(row, tag) : [];
    yield {
      id,
      depth: at.depth,
      tag,
      vr: attribute.vr,
      name: names[tag] ?? '',
      value: isSequence ? '' : textOfAttribute(attribute),
      below: isSequence ? items.length : undefined,
      bulkDataUri: attribute.BulkDataURI,
    };
    for (const [index, item] of items.entries()) {
      const itemId = `${id}/${index + 1}`;
      const below = Object.keys(item).length;
      yield {
        id: itemId,
        depth: at.depth + 1,
        tag: '',
        vr: '',
        name: String(index + 1),
        value: '',
        below,
        bulkDataUri: undefined,
      };
      yield* rowsBelow(item, names, { id: itemId, depth: at.depth + 2 });
    }
  }
}

function textOfAttribute({ vr, Value = [], InlineBinary }: Attribute): string {
  if (InlineBinary !== undefined) return t.base64(cut(InlineBinary));
  return cut(Value.map((value) => valueText(value, vr)).join(' \\ '));
}

/** What is left out is told. */
const cut = (text: string): string =>
  text.length <= MOST_CHARACTERS ? text : t.cut(text.slice(0, MOST_CHARACTERS), text.length);

/** All attributes of an instance, each after what it is in. */
export const attributeRows = (row: Row, names: Names): readonly AttributeRow[] => [
  ...rowsBelow(row, names, { id: '', depth: 0 }),
];

/** What a filter leaves: the rows that it finds, and what they are in. */
export function filtered(rows: readonly AttributeRow[], filter: string): readonly AttributeRow[] {
  const text = filter.trim().toLowerCase();
  const asTag = text.replace(/[(),\s]/g, '');
  const found = new Set<string>();
  for (const { id, tag, name, value } of rows) {
    const isFound =
      name.toLowerCase().includes(text) ||
      value.toLowerCase().includes(text) ||
      (asTag.length >= 4 && tag.toLowerCase().includes(asTag));
    if (!isFound) continue;
    const parts = id.split('/');
    for (let length = 2; length <= parts.length; length += 1) found.add(parts.slice(0, length).join('/'));
  }
  return rows.filter(({ id }) => found.has(id));
}

/** What is seen while only some rows with something below them are open. */
export function opened(rows: readonly AttributeRow[], open: ReadonlySet<string>): readonly AttributeRow[] {
  const seen: AttributeRow[] = [];
  let hidden: string | undefined;
  for (const row of rows) {
    if (hidden !== undefined && row.id.startsWith(hidden)) continue;
    hidden = undefined;
    seen.push(row);
    if (row.below !== undefined && !open.has(row.id)) hidden = `${row.id}/`;
  }
  return seen;
}
