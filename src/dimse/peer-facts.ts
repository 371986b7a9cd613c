import type { QueryRoot } from '../core/index.js';
import type { ContextOrder } from './context-sets.js';

/** What may be learnt of a peer by asking it, beyond what is configured. */
export interface Learnable {
  /** Most associations that it takes from us at once: it refused more. */
  readonly associations: number;
  /** C-GET is refused, and C-MOVE works. */
  readonly getRefused: true;
  /** Most SOP Instance UIDs of one retrieve that it heeds; 1 = it knows no lists. */
  readonly uidList: number;
  /** The order of presentation contexts in which a C-GET brings what is stored. */
  readonly contextOrder: ContextOrder;
  /** Transfer syntaxes that it accepts for no SOP class in a C-GET, those that archives use most first. */
  readonly refusedTransferSyntaxes: readonly string[];
  /** Whether associations with SOP Class Extended Negotiation can be had; false: only without. @see PS3.7 D.3.3.5 */
  readonly extendedNegotiation: boolean;
  /** The information model that it is searched by; `patient`: it offers no other. @see PS3.4 C.6 */
  readonly root: QueryRoot;
  /** The same of retrieves, where that is another. */
  readonly retrieveRoot: QueryRoot;
  /** Searches may leave out the unique keys above their level. The options of C-FIND: PS3.4 C.5.1.1. */
  readonly relational: boolean;
  /** A range of dates and one of times match as one range. */
  readonly dateTime: boolean;
  /** Names match by similarity where that was negotiated. */
  readonly fuzzy: boolean;
  /** (0008,0201) of an identifier is heeded. */
  readonly timezone: boolean;
  /** `""` matches empty values. */
  readonly emptyValue: boolean;
  /** A list of values matches entities that hold all of them. */
  readonly multipleValue: boolean;
  /** Retrieves may leave out the unique keys above their level. @see PS3.4 C.5.2.1, C.5.3.1 */
  readonly relationalRetrieve: boolean;
  /** Whether `dateTime`, accepted, was seen to be true of a study. */
  readonly dateTimeProved: boolean;
  /** The same of `timezone` and `emptyValue`. */
  readonly timezoneProved: boolean;
  readonly emptyValueProved: boolean;
  /** A range of times also finds what has no time. */
  readonly findsEmptyTimes: boolean;
  /** A search for a list of UIDs finds each of them. */
  readonly findUidLists: boolean;
  /** Rows at which it ends the answer to a C-FIND although there are more. */
  readonly findCap: number;
  /** Keywords of STUDY level keys that it does not match by: it answers with what they rule out. */
  readonly ignoredKeys: readonly string[];
  /** Keywords of attributes, of numbers or of several values, that it matches by whatever way they are written. */
  readonly trustedKeys: readonly string[];
  /** Keywords of STUDY level attributes that it does not return although it is asked for them. */
  readonly unreturnedKeys: readonly string[];
  /** Keywords of optional keys that it has returned with a value: where one is empty there is none. */
  readonly returnedKeys: readonly string[];
  /** `*` in a value stands for itself. */
  readonly literalWildcard: boolean;
  /** A search for studies without a Patient ID finds nothing. */
  readonly needsPatientId: boolean;
  /** Names come in upper case, and match whatever the case of the key. */
  readonly upperCasesNames: boolean;
  /** Values of (0008,0005) that its answers were seen with, several terms joined by backslashes. */
  readonly characterSets: readonly string[];
}

export type FactName = keyof Learnable;

/** Something learnt, and until when it is believed. */
export interface Fact<T> {
  readonly value: T;
  /** Time of the calendar, as ISO 8601 has it: it means the same to the next process. */
  readonly expires: string;
}

/** All that is believed of a peer, as a plain record that can be written down. */
export type PeerFacts = { readonly [N in FactName]?: Fact<Learnable[N]> };

/** What is not to be learnt: the administrator knows. */
export type FixedFacts = { readonly [N in FactName]?: Learnable[N] | undefined };

const isCount = (value: unknown): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isRoot = (value: unknown): boolean => value === 'study' || value === 'patient';
/** UIDs, keywords and character sets; texts of patients have blanks, carets and accents, and are longer lists. */
const isNames = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.length <= 200 &&
  value.every((name) => typeof name === 'string' && /^[A-Za-z0-9._ ]{1,64}$/.test(name));

/** Several terms of one value are joined by backslashes. */
const isCharacterSets = (value: unknown): boolean =>
  Array.isArray(value) &&
  isNames(value.map((set: unknown) => (typeof set === 'string' ? set.replaceAll('\\', ' ') : set)));

const validators: Readonly<Record<FactName, (value: unknown) => boolean>> = {
  associations: isCount,
  getRefused: (value) => value === true,
  uidList: isCount,
  contextOrder: (value) => value === 'plain-first' || value === 'plain-last',
  refusedTransferSyntaxes: isNames,
  extendedNegotiation: isFlag,
  root: isRoot,
  retrieveRoot: isRoot,
  relational: isFlag,
  dateTime: isFlag,
  fuzzy: isFlag,
  timezone: isFlag,
  emptyValue: isFlag,
  multipleValue: isFlag,
  relationalRetrieve: isFlag,
  dateTimeProved: isFlag,
  timezoneProved: isFlag,
  emptyValueProved: isFlag,
  findsEmptyTimes: isFlag,
  findUidLists: isFlag,
  findCap: isCount,
  ignoredKeys: isNames,
  trustedKeys: isNames,
  unreturnedKeys: isNames,
  returnedKeys: isNames,
  literalWildcard: isFlag,
  needsPatientId: isFlag,
  upperCasesNames: isFlag,
  characterSets: isCharacterSets,
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isFact(name: string, fact: unknown): boolean {
  const isValid = Object.hasOwn(validators, name) && validators[name as FactName];
  if (!isValid || !isObject(fact)) return false;
  const { value, expires } = fact;
  return typeof expires === 'string' && !Number.isNaN(Date.parse(expires)) && isValid(value);
}

/** Facts that were written down, undefined unless every one of them is what it should be. */
export function readPeerFacts(value: unknown): PeerFacts | undefined {
  if (!isObject(value)) return undefined;
  const isWhole = Object.entries(value).every(([name, fact]) => isFact(name, fact));
  return isWhole ? value : undefined;
}
