/** An archive of three levels as a peer may answer for it, and what of it matches by the rules of PS3.4 C.2.2.2. */
import { baselineQueryOptions } from '../../src/core/index.js';
import { Dataset, type Tag } from '../../src/dicom/index.js';
import type { SearchLevel } from '../../src/dicomweb/index.js';
import type { SearchSource } from '../../src/gateway/search-run.js';
import { sourceOf } from './fake-archive.js';

export interface LevelAttribute {
  readonly name: string;
  readonly level: SearchLevel;
  readonly path: readonly [Tag, ...Tag[]];
  readonly vr: 'CS' | 'DA' | 'IS' | 'LO' | 'LT' | 'SH' | 'UI';
  /** Every peer must support it as a key. */
  readonly required?: true;
}

export const levelAttributes = [
  { name: 'StudyInstanceUID', level: 'STUDY', path: [0x0020000d], vr: 'UI', required: true },
  { name: 'PatientID', level: 'STUDY', path: [0x00100020], vr: 'LO', required: true },
  { name: 'StudyDate', level: 'STUDY', path: [0x00080020], vr: 'DA', required: true },
  { name: 'StudyDescription', level: 'STUDY', path: [0x00081030], vr: 'LO' },
  { name: 'ModalitiesInStudy', level: 'STUDY', path: [0x00080061], vr: 'CS' },
  { name: 'SeriesInstanceUID', level: 'SERIES', path: [0x0020000e], vr: 'UI', required: true },
  { name: 'Modality', level: 'SERIES', path: [0x00080060], vr: 'CS', required: true },
  { name: 'SeriesNumber', level: 'SERIES', path: [0x00200011], vr: 'IS', required: true },
  { name: 'SeriesDescription', level: 'SERIES', path: [0x0008103e], vr: 'LO' },
  {
    name: 'RequestAttributesSequence.ScheduledProcedureStepID',
    level: 'SERIES',
    path: [0x00400275, 0x00400009],
    vr: 'SH',
  },
  { name: 'SOPInstanceUID', level: 'IMAGE', path: [0x00080018], vr: 'UI', required: true },
  { name: 'InstanceNumber', level: 'IMAGE', path: [0x00200013], vr: 'IS', required: true },
  { name: 'SOPClassUID', level: 'IMAGE', path: [0x00080016], vr: 'UI' },
  { name: 'ImageComments', level: 'IMAGE', path: [0x00204000], vr: 'LT' },
] as const satisfies readonly LevelAttribute[];
export type LevelName = (typeof levelAttributes)[number]['name'];

/** The values of one entity and of those that it belongs to. */
export type Entity = Readonly<Partial<Record<LevelName, readonly string[]>>>;
/** All entities of each level. */
export type Holdings = Readonly<Record<SearchLevel, readonly Entity[]>>;

const order: readonly SearchLevel[] = ['STUDY', 'SERIES', 'IMAGE'];
const uidNames = ['StudyInstanceUID', 'SeriesInstanceUID', 'SOPInstanceUID'] as const;
const attributes: readonly (LevelAttribute & { readonly name: LevelName })[] = levelAttributes;

export const uidNameOf = (level: SearchLevel): (typeof uidNames)[number] =>
  uidNames[order.indexOf(level)] ?? 'SOPInstanceUID';
const isAbove = (upper: SearchLevel, level: SearchLevel): boolean =>
  order.indexOf(upper) < order.indexOf(level);

