import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { dumpConfig, loadConfig } from '../../src/config/index.js';
import { hashPassword } from '../../src/access/index.js';
import {
  accept,
  final,
  openRogueAssociation,
  pending,
  reject,
  startRoguePeer,
  type RogueAssociation,
  type RoguePeer,
  type RoguePeerOptions,
  type RogueRequest,
} from '../helpers/rogue-peer.js';
import { PATIENT, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

const PASSCODE = 'open sesame';
const TICKET = Buffer.from('6082010a00ff0a0d', 'hex');

let directory: string;
const closers: (() => unknown)[] = [];
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'identity-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function fileOf(content: string | Buffer): string {
  const path = join(directory, `secret-${Math.random()}`);
  writeFileSync(path, content);
  return path;
}

async function gatewayTo(
  options: RoguePeerOptions,
  identity: readonly string[],
): Promise<{
  peer: RoguePeer;
  gateway: TestGateway;
  search: () => Promise<{ status: number; text: string }>;
}> {
  const onFind = [pending({ StudyInstanceUID: '2.25.1', StudyDate: '20240102' }), final()];
  const peer = await startRoguePeer({ onFind, ...options });
  closers.push(() => peer.close());
  const lines = ['    userIdentity:', ...identity.map((line) => `      ${line}`)];
  const address = `ROGUE@127.0.0.1:${peer.address.port}`;
  const gateway = await startTestGateway(
    ['peers:', '  main:', `    address: ${address}`, PATIENT, '    idleTimeout: 1ms', ...lines, ''].join(
      '\n',
    ),
  );
  closers.push(() => gateway.close());
  const search = async (): Promise<{ status: number; text: string }> => {
    const { status, body } = await request(`${gateway.service}/studies`);
    return { status, text: body.toString() };
  };
  return { peer, gateway, search };
}

const askedOf = (peer: RoguePeer): readonly unknown[] =>
  peer.events.flatMap((event) => (event.type === 'associate-rq' ? [event.request.userIdentity] : []));

describe('PS3.7 D.3.3.7: who the gateway says it asks for', () => {
  test.each<[string, () => readonly string[], object]>([
    ['a user name', () => ['type: username', 'user: Grüße'], { type: 1, primary: Buffer.from('Grüße') }],
    [
      'a user name with a passcode',
      () => ['type: passcode', 'user: gateway', `passcode: ${PASSCODE}`],
      { type: 2, primary: Buffer.from('gateway'), secondary: Buffer.from(PASSCODE) },
    ],
    [
      'a passcode from a file',
      () => ['type: passcode', 'user: gateway', `passcodeFile: ${fileOf(`${PASSCODE}\r\n`)}`],
      { type: 2, secondary: Buffer.from(PASSCODE) },
    ],
    ['a Kerberos ticket', () => ['type: kerberos', `file: ${fileOf(TICKET)}`], { type: 3, primary: TICKET }],
    [
      'a SAML assertion',
      () => ['type: saml', `file: ${fileOf('<Assertion/>\n')}`],
      { type: 4, primary: Buffer.from('<Assertion/>\n') },
    ],
    [
      'a web token',
      () => ['type: jwt', `file: ${fileOf('a.b.c\n')}`],
      { type: 5, primary: Buffer.from('a.b.c') },
    ],
  ])('%s goes with the association request', async (_what, identity, wanted) => {
    const { peer, search } = await gatewayTo({}, identity());
    expect((await search()).status).toBe(200);
    expect(askedOf(peer)[0]).toEqual({
      responseRequested: false,
      secondary: Buffer.alloc(0),
      ...{ primary: Buffer.from('gateway') },
      ...wanted,
    });
  });

  test('a token is read anew for each association', async () => {
    const file = fileOf('first');
    const { peer, search } = await gatewayTo({}, ['type: jwt', `file: ${file}`]);
    await search();
    await peer.allClosed();
    writeFileSync(file, 'second');
    await search();
    expect(askedOf(peer)).toMatchObject([
      { primary: Buffer.from('first') },
      { primary: Buffer.from('second') },
    ]);
  });

  test.each([
    ['is missing', () => '/nowhere/token'],
    ['is empty', () => fileOf('')],
    ['is larger than an association request', () => fileOf(Buffer.alloc(50_000))],
  ])('a token that %s opens no association, and is told without what it holds', async (_what, file) => {
    const { peer, gateway, search } = await gatewayTo({}, ['type: jwt', `file: ${file()}`]);
    const { status, text } = await search();
    expect(status).toBe(500);
    expect(text).toContain('The user identity for the peer cannot be read');
    await gateway.logged('user identity for the peer');
    expect(askedOf(peer)).toEqual([]);
  });

  const confirmed = ['type: username', 'user: gateway', 'confirm: true'];

  test('a peer that confirms the identity is used', async () => {
    const associate = accept({ identityResponse: Buffer.from('welcome') });
    const { peer, search } = await gatewayTo({ associate }, confirmed);
    expect((await search()).status).toBe(200);
    expect(askedOf(peer)).toMatchObject([{ responseRequested: true }]);
  });

  test('a peer that was asked to confirm the identity and does not is not used', async () => {
    const { peer, search } = await gatewayTo({}, confirmed);
    const { status, text } = await search();
    expect([status, text]).toEqual([502, expect.stringContaining('did not confirm the user identity')]);
    expect(peer.messages('C-FIND-RQ')).toEqual([]);
    // It was not tried again in another way: the same would have come of it.
    expect(askedOf(peer)).toHaveLength(1);
  });

  test('a peer that rejects without a reason may have done so for the identity', async () => {
    const { search } = await gatewayTo({ associate: reject('permanent', 1, 1) }, [
      'type: username',
      'user: gateway',
    ]);
    expect((await search()).text).toContain('perhaps it does not take the user identity');
  });

  test('no secret is printed, logged or told', async () => {
    const identity = ['type: passcode', 'user: gateway', `passcode: ${PASSCODE}`];
    const { gateway, search } = await gatewayTo({ associate: reject('permanent') }, identity);
    const { text } = await search();
    const { body } = await gateway.telemetry.metrics();
    const config = loadConfig({
      file: `peers: { main: { address: "A@h:1", userIdentity: { type: passcode, user: u, passcode: ${PASSCODE} } } }`,
      env: {},
    });
    for (const output of [text, body, gateway.logLines.join(''), dumpConfig(config)])
      expect(output).not.toContain(PASSCODE);
    expect(dumpConfig(config)).toContain('passcode: <redacted>');
  });

  test.each([
    ['type: username', 'username takes user'],
    ['type: passcode\n      user: a', 'passcode takes passcode or passcodeFile'],
    [
      'type: passcode\n      user: a\n      passcode: b\n      passcodeFile: c',
      'passcode takes passcode or passcodeFile',
    ],
    ['type: jwt', 'jwt takes file'],
    ['type: jwt\n      file: a\n      user: b', 'is nothing that jwt takes'],
  ])('%j is refused at the start', (lines, text) => {
    const file = `peers:\n  main:\n    address: A@h:1\n    userIdentity:\n      ${lines}\n`;
    expect(() => loadConfig({ file, env: {} })).toThrow(text);
  });

  test('a passcode can come from the environment', () => {
    const file = 'peers: { main: { address: "A@h:1", userIdentity: { type: passcode, user: u } } }';
    const config = loadConfig({ file, env: { DICOMGW_PEERS_MAIN_USER_IDENTITY_PASSCODE: PASSCODE } });
    expect(config.peers['main']?.userIdentity?.passcode).toBe(PASSCODE);
  });
});

