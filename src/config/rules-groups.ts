import type { ParsedConfig } from './schema.js';
import type { StoreMembers } from './store-members.js';

/** What is wrong with groups: names, members that are none, and members that are named twice. */
export function* brokenGroups(config: ParsedConfig, form: RegExp): Generator<string> {
  for (const [name, { members, store }] of Object.entries(config.groups)) {
    const path = `groups.${name}`;
    if (!form.test(name)) {
      yield `${path}: a group's name takes letters, digits, dot, hyphen and underscore, 64 at most, beginning with a letter or digit`;
    }
    if (Object.hasOwn(config.peers, name)) yield `${path}: a peer has this name already`;
    for (const [index, member] of members.entries()) {
      const problem = problemOf(config, member, members.indexOf(member) < index);
      if (problem) yield `${path}.members: ${problem}`;
    }
    yield* brokenStore(config, path, members, store);
  }
}

function* brokenStore(
  config: ParsedConfig,
  path: string,
  members: readonly string[],
  store: string | StoreMembers | undefined,
): Generator<string> {
  const chosen = typeof store === 'string' ? [store] : (store?.members ?? []);
  if (!chosen.every((name) => members.includes(name))) {
    const what = typeof store === 'string' ? 'one' : 'some';
    yield `${path}.store: takes ${what} of the members: ${members.join(', ')}`;
  } else if (new Set(chosen).size < chosen.length) yield `${path}.store: names a member twice`;
  for (const name of chosen) {
    if (config.peers[name]?.readOnly) yield `${path}.store: ${name} is read only (peers.${name}.readOnly)`;
  }
}

function problemOf(config: ParsedConfig, member: string, isRepeated: boolean): string | undefined {
  if (isRepeated) return `${member} is named twice`;
  if (Object.hasOwn(config.peers, member)) return undefined;
  if (Object.hasOwn(config.groups, member)) return `${member} is a group, and a group takes peers alone`;
  return `${member} is no peer; there are ${Object.keys(config.peers).join(', ')}`;
}
