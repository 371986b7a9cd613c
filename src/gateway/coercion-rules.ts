import type { Dataset, Tag, Vr } from '../dicom/index.js';
import { Wildcards } from '../query/index.js';

/** What a rule does with one attribute. */
export interface CoercionAction {
  readonly tag: Tag;
  readonly vr: Vr;
  readonly kind: 'set' | 'prefix' | 'remove';
  /** Backslashes stand between values; of `remove` empty. */
  readonly text: string;
}

/** Which instances are changed, and how. */
export interface CoercionRule {
  readonly name: string;
  /** Peers and groups in whose URLs it holds; all when left out. */
  readonly peers: readonly string[] | undefined;
  /** All must hold: a value of the attribute is so, with wildcards; an empty pattern for one that has no value. */
  readonly when: readonly { readonly tag: Tag; readonly pattern: string }[];
  readonly actions: readonly CoercionAction[];
}

/** A text that an attribute is to have; undefined where it is to go. */
export interface ChangedText {
  readonly rule: string;
  readonly tag: Tag;
  readonly vr: Vr;
  readonly text: string | undefined;
}

/** The attributes that `rules` look at or change. */
export function tagsOf(rules: readonly CoercionRule[]): ReadonlySet<Tag> {
  return new Set(rules.flatMap(({ when, actions }) => [...when, ...actions].map(({ tag }) => tag)));
}

/**
 * What becomes of the attributes of an instance. Rules look at what came, not at what others make of it; where two change
 * the same attribute the first one counts. What is so already is not changed.
 */
export function changedTexts(rules: readonly CoercionRule[], dataset: Dataset): readonly ChangedText[] {
  const changes = new Map<Tag, ChangedText | undefined>();
  for (const { name, when, actions } of rules) {
    if (!when.every(({ tag, pattern }) => holds(dataset, tag, pattern))) continue;
    for (const action of actions) {
      if (!changes.has(action.tag)) changes.set(action.tag, changeBy(action, name, dataset));
    }
  }
  return [...changes.values()].filter((change) => change !== undefined);
}

function holds(dataset: Dataset, tag: Tag, pattern: string): boolean {
  const values = dataset.strings(tag);
  if (pattern === '') return values.every((value) => value === '');
  const wildcards = new Wildcards(pattern);
  return values.some((value) => value === pattern || wildcards.matches(value));
}

function changeBy(
  { tag, vr, kind, text }: CoercionAction,
  rule: string,
  dataset: Dataset,
): ChangedText | undefined {
  const values = dataset.strings(tag);
  const stored = values.join('\\');
  if (kind === 'remove') return dataset.has(tag) ? { rule, tag, vr, text: undefined } : undefined;
  const wanted = kind === 'set' ? text : values.map((value) => prefixed(value, text)).join('\\');
  const isSo = wanted === stored && (dataset.has(tag) || kind === 'prefix');
  return isSo ? undefined : { rule, tag, vr, text: wanted };
}

/** An instance that is stored again has it already. */
const prefixed = (value: string, prefix: string): string =>
  value === '' || value.startsWith(prefix) ? value : prefix + value;
