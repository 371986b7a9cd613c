import { describe, expect, test } from '@jest/globals';
import { ConfigError, loadConfig, type Config } from '../../../src/config/index.js';

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
