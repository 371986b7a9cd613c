import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../src/config/index.js';

const load = (audit: string): unknown =>
  loadConfig({ file: `peers: { main: { address: "PACS@127.0.0.1:104" } }\naudit: ${audit}\n`, env: {} })
    .audit;

describe('the audit trail', () => {
  test('is off unless it is asked for', () => {
    expect(load('{}')).toEqual({ spool: { size: 2 ** 30, sync: 'second' }, onFull: 'count' });
  });

  test.each([
    ['{ lines: stdout }', 'audit.spool.directory: must name'],
    ['{ spool: { directory: x } }', 'audit.spool.directory: nobody gets'],
    ['{ syslog: { address: "arr:601", transport: tcp }, spool: { directory: x } }', 'in the clear to arr'],
    ['{ syslog: { address: "arr:6514", key: k.pem }, spool: { directory: x } }', 'audit.syslog.certificate'],
    [
      '{ syslog: { address: "localhost:601", transport: tcp, ca: c }, spool: { directory: x } }',
      'has no cert',
    ],
  ])('%s is refused: %s', (audit, message) => {
    expect(() => load(audit)).toThrow(message);
  });

  test('does not wait in the directory of the cache, which may be emptied', () => {
    const yaml = 'peers: { main: { address: "PACS@127.0.0.1:104" } }\ncache: { disk: { directory: x } }\n';
    expect(() =>
      loadConfig({ file: `${yaml}audit: { lines: stdout, spool: { directory: x } }`, env: {} }),
    ).toThrow('another directory than cache.disk.directory');
  });
});
