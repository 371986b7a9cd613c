import { readElements, type ReadElement } from './independent-reader.js';

/** What an instance says of its attributes that were changed: the first value of each, by tag. */
export type Modification = Readonly<Record<string, string>>;

const text = (value: Buffer): string => value.toString('latin1').replace(/[\0 ]+$/, '');
const ORIGINALS = /^04000561\/(\d+)\/(?:04000550\/0\/)?([0-9A-F]{8})$/;

/** The items of Original Attributes Sequence, their modified attributes among the others. */
export function modificationsOf(elements: readonly ReadElement[]): readonly Modification[] {
  const items: Record<string, string>[] = [];
  for (const { path, value } of elements) {
    const [, index, tag] = ORIGINALS.exec(path) ?? [];
    if (index !== undefined && tag !== undefined) (items[Number(index)] ??= {})[tag] = text(value);
  }
  return items;
}

/** Everything but these attributes, group lengths and what the sequence says, in the order of the dataset. */
export function othersIn(
  dataset: Buffer,
  transferSyntaxUid: string,
  changed: readonly string[],
  vrOf?: Parameters<typeof readElements>[2],
): readonly ReadElement[] {
  return readElements(dataset, transferSyntaxUid, vrOf).filter(
    ({ path }) => !changed.includes(path) && !path.startsWith('04000561') && !/^[0-9A-F]{4}0000$/.test(path),
  );
}
