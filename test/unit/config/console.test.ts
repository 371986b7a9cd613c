import { describe, expect, test } from '@jest/globals';
import { ConfigError, loadConfig, type Config } from '../../../src/config/index.js';

const PEER = { DICOMGW_PEER: 'A@127.0.0.1:104' };
const load = (file: string, env = {}): Config => loadConfig({ file, env: { ...PEER, ...env } });

function problemsOf(file: string): readonly string[] {
  try {
    load(file);
    return [];
  } catch (thrown) {
    return thrown instanceof ConfigError ? thrown.problems : [String(thrown)];
  }
}

describe('the configuration of the console', () => {
  test('is on, and needs none', () => {
    expect(load('').console).toMatchObject({ enabled: true, viewers: {} });
  });

  test('takes viewers by name, also those that are programs, and from the environment', () => {
    const file =
      'console: { viewers: { OHIF: "https://v.example/viewer?StudyInstanceUIDs={study}", Weasis: "weasis://x={study}" } }';
    expect(load(file).console.viewers).toEqual({
      OHIF: 'https://v.example/viewer?StudyInstanceUIDs={study}',
      Weasis: 'weasis://x={study}',
    });
    expect(load('', { DICOMGW_CONSOLE_VIEWERS_OHIF: '/ohif?{study}' }).console.viewers).toEqual({
      ohif: '/ohif?{study}',
    });
  });

  test.each([
    'javascript:alert(1)',
    'JavaScript:x',
    'data:text/html,x',
    '//other.example/',
    'x',
    'https://a b',
  ])('takes no link that is none, or that runs what it holds: %s', (url) => {
    expect(problemsOf(`console: { viewers: { X: ${JSON.stringify(url)} } }`)).toHaveLength(1);
  });

  test('logs in with an issuer and a client id, or not at all', () => {
    expect(problemsOf('console: { oidc: { issuer: "https://id.example" } }')).toEqual([
      'console.oidc: takes issuer and clientId together',
    ]);
    const both = load('console: { oidc: { issuer: "https://id.example", clientId: gateway } }');
    expect(both.console.oidc).toEqual({
      issuer: 'https://id.example',
      clientId: 'gateway',
      scopes: ['openid'],
      origins: [],
    });
  });

  test('takes an issuer as it spells itself, and nothing that is no URL of one', () => {
    const file = (issuer: string): string => `console: { oidc: { issuer: "${issuer}", clientId: gateway } }`;
    expect(load(file('https://id.example/o/app/')).console.oidc.issuer).toBe('https://id.example/o/app/');
    for (const bad of [
      'id.example',
      'https://u:p@id.example',
      'https://id.example/?x',
      "https://id.example; script-src 'self'",
    ])
      expect([bad, problemsOf(file(bad)).length]).toEqual([bad, 1]);
  });
});
