import type { AttributeTest, Permission, Restriction, ValueTest } from '../core/index.js';
import { textsOf, type Claims } from './claims.js';
import type { AttributeTemplate, Need, Role, ValueTemplate } from './contract.js';

/** What one role gives to somebody. */
export interface Grant {
  readonly may: ReadonlySet<Permission>;
  readonly peers: readonly string[] | undefined;
  /** No study but those that pass these; all when there are none. */
  readonly tests: readonly AttributeTest[];
}

/** Values that one template makes of claims with several values. */
const MOST_VALUES = 200;

/** What `names` of roles give to somebody of whom `claims` are said; those that nobody has configured give nothing. */
export function grantsOf(
  names: readonly string[],
  roles: ReadonlyMap<string, Role>,
  claims: Claims = {},
): readonly Grant[] {
  return [...new Set(names)].flatMap((name) => {
    const role = roles.get(name);
    return role ? [grantOf(role, claims)] : [];
  });
}

function grantOf({ may, peers, only }: Role, claims: Claims): Grant {
  // Who may do all of the operator's may read what is shown to one.
  const all = new Set(may.includes('admin') ? [...may, 'metrics' as const] : may);
  return { may: all, peers, tests: only.map((template) => testOf(template, claims)) };
}

/** A claim that is not there leaves a test that nothing passes. */
const testOf = ({ tag, value }: AttributeTemplate, claims: Claims): AttributeTest => ({
  tag,
  anyOf: valuesOf(value, claims),
});

function valuesOf({ parts, isPrefix }: ValueTemplate, claims: Claims): readonly ValueTest[] {
  let texts: readonly string[] = [''];
  for (const part of parts) {
    const endings = typeof part === 'string' ? [part] : textsOf(claims, part.claim);
    texts = texts.flatMap((text) => endings.map((ending) => text + ending)).slice(0, MOST_VALUES);
  }
  // A text of nothing would begin every value.
  return texts.filter((text) => text.trim() !== '').map((text) => ({ text, isPrefix }));
}

/** Whether what is needed is granted, and for which studies; undefined when it is not. */
export function decide(
  grants: readonly Grant[],
  { permission, peer }: Need,
): { readonly restriction?: Restriction } | undefined {
  const fitting = grants.filter(
    ({ may, peers }) =>
      may.has(permission) && (peer === undefined || peers === undefined || peers.includes(peer)),
  );
  if (fitting.length === 0) return undefined;
  if (fitting.some(({ tests }) => tests.length === 0)) return {};
  return { restriction: { anyOf: fitting.map(({ tests }) => tests) } };
}
