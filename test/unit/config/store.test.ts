import { describe, expect, test } from '@jest/globals';
import { ConfigError, dumpConfig, loadConfig, type Config } from '../../../src/config/index.js';

const load = (file: string, env: Record<string, string> = {}): Config =>
  loadConfig({ file, env: { DICOMGW_PEER: 'PACS@192.0.2.1:104', ...env } });

function problemsOf(file: string, env: Record<string, string> = {}): readonly string[] {
  try {
    load(file, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('what may be stored', () => {
  test('is everything by anybody if nothing is said', () => {
    const { store, peers } = load('');
    expect([store.enabled, store.clients, store.maxRequestBytes, store.sopClasses]).toEqual([
      true,
      undefined,
      undefined,
      {},
    ]);
    expect(peers['main']?.readOnly).toBe(false);
  });

  test('can come from the environment', () => {
    const { store, peers } = load('', {
      DICOMGW_STORE_ENABLED: 'false',
      DICOMGW_STORE_CLIENTS: '10.0.0.0/8, 2001:db8::1',
      DICOMGW_STORE_SOP_CLASSES_DENY: '1.2.3,1.2.4.*',
      DICOMGW_PEERS_MAIN_READ_ONLY: 'true',
    });
    expect([store.enabled, peers['main']?.readOnly]).toEqual([false, true]);
    expect(store.clients).toEqual(['10.0.0.0/8', '2001:db8::1']);
    expect(store.sopClasses.deny).toEqual(['1.2.3', '1.2.4.*']);
  });

  test.each([
    ['store: { clients: [10.0.0.0/33] }', 'store.clients'],
    ['store: { clients: [localhost] }', 'store.clients'],
    ['store: { clients: [] }', 'store.clients'],
    ['store: { sopClasses: { allow: ["1.2.*.3"] } }', 'store.sopClasses.allow'],
    ['store: { sopClasses: { allow: [CT] } }', 'store.sopClasses.allow'],
    ['store: { enabled: maybe }', 'store.enabled'],
  ])('%s is refused', (file, path) => {
    expect(problemsOf(file)).toEqual([expect.stringContaining(`${path}: takes`)]);
  });
});

describe('which members of a group get what is stored', () => {
  const peers =
    'peers: { a: { address: A@h:1 }, b: { address: B@h:1 }, c: { address: C@h:1, readOnly: true } }';
  const at = (store: string): string =>
    `${peers}\ndefaultPeer: a\ngroups: { all: { members: [a, b, c]${store === '' ? '' : `, store: ${store}`} } }`;
  const storeOf = (file: string, env: Record<string, string> = {}): unknown =>
    loadConfig({ file, env }).groups['all']?.store;

  test.each([
    ['', undefined],
    ['a', 'a'],
    ['[a, b]', { members: ['a', 'b'], require: 'all' }],
    ['{ members: [a, b] }', { members: ['a', 'b'], require: 'all' }],
    ['{ members: [a, b], require: any }', { members: ['a', 'b'], require: 'any' }],
    ['{ members: a, require: any }', { members: ['a'], require: 'any' }],
  ])('%s', (store, expected) => {
    const file = at(store);
    expect(storeOf(file)).toEqual(expected);
    expect(storeOf(dumpConfig(loadConfig({ file, env: {} })))).toEqual(expected);
  });

  test.each([
    ['b', 'b'],
    ['a, b', { members: ['a', 'b'], require: 'all' }],
    ['any:a,b', { members: ['a', 'b'], require: 'any' }],
  ])('from the environment: %s', (text, expected) => {
    expect(storeOf(at(''), { DICOMGW_GROUPS_ALL_STORE: text })).toEqual(expected);
  });

  test.each([
    ['d', 'takes one of the members: a, b, c'],
    ['[a, d]', 'takes some of the members: a, b, c'],
    ['[a, a]', 'names a member twice'],
    ['[a, c]', 'c is read only (peers.c.readOnly)'],
    ['[]', 'takes the name of a member'],
    ['{ members: [a], requires: any }', 'takes the name of a member'],
    ['{ members: [a], require: most }', 'takes the name of a member'],
  ])('%s is refused', (store, problem) => {
    expect(() => loadConfig({ file: at(store), env: {} })).toThrow(`groups.all.store: ${problem}`);
  });
});
