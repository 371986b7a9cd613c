import { describe, expect, test } from '@jest/globals';
import { ConfigError, dumpConfig, loadConfig, type Config } from '../../../src/config/index.js';

const load = (background: string): Config =>
  loadConfig({ env: {}, file: `peers: { main: { address: 'P@127.0.0.1:104', background: ${background} } }` });

describe('peers.*.background', () => {
  test.each([
    ['{ rate: 20 MiB }', { rate: 20 * 2 ** 20 }],
    ['{ rate: 0 }', { rate: 0 }],
    ['{}', { rate: 0 }],
    ['{ hours: [19:00-06:30] }', { hours: [{ from: 19 * 60, to: 6 * 60 + 30 }] }],
    ['{ hours: ["00:00-24:00"] }', { hours: [{ from: 0, to: 24 * 60 }] }],
  ])('%s is taken, and printed so that it is read back', (text, expected) => {
    const config = load(text);
    expect(config.peers['main']?.background).toMatchObject(expected);
    expect(loadConfig({ env: {}, file: dumpConfig(config) })).toEqual(config);
  });

  test.each([
    '{ rate: 1 KiB }',
    '{ rate: fast }',
    '{ hours: [] }',
    '{ hours: [19:00] }',
    '{ hours: [25:00-06:00] }',
    '{ hours: [06:00-24:01] }',
    '{ hours: [06:00-06:00] }',
    '{ hours: [6-7] }',
  ])('%s is refused', (text) => {
    expect(() => load(text)).toThrow(ConfigError);
  });

  test('hours are given by the environment too', () => {
    const config = loadConfig({
      env: {
        DICOMGW_PEER: 'P@127.0.0.1:104',
        DICOMGW_PEERS_MAIN_BACKGROUND_HOURS: '19:00-24:00,00:00-06:00',
      },
    });
    expect(config.peers['main']?.background.hours).toHaveLength(2);
  });
});
