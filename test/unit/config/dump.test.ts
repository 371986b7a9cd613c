import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { z } from 'zod';
import { configReference, dumpConfig, loadConfig } from '../../../src/config/index.js';
import { writable } from '../../../src/config/dump.js';
import { duration, key, size, text } from '../../../src/config/kind.js';
import { leavesOf } from '../../../src/config/leaf.js';

const full = `
http: { listen: "[::1]:0", publicUrl: https://pacs.example/web, trustProxy: [loopback, 10.0.0.0/8], drainTimeout: 90s }
admin: { listen: 127.0.0.1:9000 }
dimse: { listen: 0.0.0.0:11112, advertise: gw.example:104, maxPduLength: 64 KiB }
peers:
  main: { address: "MAIN PACS@[::1]:104", findLimit: 500, characterSets: [GB18030], timeouts: { total: 1h } }
  "007": { address: X@h:1, callingAeTitle: OTHER, dateTime: { upper: floor } }
defaultPeer: "007"
search: { emptyResponse: 204 }
cache: { disk: { directory: "./a: b", size: 1 GiB } }
`;

describe('dumpConfig', () => {
  test('reads back to the same value', () => {
    const config = loadConfig({ file: full, env: {} });
    expect(loadConfig({ file: dumpConfig(config), env: {} })).toEqual(config);
  });

  test('fills in every default in the form that one would write', () => {
    const config = loadConfig({ env: { DICOMGW_PEER: 'A@h:1' } });
    const dumped = parse(dumpConfig(config)) as Record<string, Record<string, unknown>>;
    expect(dumped['http']).toMatchObject({
      listen: '127.0.0.1:8080',
      drainTimeout: '30s',
      maxHeaderBytes: '32 KiB',
    });
    expect(dumped['cache']).toMatchObject({ memory: '96 MiB', stallTimeout: '1m' });
    expect(dumped['peers']?.['main']).toMatchObject({
      address: 'A@h:1',
      timeouts: { total: 0, connect: '5s' },
    });
    expect(dumped['defaultPeer']).toBe('main');
    expect(loadConfig({ file: dumpConfig(config), env: {} })).toEqual(config);
  });

  test('redacts secrets, and a refused secret is not repeated', () => {
    const schema = z.strictObject({
      users: z.record(
        z.string(),
        z.strictObject({ password: key(text(/^.{4,}$/, 'a password'), 'Secret.', { secret: true }) }),
      ),
    });
    const value = schema.parse({ users: { anna: { password: 'hunter2' } } });
    expect(writable(value, [...leavesOf(schema)])).toEqual({ users: { anna: { password: '<redacted>' } } });
    const refused = schema.safeParse({ users: { anna: { password: 'abc' } } });
    expect(refused.error?.issues[0]?.message).toBe('takes a password');
  });

  test('every time and size is written so that it reads back to itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_147_483_647 }), (value) => {
        expect(duration.read(duration.write?.(value))).toBe(value);
      }),
    );
    const bytes = size(0, 2 ** 50);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), fc.integer({ min: 0, max: 40 }), (value, zeros) => {
        const rounded = Math.floor(value / 2 ** zeros) * 2 ** zeros;
        expect(bytes.read(bytes.write?.(rounded))).toBe(rounded);
      }),
    );
  });
});

