import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { peerFile } from '../../src/compose-peer.js';
import { loadConfig, type Config } from '../../src/config/index.js';
import type { Observation } from '../../src/core/index.js';
import type { PeerFacts } from '../../src/dimse/index.js';
import { PeerKnowledge } from '../../src/dimse/peer-knowledge.js';
import type { PeerFile } from '../../src/peer-file.js';
import { listing } from '../helpers/listing.js';
import { makeInstance, reject, startRoguePeer, unlessExtended } from '../helpers/rogue-peer.js';
import { peerYaml, request, startTestGateway } from '../helpers/test-gateway.js';
import { ManualClock } from '../unit/cache/harness.js';

let root = '';
let directory = '';
let clock: ManualClock;
let observations: Observation[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'peer-file-'));
  directory = root;
  clock = new ManualClock();
  observations = [];
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const path = (): string => join(directory, 'peers', 'main.json');
const warnings = (): Observation[] => observations.filter(({ kind }) => kind === 'log');

function configOf(more = '', address = 'PACS@192.0.2.1:104'): Config {
  const file = `peers: { main: { address: "${address}" ${more} } }\ncache: { disk: { directory: "${directory}", size: 1 GiB } }`;
  return loadConfig({ file, env: {} });
}

function fileOf(config = configOf()): PeerFile {
  const observe = (observation: Observation): void => void observations.push(observation);
  const file = peerFile(config, 'main', { observe, clock });
  if (!file) throw new Error('no file');
  return file;
}

const knowledgeOf = (known = {}): PeerKnowledge =>
  new PeerKnowledge({ peer: 'main', clock, observe: () => undefined, known });

/** Writes down that lists of UIDs are not heeded, and where it is. */
async function written(): Promise<string> {
  const file = fileOf();
  const knowledge = knowledgeOf();
  file.keep(knowledge);
  knowledge.learn('uidList', 1, 600_000);
  await file.close();
  return readFileSync(path(), 'utf8');
}

