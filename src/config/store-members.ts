import type { Kind } from './kind.js';

/** Which members of a group get what is stored, and how many of them must have taken it. */
export interface StoreMembers {
  readonly members: readonly string[];
  readonly require: 'all' | 'any';
}

const isName = (value: unknown): value is string => typeof value === 'string' && value !== '';

function membersOf(value: unknown): readonly string[] | undefined {
  const given: unknown = isName(value) ? [value] : value;
  if (!Array.isArray(given) || given.length === 0 || given.length > 100) return undefined;
  return given.every(isName) ? given : undefined;
}

/** One member, several, or several of which one is enough. */
export const storeMembers: Kind<string | StoreMembers> = {
  takes: 'the name of a member, a list of names, or { members: [main, archive], require: all or any }',
  read(value) {
    if (isName(value)) return value;
    const isList = Array.isArray(value);
    if (typeof value !== 'object' || value === null) return undefined;
    const {
      members,
      require = 'all',
      ...others
    } = isList ? { members: value as unknown } : (value as { members?: unknown; require?: unknown });
    const names = membersOf(members);
    if (names === undefined || Object.keys(others).length > 0) return undefined;
    return require === 'all' || require === 'any' ? { members: names, require } : undefined;
  },
  /** `a`, `a,b`, or `any:a,b`. */
  fromText(given) {
    const [, word, names = given] = /^(all|any):(.*)$/.exec(given) ?? [];
    const members = names.split(',').map((name) => name.trim());
    if (word !== undefined) return { members, require: word };
    return members.length === 1 ? members[0] : members;
  },
};