describe('configReference', () => {
  const reference = configReference();

  test('names every key of the dump with its type, default and description', () => {
    const dumped = parse(dumpConfig(loadConfig({ file: full, env: {} }))) as Record<string, unknown>;
    const documented = new Set(reference.map((entry) => entry.key));
    const visit = (value: unknown, path: readonly string[]): void => {
      const dotted = path.map((part, index) => (path[0] === 'peers' && index === 1 ? '*' : part)).join('.');
      if (documented.has(dotted)) return;
      expect(typeof value).toBe('object');
      for (const [name, entry] of Object.entries(value as object)) visit(entry, [...path, name]);
    };
    visit(dumped, []);
    expect(reference.filter(({ description, type }) => description === '' || type === '')).toEqual([]);
  });

  test('what has no way around is the address of a peer, and what makes an entry that one adds what it is', () => {
    expect(reference.filter((entry) => entry.required).map((entry) => entry.key)).toEqual([
      'http.tls.cert',
      'http.tls.key',
      'admin.tls.cert',
      'admin.tls.key',
      'console.viewers.*',
      'access.roles.*.may',
      'access.issuers.*.issuer',
      'access.issuers.*.audience',
      'access.users.*.roles',
      'access.tokens.*.roles',
      'access.certificates.*.roles',
      'dimse.tls.cert',
      'dimse.tls.key',
      'dimse.userIdentity.users.*',
      'peers.*.address',
      'peers.*.userIdentity.type',
      'groups.*.members',
      'cache.disk.directory',
      'audit.syslog.address',
    ]);
  });

  test('no two keys share an environment variable', () => {
    expect(new Set(reference.map(({ variable }) => variable)).size).toBe(reference.length);
    expect(reference.find((entry) => entry.key === 'http.basePath')).toMatchObject({
      default: '/dicomweb',
      variable: 'DICOMGW_HTTP_BASE_PATH',
    });
    expect(reference.find((entry) => entry.key === 'peers.*.timeouts.queue')?.variable).toBe(
      'DICOMGW_PEERS_{NAME}_TIMEOUTS_QUEUE',
    );
  });

  test('every variable sets its key', () => {
    for (const { key: dotted, variable, default: preset } of reference) {
      if (preset === undefined || dotted === 'http.listen') continue;
      const isOfGroup = dotted.startsWith('groups');
      const [, beside] = Object.entries(requiredBeside).find(([section]) => dotted.startsWith(section)) ?? [];
      const env = {
        DICOMGW_PEER: 'A@h:1',
        ...beside,
        [variable.replace('{NAME}', isOfGroup ? 'ALL' : 'MAIN')]: preset.replace(/^\[|\]$/g, ''),
      };
      expect(loadConfig({ env })).toBeDefined();
    }
  });
});

/** What a section cannot be without. */
const requiredBeside: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  groups: { DICOMGW_GROUPS_ALL_MEMBERS: 'main' },
  'cache.disk': { DICOMGW_CACHE_DISK_DIRECTORY: 'x' },
  'http.tls': { DICOMGW_HTTP_TLS_CERT: 'x', DICOMGW_HTTP_TLS_KEY: 'x' },
  'admin.tls': {
    DICOMGW_ADMIN_LISTEN: '127.0.0.1:9000',
    DICOMGW_ADMIN_TLS_CERT: 'x',
    DICOMGW_ADMIN_TLS_KEY: 'x',
  },
  'access.issuers': {
    DICOMGW_ACCESS_ISSUERS_MAIN_ISSUER: 'https://login.example',
    DICOMGW_ACCESS_ISSUERS_MAIN_AUDIENCE: 'gateway',
  },
  'audit.syslog': { DICOMGW_AUDIT_SYSLOG_ADDRESS: 'localhost:601', DICOMGW_AUDIT_SPOOL_DIRECTORY: 'x' },
  'dimse.tls': {
    DICOMGW_DIMSE_LISTEN: '127.0.0.1:11112',
    DICOMGW_DIMSE_TLS_CERT: 'x',
    DICOMGW_DIMSE_TLS_KEY: 'x',
    DICOMGW_DIMSE_TLS_CA: 'x',
  },
  'dimse.userIdentity': {
    DICOMGW_DIMSE_USER_IDENTITY_USERS_PACS: `scrypt:16384:8:5:${'A'.repeat(22)}:${'A'.repeat(43)}`,
  },
  'peers.*.userIdentity': {
    DICOMGW_PEERS_MAIN_USER_IDENTITY_TYPE: 'username',
    DICOMGW_PEERS_MAIN_USER_IDENTITY_USER: 'x',
  },
};

test('whatever the text and the environment, there is a value or a ConfigError', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.json()),
      fc.dictionary(
        fc.string().map((name) => `DICOMGW_${name}`),
        fc.string(),
      ),
      (file, env) => {
        try {
          loadConfig({ file, env });
        } catch (error) {
          expect((error as Error).name).toBe('ConfigError');
        }
      },
    ),
    { numRuns: 200 },
  );
});
