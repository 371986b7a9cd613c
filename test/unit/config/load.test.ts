import { describe, expect, test } from '@jest/globals';
import { ConfigError, loadConfig, type Config } from '../../../src/config/index.js';
import { GatewayError } from '../../../src/core/index.js';

const onePeer = { DICOMGW_PEER: 'ORTHANC@127.0.0.1:4242' };

function load(file: string, env: Record<string, string> = {}): Config {
  return loadConfig({ file, env });
}

function problemsOf(file: string, env: Record<string, string> = {}): readonly string[] {
  try {
    loadConfig({ file, env });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('defaults', () => {
  test('DICOMGW_PEER alone is enough to start on loopback', () => {
    const config = loadConfig({ env: onePeer });
    expect(config.http.listen).toEqual({ host: '127.0.0.1', port: 8080 });
    expect(config.http.basePath).toBe('/dicomweb');
    expect(config.defaultPeer).toBe('main');
    expect(config.peers['main']).toMatchObject({
      address: { aeTitle: 'ORTHANC', host: '127.0.0.1', port: 4242 },
      retrieve: 'auto',
      associations: 4,
      timeouts: { total: 0 },
      dateTime: { upper: 'ceil', unknown: 'match', mixed: 'strict' },
    });
    expect(config.dimse).toMatchObject({ aeTitle: 'GATEWAY', maxPduLength: 131072 });
    expect(config.dimse.listen).toBeUndefined();
    expect(config.cache.memory).toBe(96 * 2 ** 20);
    expect(config.cache.disk).toBeUndefined();
  });

  test('a value is frozen to its depth and its peers hold nothing but entries', () => {
    const config = loadConfig({ env: onePeer });
    const peer = config.peers['main'];
    expect(
      [config, config.http, config.http.listen, config.peers, peer?.timeouts, peer?.characterSets].every(
        Object.isFrozen,
      ),
    ).toBe(true);
    for (const name of ['constructor', '__proto__']) expect(config.peers[name]).toBeUndefined();
  });
});

describe('the file', () => {
  test('the example of the design is valid', () => {
    const config = load(`
http:
  listen: 127.0.0.1:8080
  basePath: /dicomweb
  publicUrl: https://pacs.example/
dimse:
  aeTitle: GATEWAY
  listen: 0.0.0.0:11112
  advertise: gw.example:11112
peers:
  main:
    address: ORTHANC@[::1]:4242
    retrieve: auto
    associations: 4
defaultPeer: main
cache:
  memory: 96 MiB
  disk: { directory: ./cache, size: 10 GiB }
`);
    expect(config.http.publicUrl).toBe('https://pacs.example');
    expect(config.dimse.advertise).toEqual({ host: 'gw.example', port: 11112 });
    expect(config.peers['main']?.address).toEqual({ aeTitle: 'ORTHANC', host: '::1', port: 4242 });
    expect(config.cache.disk).toMatchObject({ directory: './cache', size: 10 * 2 ** 30 });
  });

  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['2m', 120_000],
    ['1.5 s', 1500],
    ['1h', 3_600_000],
    ['250', 250],
  ])('a time of %s is %i milliseconds', (text, expected) => {
    expect(load(`http: { drainTimeout: ${text} }`, onePeer).http.drainTimeout).toBe(expected);
  });

  test.each([
    ['96 MiB', 96 * 2 ** 20],
    ['1GiB', 2 ** 30],
    ['0.5 GiB', 2 ** 29],
    ['2097152', 2 ** 21],
  ])('a size of %s is %i bytes', (text, expected) => {
    expect(load(`cache: { memory: ${text} }`, onePeer).cache.memory).toBe(expected);
  });

  test('a key with nothing after it counts as left out', () => {
    expect(load('cache:\n  disk:\n  memory:\nhttp:\n', onePeer).cache).toEqual(
      loadConfig({ env: onePeer }).cache,
    );
  });

  test('anchors are read, and so many of them that they would blow up are refused', () => {
    const shared = 'peers:\n  a: &a { address: A@h:1 }\n  b: *a\ndefaultPeer: a\n';
    expect(load(shared).peers['b']?.address.aeTitle).toBe('A');
    const bomb = Array.from(
      { length: 9 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`,
    );
    expect(problemsOf(`l0: &l0 [lol]\n${bomb.join('\n')}`)).toEqual([
      expect.stringContaining('cannot be read'),
    ]);
  });

  test.each([
    ['http: [unclosed', 'line 1'],
    ['http: {}\nhttp: {}', 'line 2'],
    ['log: !!js/function "process.exit()"', 'line 1'],
    ['- a list', 'keys and values'],
    ['just text', 'keys and values'],
    [`x: ${'y'.repeat(2 ** 20)}`, 'larger than 1 MiB'],
    [`${'{a: '.repeat(50)}1${'}'.repeat(50)}`, 'nested too deeply'],
  ])('text that is not a plain YAML mapping is refused: %#', (text, expected) => {
    expect(problemsOf(text, onePeer)[0]).toContain(expected);
  });
});

describe('the environment', () => {
  test('stands above the file, and reaches every kind of key', () => {
    const config = load('http: { basePath: /file }\npeers: { main: { address: A@h:1 } }', {
      DICOMGW_HTTP_BASE_PATH: '/env',
      DICOMGW_PEERS_MAIN_ADDRESS: 'B@[::1]:104',
      DICOMGW_PEERS_MAIN_ASSOCIATIONS: '2',
      DICOMGW_PEERS_MAIN_CHARACTER_SET_RETURN_KEY: 'true',
      DICOMGW_PEERS_MAIN_CHARACTER_SETS: 'ISO_IR 100, GB18030',
      DICOMGW_PEERS_MAIN_TIMEOUTS_QUEUE: '5s',
      DICOMGW_CACHE_DISK_DIRECTORY: '/var/cache/gateway',
      DICOMGW_SEARCH_EMPTY_RESPONSE: '204',
      DICOMGW_HTTP_TRUST_PROXY: 'loopback,10.0.0.0/8',
      UNRELATED: 'x',
    });
    expect(config.http.basePath).toBe('/env');
    expect(config.peers['main']).toMatchObject({
      address: { aeTitle: 'B', host: '::1', port: 104 },
      associations: 2,
      characterSetReturnKey: true,
      characterSets: ['ISO_IR 100', 'GB18030'],
      timeouts: { queue: 5000 },
    });
    expect(config.cache.disk?.directory).toBe('/var/cache/gateway');
    expect(config.search.emptyResponse).toBe('204');
    expect(config.http.trustProxy).toEqual(['loopback', '10.0.0.0/8']);
  });

  test('finds a peer of the file by its name in upper snake case, and makes new ones', () => {
    const config = load('peers: { old.PACS: { address: A@h:1 } }\ndefaultPeer: old.PACS', {
      DICOMGW_PEERS_OLD_PACS_ADDRESS: 'B@h:2',
      DICOMGW_PEERS_NEW_PACS_ADDRESS: 'C@h:3',
    });
    expect(Object.keys(config.peers)).toEqual(['old.PACS', 'new-pacs']);
    expect(config.peers['old.PACS']?.address.aeTitle).toBe('B');
  });

  test('a peer whose name could be part of a key is told by the file', () => {
    const file = 'peers: { main: { address: A@h:1 }, main_timeouts: { address: B@h:1 } }\ndefaultPeer: main';
    expect(load(file, { DICOMGW_PEERS_MAIN_TIMEOUTS_QUEUE: '7s' }).peers['main']?.timeouts.queue).toBe(7000);
  });

  test('a variable set to nothing counts as not set', () => {
    expect(
      loadConfig({ env: { ...onePeer, DICOMGW_HTTP_LISTEN: '', DICOMGW_NO_SUCH: '' } }).http.listen.port,
    ).toBe(8080);
  });

  test('a variable that names no key stops the start', () => {
    expect(problemsOf('', { ...onePeer, DICOMGW_HTTP_LISTENN: 'x', DICOMGW_PEERS_MAIN: 'y' })).toEqual([
      'DICOMGW_HTTP_LISTENN: names no key of the configuration',
      'DICOMGW_PEERS_MAIN: names no key of the configuration',
    ]);
  });

  test('a bad value names its variable', () => {
    expect(problemsOf('', { ...onePeer, DICOMGW_HTTP_LISTEN: '8080' })).toEqual([
      'http.listen (DICOMGW_HTTP_LISTEN): takes host:port, such as 127.0.0.1:8080 or [::1]:8080, not "8080"',
    ]);
  });
});

describe('refusals', () => {
  test('all problems are told at once, each with its path and what the key takes', () => {
    const problems = problemsOf(`
http: { listen: 8080, basPath: /x }
peers:
  main: { address: "nobody", retrieve: push, associations: 0, timeouts: { connect: soon } }
  other: {}
cache: { memory: lots, disk: { size: 1 GiB } }
unknown: 1
`);
    expect(problems.map((problem) => problem.split(': ')[0])).toEqual([
      'http.listen',
      'http.basPath',
      'peers.main.address',
      'peers.main.retrieve',
      'peers.main.associations',
      'peers.main.timeouts.connect',
      'peers.other.address',
      'cache.memory',
      'cache.disk.directory',
      'unknown',
    ]);
    expect(problems[1]).toContain('unknown key; here are listen, basePath');
    expect(problems[3]).toBe('peers.main.retrieve: takes auto or get or move, not "push"');
    expect(problems[6]).toBe(
      'peers.other.address: takes AE@host:port, such as ORTHANC@127.0.0.1:4242 or PACS@[::1]:104',
    );
  });

  test.each([
    ['Europe/Berlin', 'Europe/Berlin'],
    ['UTC', 'UTC'],
    ['"+0100"', '+0100'],
    ['+0100', '+0100'],
    ['-0330', '-0330'],
    ['0', '+0000'],
  ])('DT-43: the time zone of a peer may be %s', (given, read) => {
    const config = loadConfig({ file: `peers: { main: { address: "A@h:1", timezone: ${given} } }`, env: {} });
    expect(config.peers['main']?.timezone).toBe(read);
  });

  test.each(['Mars/Olympus', '"+1500"', '"-1201"', '+0160', 'true', '""'])(
    'DT-43: %s is no time zone of a peer',
    (given) => {
      expect(problemsOf(`peers: { main: { address: "A@h:1", timezone: ${given} } }`)).toEqual([
        expect.stringContaining('peers.main.timezone: takes an offset'),
      ]);
    },
  );

  test.each([
    ['ISO_IR 144', 'ISO_IR 144'],
    ['ISO 2022 IR 87', '\\ISO 2022 IR 87'],
    ['\\ISO 2022 IR 87', '\\ISO 2022 IR 87'],
    ['ISO 2022 IR 13\\ISO 2022 IR 87', 'ISO 2022 IR 13\\ISO 2022 IR 87'],
    ['ISO 2022 IR 6\\ISO 2022 IR 149', 'ISO 2022 IR 6\\ISO 2022 IR 149'],
    ['ISO 2022 IR 58', '\\ISO 2022 IR 58'],
  ])('Q-51: a peer may take %s', (given, read) => {
    const config = loadConfig({
      file: `peers: { main: { address: "A@h:1", characterSets: [${given}] } }`,
      env: {},
    });
    expect(config.peers['main']?.characterSets).toEqual([read]);
  });

  test.each(['ISO_IR 87', 'UTF-8', 'ISO_IR 1000', 'ISO 2022 IR 87\\ISO 2022 IR 13'])(
    'Q-51: %s is no character set, and the message names those that there are',
    (given) => {
      const [problem = ''] = problemsOf(
        `peers: { main: { address: "A@h:1", fallbackCharacterSet: ${given} } }`,
      );
      for (const term of ['ISO_IR 6, 13, 100', '192', 'GB18030', 'ISO 2022 IR', '58, 87, 149 or 159'])
        expect(problem).toContain(term);
      const [ofList] = problemsOf(`peers: { main: { address: "A@h:1", characterSets: [${given}] } }`);
      expect(ofList).toContain('58, 87, 149 or 159');
    },
  );

  test('the failure is a GatewayError of code bad-request whose message lists the problems', () => {
    const attempt = (): unknown => loadConfig({ env: {} });
    expect(attempt).toThrow(GatewayError);
    expect(attempt).toThrow(expect.objectContaining({ code: 'bad-request', name: 'ConfigError' }));
    expect(attempt).toThrow(/DICOMGW_PEER=ORTHANC@127.0.0.1:4242/);
  });

  test('a section that is a value says which keys it has', () => {
    expect(problemsOf('log: debug', onePeer)).toEqual(['log: takes a group of keys: level']);
  });

  test.each(['__proto__', 'a b', '-x', 'x'.repeat(65), 'ä'])('%p is no name for a peer', (name) => {
    const file = JSON.stringify({ peers: { main: { address: 'A@h:1' } }, defaultPeer: 'main' });
    const withName = file.replace('"main":', `${JSON.stringify(name)}:{"address":"A@h:1"},"main":`);
    expect(problemsOf(withName)).toEqual([expect.stringContaining(`peers.${name}`)]);
  });

  test('unknown keys that hide in a prototype are refused', () => {
    expect(problemsOf('{"__proto__": {"x": 1}}', onePeer)).not.toEqual([]);
    expect(problemsOf('http: {"__proto__": {"x": 1}}', onePeer)).not.toEqual([]);
  });

  test.each(['dicomweb', '/', '/dicomweb/', '/a b', '/a?b', '//x'])('basePath %p is refused', (basePath) => {
    expect(problemsOf(JSON.stringify({ http: { basePath } }), onePeer)).toHaveLength(1);
  });

  test.each(['pacs.example', 'ftp://x', 'https://user:secret@x', 'https://x?y', 'https://x/#y'])(
    'publicUrl %p is refused',
    (publicUrl) => {
      expect(problemsOf(JSON.stringify({ http: { publicUrl } }), onePeer)).toHaveLength(1);
    },
  );

  test.each([true, -1, 'everyone', '10.0.0.0/33', [], ['10.0.0.0/8/8']])(
    'trustProxy %p is refused',
    (trustProxy) => {
      expect(problemsOf(JSON.stringify({ http: { trustProxy } }), onePeer)).toHaveLength(1);
    },
  );
});

describe('rules between keys', () => {
  test('where somebody is named nobody is the operator without saying who that is', () => {
    const named = 'tokens: { a: { token: a-token-of-24-characters-at-least, roles: [read] } }';
    const roles = 'roles: { boss: { may: [admin] }, admin: { may: [search] } }';
    for (const [text, problems] of [
      [`{ anonymous: true, ${named} }`, 1],
      [`{ anonymous: true, anonymousRoles: [search, boss], ${roles}, ${named} }`, 1],
      [`{ anonymous: true, anonymousRoles: [admin], ${roles}, ${named} }`, 0],
      [`{ anonymous: true, anonymousRoles: [read, store], ${named} }`, 0],
      ['{ anonymous: true }', 0],
      [`{ ${named} }`, 0],
    ] as const)
      expect([text, problemsOf(`access: ${text}`, onePeer).length]).toEqual([text, problems]);
  });

  test('beyond loopback anonymous access must be said and the public URL known', () => {
    const env = { ...onePeer, DICOMGW_HTTP_LISTEN: '0.0.0.0:8080' };
    const problems = problemsOf('', env);
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain('access.anonymous: true');
    expect(problems[1]).toContain('http.publicUrl');
    expect(problemsOf('access: { anonymous: true }', env)).toHaveLength(1);
    expect(problemsOf('access: { anonymous: true }\nhttp: { publicUrl: "https://x" }', env)).toEqual([]);
    expect(problemsOf('access: { anonymous: true }\nhttp: { trustProxy: 1 }', env)).toEqual([]);
  });

  test.each(['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', 'localhost:1', '[::ffff:127.0.0.1]:1'])(
    '%s is loopback',
    (listen) => {
      expect(problemsOf('', { ...onePeer, DICOMGW_HTTP_LISTEN: listen })).toEqual([]);
    },
  );

  test.each(['0.0.0.0:1', '[::]:1', '10.0.0.1:1', 'localhost.example:1', '127.example:1'])(
    '%s is not',
    (listen) => {
      expect(problemsOf('', { ...onePeer, DICOMGW_HTTP_LISTEN: listen })).not.toEqual([]);
    },
  );

  test('with several peers the default is named', () => {
    const peers = 'peers: { a: { address: A@h:1 }, b: { address: B@h:1 } }';
    expect(problemsOf(peers)).toEqual([
      'defaultPeer: must name one of the peers where there are several: a, b',
    ]);
    expect(problemsOf(`${peers}\ndefaultPeer: constructor`)).toEqual([
      'defaultPeer: must name one of the peers where there are several: a, b',
    ]);
    expect(load(`${peers}\ndefaultPeer: b`).defaultPeer).toBe('b');
  });

  describe('groups', () => {
    const peers = 'peers: { a: { address: A@h:1 }, b: { address: B@h:1 } }\ndefaultPeer: a\n';

    test('have peers as members, and can be the default', () => {
      const text = `${peers.replace('defaultPeer: a', 'defaultPeer: all')}groups: { all: { members: [b, a] } }`;
      const { groups, defaultPeer } = load(text);
      expect(defaultPeer).toBe('all');
      expect(groups['all']).toEqual({ members: ['b', 'a'], onMemberFailure: 'fail' });
      const env = { DICOMGW_GROUPS_ALL_MEMBERS: 'a', DICOMGW_GROUPS_ALL_STORE: 'a' };
      expect(load(text, env).groups['all']).toEqual({ members: ['a'], onMemberFailure: 'fail', store: 'a' });
    });

    test('are beside the only peer, which stays the default', () => {
      const text = 'peers: { a: { address: A@h:1 } }\ngroups: { all: { members: [a] } }';
      expect(load(text).defaultPeer).toBe('a');
    });

    test.each([
      ['a: { members: [b] }', 'groups.a: a peer has this name already'],
      ['all: { members: [a, c] }', 'groups.all.members: c is no peer; there are a, b'],
      ['all: { members: [a, a] }', 'groups.all.members: a is named twice'],
      [
        'all: { members: [a] }, more: { members: [all] }',
        'groups.more.members: all is a group, and a group takes peers alone',
      ],
      ['all: { members: [a], store: b }', 'groups.all.store: takes one of the members: a'],
      ['all: { members: [] }', 'groups.all.members: takes a list of names of peers'],
      ['all: { onMemberFailure: warn }', 'groups.all.members: takes a list of names of peers'],
      ['all: { members: [a], onMemberFailure: ignore }', 'groups.all.onMemberFailure: takes fail or warn'],
      ['"a/b": { members: [a] }', "groups.a/b: a group's name takes letters"],
      ['all: { member: [a] }', 'groups.all.member: unknown key'],
      ['__proto__: { members: [a] }', 'groups.__proto__: is no name for a group'],
    ])('%s', (groups, problem) => {
      expect(problemsOf(`${peers}groups: { ${groups} }`)).toEqual(
        expect.arrayContaining([expect.stringContaining(problem)]),
      );
    });

    test('are among the names that the default can be', () => {
      const text = `${peers.replace('defaultPeer: a', 'defaultPeer: c')}groups: { all: { members: [a] } }`;
      expect(problemsOf(text)).toEqual([
        'defaultPeer: must name one of the peers and groups where there are several: a, b, all',
      ]);
    });

    test('who gave out patient ids is a plain text', () => {
      const text = (value: string): string => `peers: { a: { address: A@h:1, issuerOfPatientId: ${value} } }`;
      expect(load(text('NORTH')).peers['a']?.issuerOfPatientId).toBe('NORTH');
      expect(problemsOf(text('"N*"'))).toEqual([
        expect.stringContaining('peers.a.issuerOfPatientId: takes text of 1 to 64 characters'),
      ]);
    });
  });

  test('C-MOVE needs a storage SCP', () => {
    const file = 'peers: { a: { address: A@h:1, retrieve: move } }';
    expect(problemsOf(file)).toEqual([expect.stringContaining('peers.a.retrieve: move needs dimse.listen')]);
    expect(problemsOf(file, { DICOMGW_DIMSE_LISTEN: '0.0.0.0:11112' })).toEqual([]);
  });

  test('two listeners cannot share a port', () => {
    expect(problemsOf('', { ...onePeer, DICOMGW_ADMIN_LISTEN: '127.0.0.1:8080' })).toEqual([
      'admin.listen: takes another port than http.listen',
    ]);
    expect(
      problemsOf('', { ...onePeer, DICOMGW_ADMIN_LISTEN: '127.0.0.1:0', DICOMGW_HTTP_LISTEN: '127.0.0.1:0' }),
    ).toEqual([]);
  });
});
