import { baselineQueryOptions, type QueryOptions, type QueryRoot } from '../core/index.js';
import { Tags, type Dataset } from '../dicom/index.js';
import type { QueryRetrieveLevel } from './contract.js';
import { queryOptionNames, type NegotiatedOptions, type QueryOptionName } from './extended-negotiation.js';
import type { PeerKnowledge } from './peer-knowledge.js';

const BACKSLASH = 0x5c;
const EMPTY_VALUE = '""';

/** There is nothing above these. */
const topLevels: Readonly<Record<QueryRoot, QueryRetrieveLevel>> = { study: 'STUDY', patient: 'PATIENT' };

/** Which options decide what an identifier means. Those it has no use for are never among them. */
export function meaningOf(
  level: QueryRetrieveLevel,
  identifier: Dataset,
  root: QueryRoot = 'study',
): ReadonlySet<QueryOptionName> {
  const found = new Set<QueryOptionName>();
  const vrs = new Set<string>();
  for (const { tag, vr, value } of valuesIn(identifier)) {
    vrs.add(vr);
    if (tag === Tags.TimezoneOffsetFromUTC) found.add('timezone');
    if (value.length === EMPTY_VALUE.length && value.toString('latin1') === EMPTY_VALUE)
      found.add('emptyValue');
    if (vr !== 'UI' && value.includes(BACKSLASH)) found.add('multipleValue');
  }
  if (vrs.has('DA') && vrs.has('TM')) found.add('dateTime');
  if (vrs.has('PN')) found.add('fuzzy');
  if (level !== topLevels[root]) found.add('relational');
  return found;
}

/** The elements that have a value, at any depth; what tells the character set of the others is none of them. */
function* valuesIn(
  dataset: Dataset,
): Generator<{ readonly tag: number; readonly vr: string; readonly value: Buffer }> {
  for (const { tag, vr, value } of dataset) {
    if (!Buffer.isBuffer(value)) for (const item of value) yield* valuesIn(item);
    else if (value.length > 0 && tag !== Tags.SpecificCharacterSet) yield { tag, vr, value };
  }
}

/** What one search needs of the association that it runs on. */
export class FindNeeds {
  readonly #meaning: ReadonlySet<QueryOptionName>;
  readonly #planned: QueryOptions;
  readonly #knowledge: PeerKnowledge;

  constructor(
    search: {
      readonly level: QueryRetrieveLevel;
      readonly identifier: Dataset;
      readonly root?: QueryRoot | undefined;
      readonly planned?: QueryOptions;
    },
    knowledge: PeerKnowledge,
  ) {
    this.#meaning = meaningOf(search.level, search.identifier, search.root);
    this.#planned = search.planned ?? baselineQueryOptions;
    this.#knowledge = knowledge;
  }

  /** Whether the identifier means on an association what it was planned to mean. */
  areMetBy({ options }: { readonly options: NegotiatedOptions }): boolean {
    return [...this.#meaning].every((name) => {
      // Whoever configured it says that the peer does so whatever was negotiated.
      if (this.#knowledge.fixed(name) !== undefined) return true;
      const isOn = options[name] ?? false;
      const isPlanned = this.#planned[name];
      // All of the baseline is relational too.
      return name === 'relational' ? isOn || !isPlanned : isOn === isPlanned;
    });
  }

  /** What to propose for it: all but what would give the identifier another meaning. */
  readonly wants = (name: QueryOptionName): boolean => {
    const knowledge = this.#knowledge;
    if (knowledge.fixed(name) === false) return false;
    if (this.#planned[name] || name === 'relational') return true;
    // Few searches are fuzzy: the others can have any association then.
    return !this.#meaning.has(name) && !(name === 'fuzzy' && knowledge.get(name));
  };
}

/** The options of a peer with which none are negotiated: those that it is said to have whatever was negotiated. */
export function configuredOptions(knowledge: PeerKnowledge): QueryOptions {
  const options: Record<QueryOptionName, boolean> = { ...baselineQueryOptions };
  for (const name of queryOptionNames) options[name] = knowledge.fixed(name) ?? false;
  return options;
}

/** What is believed of the peer's options. */
export function believedOptions(knowledge: PeerKnowledge): {
  readonly options: QueryOptions;
  readonly unknown: readonly QueryOptionName[];
} {
  const options: Record<QueryOptionName, boolean> = { ...baselineQueryOptions };
  const unknown: QueryOptionName[] = [];
  for (const name of queryOptionNames) {
    const value = knowledge.get(name);
    if (value === undefined) unknown.push(name);
    else options[name] = value;
  }
  // It was accepted and is not done: such searches go where it was not accepted.
  const isDisproved = knowledge.get('dateTimeProved') === false && knowledge.fixed('dateTime') === undefined;
  if (isDisproved) options.dateTime = false;
  return { options, unknown };
}