describe('what was learnt of a peer', () => {
  test('is written down for its user alone, and read by the next process', async () => {
    const text = await written();
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(directory, 'peers'))).toEqual(['main.json']);
    expect(JSON.parse(text)).toMatchObject({
      version: 1,
      peer: 'main',
      configured: { address: 'PACS@192.0.2.1:104' },
    });
    expect(await fileOf().read()).toEqual({ uidList: { value: 1, expires: expect.any(String) } });
    expect(warnings()).toEqual([]);
  });

  test('is written a little later, several changes at once', async () => {
    const file = fileOf();
    const knowledge = knowledgeOf();
    file.keep(knowledge);
    knowledge.learn('uidList', 1, 600_000);
    knowledge.learn('findCap', 200, 600_000);
    clock.advance(1_000);
    expect(existsSync(path())).toBe(false);
    clock.advance(1_000);
    await file.close();
    expect(Object.keys(await fileOf().read())).toEqual(['uidList', 'findCap']);
  });

  test('that has expired is not believed', async () => {
    const text = (await written()).replace(/"expires": "[^"]+"/, '"expires": "2020-01-01T00:00:00.000Z"');
    writeFileSync(path(), text);
    expect(await fileOf().read()).toEqual({});
  });

  test('there is nothing of before the first time', async () => {
    expect(await fileOf().read()).toEqual({});
    expect(warnings()).toEqual([]);
  });

  test('that another process writes meanwhile is taken over, and not lost', async () => {
    const [ours, theirs] = [fileOf(), fileOf()];
    const knowledge = knowledgeOf();
    ours.keep(knowledge);
    knowledge.learn('uidList', 1, 600_000);
    clock.advance(2_000);
    await ours.close();
    ours.keep(knowledge);
    const expires = new Date(Date.now() + 300_000).toISOString();
    await theirs.update({ ...(await theirs.read()), literalWildcard: { value: true, expires } });
    knowledge.learn('findCap', 10, 600_000);
    clock.advance(2_000);
    await ours.close();
    expect(knowledge.get('literalWildcard')).toBe(true);
    expect(Object.keys(await fileOf().read()).sort()).toEqual(['findCap', 'literalWildcard', 'uidList']);
  });

  test('has what is learnt while it is written at the end, and leaves no timer', async () => {
    const file = fileOf();
    const knowledge = knowledgeOf();
    file.keep(knowledge);
    knowledge.learn('uidList', 1, 600_000);
    clock.advance(2_000);
    const closed = file.close();
    await Promise.resolve();
    knowledge.learn('findCap', 10, 600_000);
    await closed;
    expect(Object.keys(await fileOf().read()).sort()).toEqual(['findCap', 'uidList']);
    expect(clock.pending).toBe(0);
  });

  test('is looked for now and then', async () => {
    await written();
    const [ours, theirs] = [fileOf(), fileOf()];
    const knowledge = knowledgeOf();
    ours.keep(knowledge);
    const expires = new Date(Date.now() + 300_000).toISOString();
    await theirs.update({ needsPatientId: { value: true, expires } });
    clock.advance(30_000);
    // It is read without anybody who waits for it.
    while (knowledge.get('needsPatientId') === undefined)
      await new Promise((resolve) => setImmediate(resolve));
    await ours.close();
    expect(knowledge.get('needsPatientId')).toBe(true);
  });

  test.each(['../main', '.', '..', 'a/b', 'a\\0b', ''])('has no place for a peer named %j', (name) => {
    const file = `peers: { ${JSON.stringify(name)}: { address: "PACS@192.0.2.1:104" } }`;
    expect(() => loadConfig({ file, env: {} })).toThrow(/peer's name/);
  });

  const fact = (): PeerFacts => ({
    uidList: { value: 1, expires: new Date(Date.now() + 60_000).toISOString() },
  });

  test('is kept by a check before a gateway has run, also where there is no directory yet', async () => {
    directory = join(directory, 'a', 'cache');
    await fileOf().update(fact());
    expect(await fileOf().read()).toEqual({ uidList: { value: 1, expires: expect.any(String) } });
    expect([directory, join(directory, 'peers')].map((one) => statSync(one).mode & 0o777)).toEqual([
      0o700, 0o700,
    ]);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(warnings()).toEqual([]);
  });

  const isRoot = process.getuid?.() === 0;
  (isRoot ? test : test.skip)('is left by root to whom the directory belongs', async () => {
    chownSync(directory, 12_345, 12_346);
    directory = join(directory, 'cache');
    await fileOf().update(fact());
    const made = [directory, join(directory, 'peers'), path()].map((one) => statSync(one));
    expect(made.map(({ uid, gid }) => [uid, gid])).toEqual(Array(3).fill([12_345, 12_346]));
  });

  test('is nothing, and makes no directory, of a peer that is not there', async () => {
    directory = join(directory, 'cache');
    await fileOf().update({});
    expect(existsSync(directory)).toBe(false);
  });

  test('is not written through a link that lies in the way', async () => {
    await written();
    const target = join(directory, 'elsewhere');
    writeFileSync(target, 'mine');
    symlinkSync(target, `${path()}.${process.pid}.tmp`);
    await fileOf().update(fact());
    expect(readFileSync(target, 'utf8')).toBe('mine');
    expect(Object.keys(await fileOf().read())).toEqual(['uidList']);
  });

  test('that a check cannot write is told, and stops nothing', async () => {
    writeFileSync(join(directory, 'peers'), 'in the way');
    await fileOf().update(fact());
    expect(warnings()).toEqual([expect.objectContaining({ level: 'warn', peer: 'main' })]);
  });
});

