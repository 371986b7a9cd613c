import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createDemoPacs, type DemoPacs } from '../../src/demo/index.js';
import { buildProgram } from '../helpers/build.js';
import { freePort } from '../helpers/free-port.js';
import { listing, selected } from '../helpers/listing.js';
import { projectPath } from '../helpers/markdown.js';
import {
  final,
  makeInstance,
  silence,
  startRoguePeer,
  store,
  type RoguePeer,
  type Script,
} from '../helpers/rogue-peer.js';
import { datasetOf, partsOf, request, sha256 } from '../helpers/test-gateway.js';
import { makeCertificate, type Certificate } from '../helpers/x509.js';

/** The main module of the built program. */
let main = '';

type Environment = Readonly<Record<string, string>>;

/** The built program as a process. */
class Program {
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  readonly exit: Promise<number | null>;
  output = '';

  /** `reader` is who reads what it prints; what it says of failures is always read. */
  constructor(
    args: readonly string[],
    env: Environment = {},
    stdout: 'pipe' | number = 'pipe',
    reader: 'test' | 'unread' | 'gone' = 'test',
  ) {
    const { PATH = '' } = process.env;
    const stdio = ['ignore', stdout, 'pipe'] as const;
    this.#child = spawn(process.execPath, [main, ...args], { env: { PATH, ...env }, stdio: [...stdio] });
    if (reader === 'gone') this.#child.stdout?.destroy();
    const read = reader === 'test' ? [this.#child.stdout, this.#child.stderr] : [this.#child.stderr];
    for (const stream of read) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
        for (const check of this.#waiting) check();
      });
    }
    this.exit = new Promise((resolve) => {
      // Of what nobody reads no end comes.
      this.#child.on(reader === 'unread' ? 'exit' : 'close', (code: number | null) => {
        resolve(code);
        for (const check of this.#waiting) check();
      });
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The first match of `pattern` in what was printed; fails when the process ends before. */
  saying(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const match = pattern.exec(this.output);
        if (match) resolve(match);
        else if (this.#child.exitCode === null) return;
        else reject(new Error(`It ended without saying ${pattern.source}:\n${this.output}`));
        this.#waiting.delete(check);
      };
      this.#waiting.add(check);
      check();
    });
  }
}

