import { describe, expect, test } from '@jest/globals';
import { fixedFacts } from '../../../src/compose-peer.js';
import { loadConfig } from '../../../src/config/index.js';
import type { FixedFacts } from '../../../src/dimse/index.js';

function fixed(more: string, env: Record<string, string> = {}): FixedFacts {
  const settings = loadConfig({ file: `peers: { main: { address: "PACS@192.0.2.1:104" ${more} } }`, env })
    .peers['main'];
  if (!settings) throw new Error('no peer');
  return fixedFacts(settings);
}

describe('what is configured of a peer in place of what would be learnt', () => {
  test('is nothing by default', () => {
    expect(Object.values(fixed('')).filter((value) => value !== undefined)).toEqual([]);
  });

  test('is each key that is not auto', () => {
    const profile =
      '{ dateTime: true, fuzzy: false, needsPatientId: auto, literalWildcard: true, ignoredKeys: [] }';
    expect(fixed(`, profile: ${profile}, findLimit: 100`)).toEqual({
      dateTime: true,
      fuzzy: false,
      literalWildcard: true,
      ignoredKeys: [],
      findCap: 100,
    });
  });

  test('can come from the environment', () => {
    const env = {
      DICOMGW_PEERS_MAIN_PROFILE_UPPER_CASES_NAMES: 'true',
      DICOMGW_PEERS_MAIN_PROFILE_IGNORED_KEYS: 'StudyID, StudyDescription',
      DICOMGW_PEERS_MAIN_PROFILE_RELATIONAL: 'auto',
    };
    expect(fixed('', env)).toMatchObject({
      upperCasesNames: true,
      ignoredKeys: ['StudyID', 'StudyDescription'],
    });
  });

  test.each([
    'profile: { fuzzy: maybe }',
    'profile: { ignoredKeys: ["DOE^JANE"] }',
    'profile: { other: true }',
    'extendedNegotiation: on',
  ])('takes no %s', (text) => {
    expect(() => fixed(`, ${text}`)).toThrow(/peers\.main/);
  });
});
