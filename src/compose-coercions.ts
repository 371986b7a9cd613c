import { ConfigError, type Config } from './config/index.js';
import { attributeByKeyword, fitsVr, Tags, vrTraits, type Tag, type Vr } from './dicom/index.js';
import type { CoercionAction, CoercionRule } from './gateway/index.js';

type Rule = Config['store']['coercions'][string];

/** What the pixels are read by, and what belongs to the file or the message around the dataset. */
const KEPT_GROUPS: ReadonlySet<number> = new Set([0x0000, 0x0002, 0x0004, 0x0028]);

/**
 * The rules by which instances are changed on their way, with the attributes that their keywords name.
 *
 * @throws ConfigError that lists every keyword and value that is none, and every rule that does nothing
 */
export function coercionRules(config: Config): readonly CoercionRule[] {
  const problems: string[] = [];
  const rules = Object.entries(config.store.coercions).map(([name, rule]) => {
    const path = `store.coercions.${name}`;
    problems.push(...brokenPeers(config, path, rule));
    const actions = [...actionsOf(path, rule, problems)];
    if (actions.length === 0) problems.push(`${path}: changes nothing; it takes set, prefix or remove`);
    const when = Object.entries(rule.when ?? {}).flatMap(([keyword, pattern]) => {
      const attribute = attributeOf(keyword, `${path}.when`, problems);
      return attribute ? [{ tag: attribute.tag, pattern }] : [];
    });
    return { name, peers: rule.peers, when, actions };
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return rules;
}

function* brokenPeers({ peers, groups }: Config, path: string, rule: Rule): Generator<string> {
  for (const name of rule.peers ?? []) {
    if (!Object.hasOwn(peers, name) && !Object.hasOwn(groups, name))
      yield `${path}.peers: ${name} is no peer and no group`;
  }
}

function* actionsOf(path: string, rule: Rule, problems: string[]): Generator<CoercionAction> {
  const named = new Set<string>();
  for (const kind of ['set', 'prefix', 'remove'] as const) {
    const entries =
      kind === 'remove'
        ? (rule.remove ?? []).map((one) => [one, ''] as const)
        : Object.entries(rule[kind] ?? {});
    for (const [keyword, text] of entries) {
      const attribute = coercible(keyword, `${path}.${kind}`, problems);
      if (attribute === undefined) continue;
      if (named.has(keyword)) problems.push(`${path}.${kind}: ${keyword} is changed twice`);
      named.add(keyword);
      if (kind === 'set' && !fitsVr(text, attribute.vr))
        problems.push(`${path}.set: ${keyword} takes a value of VR ${attribute.vr}`);
      yield { ...attribute, kind, text };
    }
  }
}

interface Attribute {
  readonly tag: Tag;
  readonly vr: Vr;
}

function attributeOf(keyword: string, path: string, problems: string[]): Attribute | undefined {
  const info = attributeByKeyword(keyword);
  if (info && vrTraits(info.vr).text) return { tag: info.tag, vr: info.vr };
  problems.push(`${path}: ${keyword} is no attribute of text`);
  return undefined;
}

/** UIDs say what an instance is and are what the URL is compared with; others say how its bytes read. */
function coercible(keyword: string, path: string, problems: string[]): Attribute | undefined {
  const attribute = attributeOf(keyword, path, problems);
  if (attribute === undefined) return undefined;
  const { tag, vr } = attribute;
  const isKept = KEPT_GROUPS.has(tag >>> 16) || tag === Tags.SpecificCharacterSet;
  // Values of other VRs have no form that could be checked, UI above all.
  if (!isKept && fitsVr('', vr)) return attribute;
  problems.push(`${path}: ${keyword} cannot be changed`);
  return undefined;
}