describe('PS3.7 D.3.3.7: who may open associations to the gateway', () => {
  async function gatewayFor(more = ''): Promise<TestGateway> {
    const hash = await hashPassword(PASSCODE);
    const gateway = await startTestGateway(
      `dimse: { listen: "127.0.0.1:0", userIdentity: { users: { pacs: "${hash}" }${more} } }\n` +
        'peers: { main: { address: "ROGUE@127.0.0.1:1" } }\n',
    );
    closers.push(() => gateway.close());
    return gateway;
  }

  async function ask(
    gateway: TestGateway,
    userIdentity?: RogueRequest['userIdentity'],
  ): Promise<RogueAssociation> {
    const port = gateway.running.storageScp?.listening.port ?? 0;
    const association = await openRogueAssociation({
      ...{ host: '127.0.0.1', port },
      ...(userIdentity && { userIdentity }),
    });
    closers.push(() => {
      association.drop();
    });
    return association;
  }

  const identity = (
    user: string,
    passcode: string,
    more: object = {},
  ): NonNullable<RogueRequest['userIdentity']> => ({
    ...{ type: 2, responseRequested: false, primary: Buffer.from(user), secondary: Buffer.from(passcode) },
    ...more,
  });

  function answerOf({ record }: RogueAssociation): unknown {
    for (const event of record.events) {
      if (event.type === 'associate-rj') return [...event.body];
      if (event.type === 'associate-ac') return event.answer.identityResponse ?? 'accepted';
    }
    return undefined;
  }

  test('a user with the passcode is accepted, and hears so where it asks', async () => {
    const gateway = await gatewayFor();
    expect(answerOf(await ask(gateway, identity('pacs', PASSCODE)))).toBe('accepted');
    const asking = identity('pacs', PASSCODE, { responseRequested: true });
    expect(answerOf(await ask(gateway, asking))).toEqual(Buffer.alloc(0));
  });

  test.each<[string, RogueRequest['userIdentity']]>([
    ['a wrong passcode', identity('pacs', 'guess')],
    ['no passcode', identity('pacs', '')],
    ['an unknown user', identity('nobody', PASSCODE)],
    ['a name of every object', identity('constructor', PASSCODE)],
    ['a user name alone', identity('pacs', PASSCODE, { type: 1 })],
    ['a token that nobody can check', identity('pacs', PASSCODE, { type: 5 })],
    ['no identity', undefined],
  ])('%s is rejected for good, without a reason', async (_what, given) => {
    const gateway = await gatewayFor();
    expect(answerOf(await ask(gateway, given))).toEqual([0, 1, 1, 1]);
    await gateway.logged('inbound association refused');
    expect(gateway.logLines.join('')).not.toContain(PASSCODE);
  });

  test('where it is not required, no identity will do, but a wrong one will not', async () => {
    const gateway = await gatewayFor(', required: false');
    expect(answerOf(await ask(gateway))).toBe('accepted');
    expect(answerOf(await ask(gateway, identity('pacs', 'guess')))).toEqual([0, 1, 1, 1]);
  });

  test('who leaves while the passcode is looked at leaves nothing behind', async () => {
    const gateway = await gatewayFor();
    const port = gateway.running.storageScp?.listening.port ?? 0;
    const leaving = openRogueAssociation({
      host: '127.0.0.1',
      port,
      userIdentity: identity('pacs', PASSCODE),
    });
    (await leaving).drop();
    expect(answerOf(await ask(gateway, identity('pacs', PASSCODE)))).toBe('accepted');
  });
});
