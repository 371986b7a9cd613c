import type { ParsedConfig } from './schema.js';

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
    if (store !== undefined && !members.includes(store)) {
      yield `${path}.store: takes one of the members: ${members.join(', ')}`;
    }
  }
}

function problemOf(config: ParsedConfig, member: string, isRepeated: boolean): string | undefined {
  if (isRepeated) return `${member} is named twice`;
  if (Object.hasOwn(config.peers, member)) return undefined;
  if (Object.hasOwn(config.groups, member)) return `${member} is a group, and a group takes peers alone`;
  return `${member} is no peer; there are ${Object.keys(config.peers).join(', ')}`;
}
