import { transferSyntax } from '../dicom/index.js';
import type { FixedFacts, PeerFacts } from '../dimse/index.js';

type Name = keyof PeerFacts;
type Value<N extends Name> = NonNullable<FixedFacts[N]>;

/** Most names in one line. */
const MOST_NAMES = 6;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function listOf(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** What each fact means, for whoever configures the peer; the options of searches have a line in common. */
const words: { [N in Name]?: (value: Value<N>) => string | undefined } = {
  associations: (count) => `takes ${count} ${count === 1 ? 'association' : 'associations'} at once`,
  uidList: (most) =>
    most === 1
      ? 'heeds one UID of a list: each instance is asked for alone'
      : `heeds ${most} UIDs of a list at most`,
  getRefused: () => 'C-GET is refused: retrieves go by C-MOVE',
  contextOrder: (order) =>
    `C-GET brings what is stored when ${order === 'plain-last' ? 'compressed' : 'uncompressed'} syntaxes are proposed first`,
  refusedTransferSyntaxes: (uids) =>
    `C-GET refuses transfer syntaxes: ${listOf(uids.map((uid) => transferSyntax(uid)?.name ?? uid))}`,
  extendedNegotiation: (bears) =>
    bears
      ? undefined
      : 'takes no association with extended negotiation: options of searches are not proposed',
  root: (root) =>
    root === 'patient'
      ? 'is searched by the Patient Root model: studies are found by their patients'
      : undefined,
  retrieveRoot: (root) =>
    root === 'patient' ? 'is retrieved from by the Patient Root model: with the Patient ID' : undefined,
  findUidLists: (finds) =>
    finds ? undefined : 'knows no lists of UIDs in searches: they are asked for one by one',
  findCap: (rows) => `ends the answer to a search after ${rows} rows`,
  needsPatientId: (needs) => `finds ${needs ? 'no study' : 'studies'} without a Patient ID`,
  literalWildcard: (literal) => (literal ? 'takes * for itself: wildcards find nothing' : 'wildcards work'),
  upperCasesNames: (upper) =>
    upper ? 'turns names into upper case: they are asked for in it' : 'does not turn names into upper case',
  ignoredKeys: (keys) =>
    keys.length === 0
      ? 'takes every key that was tried into account: a value that no study has finds nothing'
      : `does not match by ${listOf(keys)}`,
  trustedKeys: (keys) =>
    keys.length === 0
      ? 'is asked without numbers, and without what may have several values: the gateway filters by them'
      : `finds ${listOf(keys)} however written, and by each of several values: it is asked for them`,
  unreturnedKeys: (keys) =>
    keys.length === 0 ? 'returns modalities and counts of studies' : `does not return ${listOf(keys)}`,
  returnedKeys: (keys) => `returns ${listOf(keys)}: what is empty in an answer has no value`,
  characterSets: (sets) => `answers in ${listOf(sets)}`,
  dateTimeProved: (proved) =>
    proved
      ? 'combines dates and times as it says'
      : 'does not find by combined dates and times what it should, although it accepts them: it is asked by the days',
  timezoneProved: (proved) =>
    proved
      ? 'converts dates and times from the zone of a search as it says'
      : 'does not convert from the zone of a search, although it accepts that: it is told none',
  emptyValueProved: (proved) =>
    proved
      ? 'finds empty values as it says'
      : 'does not find empty values as it should, although it accepts them: the gateway filters by them',
  findsEmptyTimes: (finds) =>
    finds
      ? 'finds studies without a time by a range of times'
      : 'finds no studies without a time by a range of times',
};

const optionWords = {
  relational: 'relational searches',
  dateTime: 'combined dates and times',
  fuzzy: 'fuzzy names',
  timezone: 'time zones',
  emptyValue: 'empty values',
  multipleValue: 'lists of values',
  relationalRetrieve: 'relational retrieves',
} as const;
const optionNames = Object.keys(optionWords) as readonly (keyof typeof optionWords)[];

/** What is configured of a peer, a line for each thing. */
export function fixedLines(fixed: FixedFacts): readonly string[] {
  const options = optionNames.flatMap((name) => {
    const value = fixed[name];
    return value === undefined ? [] : [`${optionWords[name]}: ${value ? 'yes' : 'no'}`];
  });
  return [...namesIn(fixed).flatMap((name) => textOf(name, fixed) ?? []), ...options];
}

/** What was learnt of a peer, a line for each thing, with how long it is believed. */
export function factLines(facts: PeerFacts): readonly string[] {
  const values = Object.fromEntries(
    Object.entries(facts).map(([name, { value }]) => [name, value]),
  ) as FixedFacts;
  const lines = namesIn(facts).flatMap((name) => {
    const text = textOf(name, values);
    return text === undefined ? [] : [`${text} (believed ${lifeOf(facts[name]?.expires)})`];
  });
  const told = optionNames.filter((name) => name in facts);
  const [first] = told;
  if (first === undefined) return lines;
  const accepted = told.filter((name) => values[name]).map((name) => optionWords[name]);
  const text = accepted.length === 0 ? 'accepts no options of searches' : `accepts ${accepted.join(', ')}`;
  return [...lines, `${text} (believed ${lifeOf(facts[first]?.expires)})`];
}

/** In the order of the words. */
function namesIn(facts: Readonly<Partial<Record<Name, unknown>>>): readonly Name[] {
  return (Object.keys(words) as Name[]).filter((name) => facts[name] !== undefined);
}

function textOf(name: Name, values: FixedFacts): string | undefined {
  const value = values[name];
  // The value of a name is what the words of that name take; the compiler loses that over all names.
  const say = words[name] as ((value: unknown) => string | undefined) | undefined;
  return value === undefined ? undefined : say?.(value);
}

function lifeOf(expires = ''): string {
  const ms = Date.parse(expires) - Date.now();
  if (ms < MINUTE_MS) return 'for less than a minute';
  const [count, unit] = ms < 2 * HOUR_MS ? [ms / MINUTE_MS, 'minute'] : [ms / HOUR_MS, 'hour'];
  const whole = Math.round(count);
  return `for ${whole} ${unit}${whole === 1 ? '' : 's'}`;
}