function isMatch({ vr }: LevelAttribute, asked: string, stored: string): boolean {
  if (vr === 'UI') return asked === stored;
  if (vr === 'IS') return Number(asked) === Number(stored);
  if (vr === 'DA') {
    const [from = '', to = from] = asked.split('-');
    return stored >= from && (to === '' || stored <= to);
  }
  const text = asked
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${text}$`, 'su').test(stored);
}

/** The keys that `entity` does not match; what it has no value of is unknown, and matches. */
export function violated(keys: ReadonlyMap<LevelName, string>, entity: Entity): readonly LevelName[] {
  return [...keys].flatMap(([name, value]) => {
    const attribute = attributes.find((one) => one.name === name);
    const stored = entity[name] ?? [];
    if (attribute === undefined || value === '' || stored.length === 0) return [];
    const isList = attribute.vr === 'UI' || name === 'ModalitiesInStudy';
    const wanted = isList ? value.split(/[,\\]/) : [value];
    return wanted.some((one) => stored.some((held) => isMatch(attribute, one, held))) ? [] : [name];
  });
}

/** Whether `entity` has no value of an optional key, which is no match where the peer is seen to return it. */
export function isUnknown(keys: ReadonlyMap<LevelName, string>, entity: Entity): boolean {
  return [...keys].some(([name, value]) => {
    const attribute = attributes.find((one) => one.name === name);
    const isOptional = attribute !== undefined && attribute.required !== true && name !== 'ModalitiesInStudy';
    return isOptional && !/^\**$/.test(value) && (entity[name] ?? []).length === 0;
  });
}

/** What a peer makes of keys, and what it returns of those that it passes over. */
export interface LevelPeer {
  /** It takes keys of all levels at once; else those of one, below unique keys with one value each. */
  readonly isRelational: boolean;
  readonly heeds: 'all' | 'required' | 'none';
  readonly returns: 'all' | 'heeded' | 'emptied';
  /** It shows what belongs to others as well, and says to whom. */
  readonly ignoresParents: boolean;
}

const valueIn = (identifier: Dataset, [tag, within]: readonly [Tag, ...Tag[]]): string | undefined => {
  if (!identifier.has(tag)) return undefined;
  if (within === undefined) return identifier.strings(tag).join('\\');
  const [item] = identifier.items(tag);
  return item?.has(within) === true ? item.strings(within).join('\\') : undefined;
};

/** The rows of the peer, by what it was sent alone. @throws Error for an identifier that no such peer may be sent */
function levelRows(
  peer: LevelPeer,
  holdings: Holdings,
  level: SearchLevel,
  identifier: Dataset,
): readonly Dataset[] {
  const isHeeded = (attribute: LevelAttribute): boolean =>
    peer.heeds === 'all' || (peer.heeds === 'required' && attribute.required === true);
  const keys = new Map<LevelName, string>();
  const asked = attributes.flatMap((attribute) => {
    const value = valueIn(identifier, attribute.path);
    return value === undefined ? [] : [{ attribute, value }];
  });
  for (const { attribute, value } of asked) {
    const { name, level: own } = attribute;
    const isParent = isAbove(own, level) && (uidNames as readonly string[]).includes(name);
    if (isAbove(level, own)) throw new Error(`${name} below the level ${level}`);
    if (!peer.isRelational && isAbove(own, level) && !isParent) throw new Error(`${name} above ${level}`);
    if (!peer.isRelational && isParent && (value === '' || value.includes('\\')))
      throw new Error(`${name} without one value`);
    if (isParent ? !peer.ignoresParents : isHeeded(attribute)) keys.set(name, value);
  }
  const parents = order.slice(0, order.indexOf(level)).map(uidNameOf);
  if (!peer.isRelational && !parents.every((name) => asked.some(({ attribute }) => attribute.name === name)))
    throw new Error(`not all unique keys above ${level}`);
  return holdings[level]
    .filter((entity) => violated(keys, entity).length === 0)
    .map((entity) => rowOf(entity, [...parents, uidNameOf(level)]));

  function rowOf(entity: Entity, uids: readonly LevelName[]): Dataset {
    const row = new Dataset();
    for (const attribute of attributes) {
      const { name, path, vr } = attribute;
      const isUid = uids.includes(name);
      const isAsked = asked.some((one) => one.attribute === attribute);
      const isReturned = peer.returns !== 'heeded' || isHeeded(attribute);
      if (!isUid && !(isAsked && isReturned)) continue;
      const isEmptied = !isUid && peer.returns === 'emptied' && !isHeeded(attribute);
      const values = isEmptied ? [] : (entity[name] ?? []);
      const [tag, within] = path;
      if (within === undefined) row.setString(tag, values, vr);
      else
        row.setItems(
          tag,
          values.map((value) => new Dataset().setString(within, value, vr)),
        );
    }
    return row;
  }
}

/** The peer with its holdings, as searches see it. */
export function levelSource(peer: LevelPeer, holdings: Holdings): SearchSource {
  const source = sourceOf({
    find: async function* (level, identifier) {
      if (level === 'PATIENT') throw new Error('there is no such level');
      for (const row of levelRows(peer, holdings, level, identifier)) {
        await Promise.resolve();
        yield row;
      }
      return { status: 0, truncated: false };
    },
    asked: [],
    given: { STUDY: 0, SERIES: 0, IMAGE: 0 },
    open: () => 0,
    count: () => 0,
  });
  const options = { ...baselineQueryOptions, relational: peer.isRelational };
  const asked = { ...source.binding.peer, queryOptions: () => Promise.resolve(options) };
  return { ...source, binding: { ...source.binding, peer: asked } };
}
