import { describe, expect, test } from '@jest/globals';
import type { Role } from '../../../src/access/index.js';
import { decide, grantsOf } from '../../../src/access/grants.js';

const PATIENT_ID = 0x00100020;
const INSTITUTION = 0x00080080;

const role = (over: Partial<Role>): Role => ({ may: ['search'], peers: undefined, only: [], ...over });

const roles = new Map<string, Role>([
  ['all', role({ may: ['search', 'retrieve'] })],
  ['north', role({ peers: ['north'] })],
  ['admin', role({ may: ['admin'] })],
  ['trial', role({ only: [{ tag: PATIENT_ID, value: { parts: ['T-'], isPrefix: true } }] })],
  [
    'own',
    role({
      only: [
        { tag: INSTITUTION, value: { parts: [{ claim: 'org.name' }], isPrefix: false } },
        { tag: PATIENT_ID, value: { parts: ['P', { claim: 'number' }], isPrefix: false } },
      ],
    }),
  ],
]);
const search = { permission: 'search', peer: 'main' } as const;

describe('what is needed is granted', () => {
  test('by a role that may do it, at every peer where it names none', () => {
    expect(decide(grantsOf(['all'], roles), search)).toEqual({});
    expect(decide(grantsOf(['all'], roles), { permission: 'store', peer: 'main' })).toBeUndefined();
  });

  test('at the peers that the role names alone, whether or not there is such a peer', () => {
    const grants = grantsOf(['north'], roles);
    expect(decide(grants, { permission: 'search', peer: 'north' })).toEqual({});
    expect(decide(grants, search)).toBeUndefined();
    expect(decide(grants, { permission: 'search', peer: 'no-such-peer' })).toBeUndefined();
  });

  test('not by a role that nobody has configured, nor by names of what every object has', () => {
    for (const name of ['nobody', 'toString', '__proto__', 'constructor'])
      expect(decide(grantsOf([name], roles), search)).toBeUndefined();
  });

  test('of the metrics to an admin, and of nothing of the images', () => {
    const grants = grantsOf(['admin'], roles);
    expect(decide(grants, { permission: 'metrics' })).toEqual({});
    expect(decide(grants, search)).toBeUndefined();
  });
});

describe('studies are restricted', () => {
  test('to those of the one role that grants it', () => {
    const tests = [{ tag: PATIENT_ID, anyOf: [{ text: 'T-', isPrefix: true }] }];
    expect(decide(grantsOf(['trial'], roles), search)).toEqual({ restriction: { anyOf: [tests] } });
  });

  test('not at all where another role grants it without', () => {
    expect(decide(grantsOf(['trial', 'all'], roles), search)).toEqual({});
  });

  test('but not by a role for another peer', () => {
    const decision = decide(grantsOf(['trial', 'north'], roles), search);
    expect(decision?.restriction?.anyOf).toHaveLength(1);
  });

  test('to the values of claims, each of several, each word for word', () => {
    const claims = { org: { name: ['North*', 'South'] }, number: 7 };
    expect(decide(grantsOf(['own'], roles, claims), search)?.restriction?.anyOf).toEqual([
      [
        {
          tag: INSTITUTION,
          anyOf: [
            { text: 'North*', isPrefix: false },
            { text: 'South', isPrefix: false },
          ],
        },
        { tag: PATIENT_ID, anyOf: [{ text: 'P7', isPrefix: false }] },
      ],
    ]);
  });

  test.each([{}, { number: 7 }, { number: 7, org: { name: '' } }, { number: 7, org: { name: {} } }])(
    'so that nothing passes where the token lacks a claim: %j',
    (claims) => {
      const decision = decide(grantsOf(['own'], roles, claims), search);
      expect(decision?.restriction?.anyOf[0]?.some(({ anyOf }) => anyOf.length === 0)).toBe(true);
    },
  );
});
