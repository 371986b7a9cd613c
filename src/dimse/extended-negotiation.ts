import type { QueryOptions } from '../core/index.js';
import type { ExtendedNegotiation } from './pdu-items.js';
import { SopClasses } from './uids.js';

export type QueryOptionName = keyof QueryOptions;

/**
 * The service-class application information of C-FIND, byte by byte. The fifth, enhanced multi-frame conversion, is
 * never asked for: it would hide what is stored.
 *
 * @see PS3.4 C.5.1.1.1
 */
const findBytes: readonly (QueryOptionName | undefined)[] = [
  'relational',
  'dateTime',
  'fuzzy',
  'timezone',
  undefined,
  'emptyValue',
  'multipleValue',
];

/** The options of C-FIND that are negotiated. */
export const queryOptionNames: readonly QueryOptionName[] = findBytes.filter((name) => name !== undefined);

/** What came of a negotiation, of what was proposed; what was not proposed is missing. */
export type NegotiatedOptions = Readonly<Partial<Record<QueryOptionName | 'relationalRetrieve', boolean>>>;

const findClasses: readonly string[] = [SopClasses.studyRootFind, SopClasses.patientRootFind];

/** Proposes options of C-FIND: all, or those that `wants` tells. */
export function findNegotiation(
  wants: (name: QueryOptionName) => boolean = () => true,
  sopClassUid: string = SopClasses.studyRootFind,
): ExtendedNegotiation {
  const information = Buffer.from(findBytes.map((name) => (name !== undefined && wants(name) ? 1 : 0)));
  return { sopClassUid, information };
}

/** Proposes relational retrieves, and no conversion of enhanced multi-frame images. @see PS3.4 C.5.2.1, C.5.3.1 */
export function retrieveNegotiation(sopClassUid: string): ExtendedNegotiation {
  return { sopClassUid, information: Buffer.of(1, 0) };
}

/** What the acceptor agreed to: a byte that it leaves out is 0, and an item that it leaves out nothing. */
export function negotiatedOptions(
  proposed: readonly ExtendedNegotiation[],
  returned: readonly ExtendedNegotiation[],
): NegotiatedOptions {
  const options: Partial<Record<keyof NegotiatedOptions, boolean>> = {};
  for (const { sopClassUid, information } of proposed) {
    const answer = returned.find((one) => one.sopClassUid === sopClassUid)?.information;
    const names = findClasses.includes(sopClassUid) ? findBytes : (['relationalRetrieve'] as const);
    for (const [index, name] of names.entries()) {
      if (name === undefined || information[index] !== 1) continue;
      options[name] = answer?.[index] === 1;
    }
  }
  return options;
}