const READY = /"urls":\["(?<service>[^"]+)","(?<readyz>[^"]+)"\].*"msg":"ready"/;

/** Passes connections on to a PACS, the bytes only once it is opened. */
class Gate {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  #open: () => void = () => undefined;
  #came: () => void = () => undefined;
  readonly came = new Promise<void>((resolve) => (this.#came = resolve));

  constructor(target: number) {
    const opened = new Promise<void>((resolve) => (this.#open = resolve));
    this.#server = createServer((near) => {
      const far = connect(target, '127.0.0.1');
      this.#sockets.push(near, far);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
      }
      this.#came();
      void opened.then(() => near.pipe(far).pipe(near));
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  open(): void {
    this.#open();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

const started: { kill(signal: NodeJS.Signals): void }[] = [];
function run(args: readonly string[], env?: Environment, stdout?: number): Program {
  const program = new Program(args, env, stdout);
  started.push(program);
  return program;
}

/** Opens a pipe that has a name once somebody reads it. */
async function openForReader(path: string): Promise<number> {
  for (;;) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
      // Nothing tells when another process has opened it.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

// Each test starts a Node of its own, perhaps on a busy machine.
beforeAll(() => {
  main = buildProgram('process-test');
}, 120_000);
afterEach(() => {
  for (const program of started.splice(0)) program.kill('SIGKILL');
});

describe('config', () => {
  const GOLDEN = 'test/process/config.golden.yaml';

  test('prints every key with its default, for one peer given in the environment', async () => {
    const program = run(['config'], { DICOMGW_PEER: 'ORTHANC@127.0.0.1:4242' });
    expect(await program.exit).toBe(0);
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(projectPath(GOLDEN), program.output);
    expect(program.output).toBe(readFileSync(projectPath(GOLDEN), 'utf8'));
  });

  test.each([
    ['an unknown key', { DICOMGW_HTTP_LISTENN: '1' }, /DICOMGW_HTTP_LISTENN/],
    [
      'a bad value',
      { DICOMGW_HTTP_LISTEN: 'everywhere' },
      /http\.listen \(DICOMGW_HTTP_LISTEN\): takes host:port/,
    ],
    ['no peer', { DICOMGW_PEER: '' }, /peers: takes at least one peer/],
    [
      'a listener that others reach and no word on access',
      { DICOMGW_HTTP_LISTEN: '0.0.0.0:0' },
      /access\.anonymous/,
    ],
  ])('a start with %s ends with status 1 and says which key', async (_what, env, says) => {
    const program = run(['serve'], { DICOMGW_PEER: 'ORTHANC@127.0.0.1:4242', ...env });
    expect(await program.exit).toBe(1);
    expect(program.output).toMatch(says);
  });
});

describe('serve', () => {
  let pacs: DemoPacs | undefined;
  let gate: Gate | undefined;
  afterEach(async () => {
    gate?.close();
    await pacs?.close();
    gate = pacs = undefined;
  });

  test('says that it is ready, is healthy without its PACS, and ends with status 0 after SIGTERM', async () => {
    const program = run([], {
      DICOMGW_PEER: `NOBODY@127.0.0.1:${await freePort()}`,
      DICOMGW_HTTP_LISTEN: '127.0.0.1:0',
    });
    const { groups: { service = '', readyz = '' } = {} } = await program.saying(READY);
    const origin = new URL(service).origin;
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect([path, (await fetch(origin + path)).status]).toEqual([path, 200]);
    }
    expect(readyz).toBe(`${origin}/readyz`);
    const search = await fetch(`${service}/studies`);
    expect([search.status, search.headers.get('retry-after')]).toEqual([503, '10']);
    program.kill('SIGTERM');
    expect(await program.exit).toBe(0);
    expect(program.output).toMatch(/"openAssociations":0.*"msg":"stopped"/);
  });

  test('a SIGHUP that comes while it starts does not end it, and has certificates read again', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hang-up-'));
    const file = (name: string): string => join(directory, name);
    const put = (name: string, { cert, key }: Certificate): void => {
      writeFileSync(file(`${name}.crt`), cert);
      writeFileSync(file(`${name}.key`), key);
    };
    try {
      const http = makeCertificate('http');
      put('dimse', makeCertificate('dimse'));
      put('http', http);
      // Who reads it waits for a writer: the start stands still there.
      rmSync(file('http.crt'));
      execFileSync('mkfifo', [file('http.crt')]);
      const program = run(['serve'], {
        DICOMGW_PEER: `NOBODY@127.0.0.1:${await freePort()}`,
        DICOMGW_HTTP_LISTEN: '127.0.0.1:0',
        DICOMGW_HTTP_TLS_CERT: file('http.crt'),
        DICOMGW_HTTP_TLS_KEY: file('http.key'),
        DICOMGW_DIMSE_LISTEN: '127.0.0.1:0',
        DICOMGW_DIMSE_TLS_CERT: file('dimse.crt'),
        DICOMGW_DIMSE_TLS_KEY: file('dimse.key'),
        DICOMGW_DIMSE_TLS_REQUIRE_CLIENT_CERTIFICATE: 'false',
        DICOMGW_CERTIFICATES_RELOAD_INTERVAL: '0',
      });
      await program.saying(/certificate loaded/);
      put('dimse', makeCertificate('renewed'));
      program.kill('SIGHUP');
      const waiting = await openForReader(file('http.crt'));
      renameSync(file('http.crt'), file('waiting'));
      put('http', http);
      writeSync(waiting, http.cert);
      closeSync(waiting);
      await program.saying(READY);
      await program.saying(/certificate renewed/);
      program.kill('SIGTERM');
      expect(await program.exit).toBe(0);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('after SIGHUP a renewed certificate is shown, and a broken one leaves that in use, with a line and a count', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'renewal-'));
    const [cert, key] = [join(directory, 'tls.crt'), join(directory, 'tls.key')];
    const put = (pair: Certificate): Certificate => {
      writeFileSync(cert, pair.cert);
      writeFileSync(key, pair.key);
      return pair;
    };
    try {
      const trusted = [put(makeCertificate('first'))];
      const program = run(['serve'], {
        DICOMGW_PEER: `NOBODY@127.0.0.1:${await freePort()}`,
        DICOMGW_HTTP_LISTEN: '127.0.0.1:0',
        DICOMGW_HTTP_TLS_CERT: cert,
        DICOMGW_HTTP_TLS_KEY: key,
        DICOMGW_CERTIFICATES_RELOAD_INTERVAL: '0',
      });
      const { groups: { service = '' } = {} } = await program.saying(READY);
      const get = async (path: string): Promise<{ subject: string | undefined; body: string }> => {
        const asked = https.get(new URL(path, service), {
          ca: trusted.map((pair) => pair.cert),
          agent: false,
        });
        const [response] = (await once(asked, 'response')) as [IncomingMessage];
        const { socket } = response;
        const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
        return { subject: shown?.subject, body: await text(response) };
      };
      expect((await get('/healthz')).subject).toBe('CN=first');
      trusted.push(put(makeCertificate('second')));
      expect((await get('/healthz')).subject).toBe('CN=first');
      program.kill('SIGHUP');
      await program.saying(/certificate renewed/);
      expect((await get('/healthz')).subject).toBe('CN=second');
      put({ ...makeCertificate('third'), key: 'half a file' });
      program.kill('SIGHUP');
      await program.saying(/http\.tls\.key holds no private key.*renewed certificate refused/);
      const { subject, body } = await get('/metrics');
      expect(subject).toBe('CN=second');
      expect(body).toContain('dicomgw_certificate_reloads_total{listener="http",outcome="refused"} 1');
      program.kill('SIGTERM');
      expect(await program.exit).toBe(0);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('serves and ends as it should although there is no room for its log', async () => {
    const port = await freePort();
    const full = openSync('/dev/full', 'w');
    const env = {
      DICOMGW_PEER: `NOBODY@127.0.0.1:${await freePort()}`,
      DICOMGW_HTTP_LISTEN: `127.0.0.1:${port}`,
    };
    const program = run(['serve'], env, full);
    closeSync(full);
    const dropped = async (): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
      return Number(/dicomgw_log_lines_dropped_total (\d+)/.exec((await answer?.text()) ?? '')?.[1] ?? 0);
    };
    const ended = program.exit.then(() => {
      throw new Error(`It ended: ${program.output}`);
    });
    ended.catch(() => undefined);
    while ((await Promise.race([dropped(), ended])) === 0);
    program.kill('SIGTERM');
    expect(await program.exit).toBe(0);
  });

  test('lets a request that runs end after SIGTERM, and takes no new one', async () => {
    pacs = await createDemoPacs();
    gate = new Gate(pacs.address.port);
    const program = run(['serve'], {
      DICOMGW_PEER: `${pacs.address.aeTitle}@127.0.0.1:${await gate.listen()}`,
      DICOMGW_HTTP_LISTEN: '127.0.0.1:0',
    });
    const { groups: { service = '' } = {} } = await program.saying(READY);
    const answer = fetch(`${service}/studies`, { headers: { connection: 'close' } });
    await gate.came;
    program.kill('SIGTERM');
    await program.saying(/"msg":"stopping"/);
    await expect(fetch(`${service}/studies`)).rejects.toThrow();
    gate.open();
    const rows = (await (await answer).json()) as readonly unknown[];
    expect(rows.length).toBeGreaterThan(0);
    expect(await program.exit).toBe(0);
    expect(program.output).toMatch(/"openAssociations":0.*"msg":"stopped"/);
  });

  test('cuts a request off that does not end within the drain time, and still ends with status 0', async () => {
    pacs = await createDemoPacs();
    gate = new Gate(pacs.address.port); // never opened: a peer that accepts connections and stays silent
    const program = run(['serve'], {
      DICOMGW_PEER: `MUTE@127.0.0.1:${await gate.listen()}`,
      DICOMGW_HTTP_LISTEN: '127.0.0.1:0',
      DICOMGW_HTTP_DRAIN_TIMEOUT: '200ms',
    });
    const { groups: { service = '' } = {} } = await program.saying(READY);
    const answer = fetch(`${service}/studies`).then(
      ({ status }) => status,
      () => 'broken',
    );
    await gate.came;
    program.kill('SIGTERM');
    expect([503, 'broken']).toContain(await answer);
    expect(await program.exit).toBe(0);
  });
});

describe('a start that fails', () => {
  let taken: Server;
  let address = '';
  beforeEach(async () => {
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    address = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    taken.close();
  });

  test.each([
    ['HTTP listener', 'DICOMGW_HTTP_LISTEN', /Cannot listen for HTTP on .*: another program does/],
    ['listener for operators', 'DICOMGW_ADMIN_LISTEN', /Cannot listen for HTTP on .*: another program does/],
    ['storage SCP', 'DICOMGW_DIMSE_LISTEN', /storage SCP cannot listen on .*: another program does/],
  ])(
    'for the address of the %s is taken says so, ends with status 1 and leaves nothing',
    async (_what, key, says) => {
      const directory = mkdtempSync(join(tmpdir(), 'gateway-taken-'));
      try {
        const program = run(['serve'], {
          DICOMGW_PEER: 'NOBODY@127.0.0.1:1',
          DICOMGW_HTTP_LISTEN: '127.0.0.1:0',
          DICOMGW_DIMSE_LISTEN: '127.0.0.1:0',
          DICOMGW_CACHE_DISK_DIRECTORY: join(directory, 'cache'),
          [key]: address,
        });
        expect(await program.exit).toBe(1);
        expect(program.output).toMatch(says);
        expect(existsSync(join(directory, 'cache/lock'))).toBe(false);
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );
});

describe('an output that nobody reads', () => {
  /** The program's standard output, and how it goes away. */
  const outputs = {
    socket: () => ({ stdout: 'pipe' as const, close: () => undefined }),
    pipe: () => {
      const path = join(mkdtempSync(join(tmpdir(), 'gateway-unread-')), 'pipe');
      execFileSync('mkfifo', [path]);
      const stdout = openSync(path, 'r+');
      return {
        stdout,
        close: () => {
          closeSync(stdout);
          rmSync(dirname(path), { recursive: true });
        },
      };
    },
  };

  test.each(Object.entries(outputs))('does not hold up the end (%s)', async (_kind, open) => {
    const { stdout, close } = open();
    try {
      const port = await freePort();
      const env = {
        DICOMGW_PEER: 'NOBODY@127.0.0.1:1',
        DICOMGW_HTTP_LISTEN: `127.0.0.1:${port}`,
        DICOMGW_LOG_LEVEL: 'info',
      };
      const program = new Program(['serve'], env, stdout, 'unread');
      started.push(program);
      const ask = (path: string): Promise<string> =>
        fetch(`http://127.0.0.1:${port}${path}`).then(
          (answer) => answer.text(),
          () => '',
        );
      while ((await ask('/healthz')) === '');
      // More than a pipe or a socket takes, some 300 bytes each.
      for (let n = 0; n < 2000; n += 1) await ask('/dicomweb/nothing');
      program.kill('SIGTERM');
      expect(await program.exit).toBe(0);
      expect(program.output).toMatch(/takes nothing/);
    } finally {
      close();
    }
  });

  test.each([
    ['config', [], 0],
    ['check', ['--json'], 1],
  ] as const)('and has gone ends nothing but the printing of %s', async (command, options, status) => {
    const program = new Program(
      [command, ...options],
      { DICOMGW_PEER: 'NOBODY@127.0.0.1:1' },
      'pipe',
      'gone',
    );
    started.push(program);
    expect(await program.exit).toBe(status);
    expect(program.output).toBe('');
  });

  test('as there is no room for it is told, with status 1', async () => {
    const full = openSync('/dev/full', 'w');
    const program = run(['config'], { DICOMGW_PEER: 'NOBODY@127.0.0.1:1' }, full);
    closeSync(full);
    expect(await program.exit).toBe(1);
    expect(program.output).toMatch(/^Standard output cannot be written to: .*\n$/);
  });
});

describe('a kill in the middle of a pull', () => {
  const count = 12;
  const instances = Array.from({ length: count }, () => makeInstance({ pixelBytes: 300_000 }));
  const SERIES = '/studies/2.25.77.1/series/2.25.77.2';
  const headers = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
  let peer: RoguePeer;
  let directory = '';
  afterEach(async () => {
    await peer.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('leaves nothing that is served wrongly: what was whole is found again, the rest is asked for', async () => {
    directory = mkdtempSync(join(tmpdir(), 'gateway-killed-'));
    let killed = false;
    let delivered = 0;
    const whole = new Set(instances.slice(0, count / 2).map(({ sopInstanceUid }) => sopInstanceUid));
    const onGet: Script = (_request, identifier) => {
      const wanted = selected(instances, identifier);
      if (killed) {
        delivered += wanted.length;
        return [...wanted.map((one) => store(one)), final(0)];
      }
      const some = wanted.filter(({ sopInstanceUid }) => whole.has(sopInstanceUid));
      return [...some.map((one) => store(one)), silence()];
    };
    peer = await startRoguePeer({ onFind: listing(instances), onGet });
    const env = {
      DICOMGW_PEER: `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`,
      DICOMGW_HTTP_LISTEN: '127.0.0.1:0',
      DICOMGW_CACHE_MEMORY: '1 MiB',
      DICOMGW_CACHE_DISK_DIRECTORY: join(directory, 'cache'),
    };
    const first = run(['serve'], env);
    const { groups: { service = '' } = {} } = await first.saying(READY);
    const broken = fetch(service + SERIES, { headers }).then((response) => response.arrayBuffer());
    broken.catch(() => undefined);
    const journal = join(directory, 'cache/journal');
    const saved = (): number => readFileSync(journal, 'utf8').split('"add"').length - 1;
    while (!existsSync(journal) || saved() < 2) await new Promise(setImmediate);
    first.kill('SIGKILL');
    await first.exit;
    await expect(broken).rejects.toThrow();
    killed = true;
    const found = saved();
    const second = run(['serve'], env);
    const { groups: { service: again = '' } = {} } = await second.saying(READY);
    const response = await fetch(again + SERIES, { headers });
    expect(response.status).toBe(200);
    const body = Buffer.from(await response.arrayBuffer());
    const type = response.headers.get('content-type') ?? '';
    const parts = partsOf({ headers: { 'content-type': type }, body });
    const received = new Set(parts.map((part) => sha256(datasetOf(part.body))));
    expect(received).toEqual(new Set(instances.map(({ dataset }) => sha256(dataset))));
    expect(delivered).toBe(count - found);
  });
});

describe('a client that has what the gateway sent before it was started again', () => {
  let peer: RoguePeer;
  let directory = '';
  afterEach(async () => {
    await peer.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)('is told that it has it (%s)', async (signal) => {
    directory = mkdtempSync(join(tmpdir(), 'gateway-again-'));
    const one = makeInstance({ pixelBytes: 5_000_000 }); // large enough to go to disk at once
    const onGet: Script = (_request, identifier) => [
      ...selected([one], identifier).map((wanted) => store(wanted)),
      final(),
    ];
    peer = await startRoguePeer({ onFind: listing([one]), onGet });
    const port = await freePort();
    const env = {
      DICOMGW_PEER: `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`,
      DICOMGW_HTTP_LISTEN: `127.0.0.1:${port}`,
      DICOMGW_CACHE_MEMORY: '1 MiB',
      DICOMGW_CACHE_DISK_DIRECTORY: join(directory, 'cache'),
    };
    const instance = `/studies/2.25.77.1/series/2.25.77.2/instances/${one.sopInstanceUid}`;
    const resources = [
      ['', 'application/dicom; transfer-syntax=*'],
      ['/frames/1', 'application/octet-stream; transfer-syntax=*'],
      ['/metadata', 'application/dicom+json'],
    ] as const;
    const first = run(['serve'], env);
    const { groups: { service = '' } = {} } = await first.saying(READY);
    const tags: string[] = [];
    for (const [suffix, accept] of resources) {
      await request(service + instance + suffix, { headers: { accept } });
      tags.push((await request(service + instance + suffix, { headers: { accept } })).headers.etag ?? '');
    }
    expect(new Set(tags).size).toBe(3);
    const journal = join(directory, 'cache/journal');
    for (let n = 0; !readFileSync(journal, 'utf8').includes('"add"'); n += 1) {
      if (n > 100) throw new Error('nothing was written down');
      await request(`${service}/studies`);
    }
    first.kill(signal);
    await first.exit;
    const second = run(['serve'], env);
    await second.saying(READY);
    for (const [index, [suffix, accept]] of resources.entries()) {
      const headers = { accept, 'if-none-match': tags[index] ?? '' };
      const again = await request(service + instance + suffix, { headers });
      expect([suffix, again.status, again.body.length]).toEqual([suffix, 304, 0]);
    }
    expect(peer.messages('C-GET-RQ')).toHaveLength(1);
  });
});

describe('check', () => {
  test('says what is wrong with a peer that is not there, names the groups, and ends with status 1', async () => {
    const program = run(['check'], {
      DICOMGW_PEER: `NOBODY@127.0.0.1:${await freePort()}`,
      DICOMGW_GROUPS_ALL_MEMBERS: 'main',
    });
    expect(await program.exit).toBe(1);
    expect(program.output).toMatch(/C-ECHO +FAILED .*Check host and port/);
    expect(program.output).toContain('group all: main; fails with any member; stores to none');
  });

  test('beside a gateway that runs, a peer that has only C-MOVE is usable as far as it can be tried', async () => {
    const pacs = await createDemoPacs();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const env = {
      DICOMGW_PEER: `${pacs.address.aeTitle}@127.0.0.1:${pacs.address.port}`,
      DICOMGW_PEERS_MAIN_RETRIEVE: 'move',
    };
    try {
      const listen = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
      const program = run(['check'], { ...env, DICOMGW_DIMSE_LISTEN: listen });
      expect(await program.exit).toBe(0);
      expect(program.output).toMatch(/C-GET +skipped retrieve is move/);
      expect(program.output).toMatch(/C-MOVE +skipped not tried: the address of dimse\.listen cannot be had/);
      expect(program.output).toContain('usable as far as it could be tried: nothing was retrieved.');
      expect(program.output).not.toContain('NOT usable');
    } finally {
      taken.close();
      await pacs.close();
    }
  });

  test('ends with status 1 where the study is not held, and keeps what it learnt before any gateway has run', async () => {
    const pacs = await createDemoPacs();
    const directory = mkdtempSync(join(tmpdir(), 'check-'));
    const env = {
      DICOMGW_PEER: `${pacs.address.aeTitle}@127.0.0.1:${pacs.address.port}`,
      DICOMGW_CACHE_DISK_DIRECTORY: join(directory, 'cache'),
      DICOMGW_CACHE_DISK_SIZE: '64 MiB',
    };
    try {
      const unknown = run(['check', '--study', '2.25.404'], env);
      expect(await unknown.exit).toBe(1);
      expect(unknown.output).toMatch(/study +FAILED +The PACS shows no such study/);
      expect(unknown.output).toMatch(/not found out +what is made of searches/);
      const known = run(['check', '--study', pacs.sample.studyInstanceUid], env);
      expect(await known.exit).toBe(0);
      const kept = readFileSync(join(directory, 'cache', 'peers', 'main.json'), 'utf8');
      expect(kept).toContain('"needsPatientId"');
    } finally {
      rmSync(directory, { recursive: true });
      await pacs.close();
    }
  });
});

describe('purge', () => {
  test('asks the running gateway, says what it dropped, and ends with status 0', async () => {
    const port = await freePort();
    const env = {
      DICOMGW_PEER: `NOBODY@127.0.0.1:${await freePort()}`,
      DICOMGW_HTTP_LISTEN: `127.0.0.1:${port}`,
    };
    await run(['serve'], env).saying(READY);
    const program = run(['purge', '--all'], env);
    expect(await program.exit).toBe(0);
    expect(program.output).toMatch(/^0 instances dropped/);
    const wrong = run(['purge', '--study', 'x'], env);
    expect(await wrong.exit).toBe(1);
    expect(wrong.output).toMatch(/is not a UID/);
  });

  test('ends with status 1 when no gateway runs', async () => {
    const program = run(['purge', '--all'], {
      DICOMGW_PEER: 'NOBODY@127.0.0.1:1',
      DICOMGW_HTTP_LISTEN: `127.0.0.1:${await freePort()}`,
    });
    expect(await program.exit).toBe(1);
    expect(program.output).toMatch(/Does it run/);
  });
});

describe('demo', () => {
  test('prints URLs that work', async () => {
    const program = run(['demo'], { DICOMGW_HTTP_LISTEN: '127.0.0.1:0' });
    const [, url = ''] = await program.saying(/curl -s '(\S+\/studies\S*)'/);
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(((await response.json()) as readonly unknown[]).length).toBeGreaterThan(1);
    program.kill('SIGINT');
    expect(await program.exit).toBe(0);
  });
});