describe('a file that is not what it should be is nothing, with a warning', () => {
  const change =
    (edit: (content: Record<string, unknown>) => unknown): ((text: string) => string) =>
    (text) =>
      JSON.stringify(edit(JSON.parse(text) as Record<string, unknown>));

  test.each<[string, (text: string) => string]>([
    ['no JSON', (text) => text.slice(0, -20)],
    ['empty', () => ''],
    ['null', () => 'null'],
    ['of another release', change((content) => ({ ...content, version: 2 }))],
    ['of another peer', change((content) => ({ ...content, peer: 'other' }))],
    ['without facts', change(({ facts: _facts, ...content }) => content)],
    [
      'with a fact that there is not',
      change((content) => ({ ...content, facts: { toString: { value: 1, expires: '2090-01-01' } } })),
    ],
    [
      'with a value of another kind',
      change((content) => ({ ...content, facts: { uidList: { value: '1', expires: '2090-01-01' } } })),
    ],
    [
      'with no time',
      change((content) => ({ ...content, facts: { uidList: { value: 1, expires: 'soon' } } })),
    ],
    [
      'with text that is no name',
      change((content) => ({
        ...content,
        facts: { ignoredKeys: { value: ['DOE^JANE'], expires: '2090-01-01' } },
      })),
    ],
    ['too long', (text) => text + ' '.repeat(70_000)],
  ])('%s', async (_, edit) => {
    writeFileSync(path(), edit(await written()));
    expect(await fileOf().read()).toEqual({});
    expect(warnings()).toEqual([expect.objectContaining({ level: 'warn', peer: 'main' })]);
  });

  test('a directory, a link', async () => {
    mkdirSync(path(), { recursive: true });
    expect(await fileOf().read()).toEqual({});
    rmSync(path(), { recursive: true });
    writeFileSync(join(directory, 'elsewhere'), '{}');
    symlinkSync(join(directory, 'elsewhere'), path());
    expect(await fileOf().read()).toEqual({});
    expect(warnings()).toHaveLength(2);
  });

  test.each([
    ['address', configOf, ['', 'PACS@192.0.2.2:104']],
    ['AE title', configOf, ['', 'OTHER@192.0.2.1:104']],
    ['profile', configOf, [', profile: { literalWildcard: false }']],
    ['way of retrieving', configOf, [', retrieve: get']],
  ] as const)('of a peer with another %s', async (_, of, [more, address]) => {
    await written();
    expect(await fileOf(of(more, address)).read()).toEqual({});
    expect(warnings()).toHaveLength(1);
  });

  test('a directory that cannot be written to: one warning, and all goes on', async () => {
    writeFileSync(join(directory, 'peers'), 'in the way');
    const file = fileOf();
    const knowledge = knowledgeOf();
    file.keep(knowledge);
    for (const most of [1, 2]) {
      knowledge.learn('uidList', most, 600_000);
      clock.advance(2_000);
    }
    await file.close();
    expect(warnings()).toHaveLength(1);
  });
});

describe('a gateway', () => {
  const search = async (service: string): Promise<number> =>
    (await request(`${service}/studies?limit=1`)).status;

  test('goes by what the one before it learnt; without a disk cache nothing is kept', async () => {
    const peer = await startRoguePeer({
      onFind: listing([makeInstance()]),
      associate: unlessExtended(reject('permanent', 1, 1)),
    });
    const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
    const disk = `cache: { disk: { directory: "${directory}", size: 64 MiB } }`;
    const attempts: number[] = [];
    for (const yaml of [disk, disk, '']) {
      const before = peer.record.of('associate-rq').length;
      const gateway = await startTestGateway(peerYaml(address, yaml));
      expect(await search(gateway.service)).toBe(200);
      await gateway.close();
      attempts.push(peer.record.of('associate-rq').length - before);
    }
    await peer.close();
    // The first is rejected once, the second knows; the third finds out for itself.
    expect(attempts).toEqual([2, 1, 2]);
    expect(readFileSync(path(), 'utf8')).toContain('"extendedNegotiation"');
  });
});
