import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { renew, TestCa, type IssuedCertificate } from '../helpers/certificates.js';
import { PATIENCE_MS } from '../helpers/patience.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { startDcmjsPeer } from '../helpers/dcmjs-peer.js';
import {
  connectDestination,
  final,
  makeInstance,
  openRogueAssociation,
  pending,
  startRoguePeer,
  store,
  type RoguePeer,
  type RoguePeerOptions,
} from '../helpers/rogue-peer.js';
import { PATIENT, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

describeWithPacs(
  'TLS under DIMSE',
  () => {
    let ca: TestCa;
    let otherCa: TestCa;
    let server: IssuedCertificate;
    let client: IssuedCertificate;
    beforeAll(async () => {
      [ca, otherCa] = [await TestCa.create(), await TestCa.create()];
      server = await ca.issue('server');
      client = await ca.issue('client');
    });
    afterAll(() => {
      ca.remove();
      otherCa.remove();
    });

    const closers: (() => unknown)[] = [];
    afterEach(async () => {
      for (const close of closers.splice(0).reverse()) await close();
    });

    const pemOf = ({ cert, key }: IssuedCertificate): { cert: Buffer; key: Buffer } => ({
      cert: readFileSync(cert),
      key: readFileSync(key),
    });

    const onFind = [
      pending({ StudyInstanceUID: '2.25.1', PatientID: 'ONE', StudyDate: '20240102' }),
      final(),
    ];

    async function startPeer(
      options: tls.TlsOptions | undefined,
      more: RoguePeerOptions = {},
    ): Promise<RoguePeer> {
      const peer = await startRoguePeer({ onFind, ...more, ...(options && { tls: options }) });
      closers.push(() => peer.close());
      return peer;
    }

    async function gatewayTo(
      { address: { aeTitle, port } }: Pick<RoguePeer, 'address'>,
      { towards = [], top = [] }: { towards?: readonly string[]; top?: readonly string[] } = {},
    ): Promise<TestGateway> {
      const gateway = await startTestGateway(
        [
          'peers:',
          '  main:',
          `    address: ${aeTitle}@127.0.0.1:${port}`,
          PATIENT,
          ...towards,
          ...top,
          '',
        ].join('\n'),
      );
      closers.push(() => gateway.close());
      return gateway;
    }

    const towards = (...lines: readonly string[]): readonly string[] => [
      '    tls:',
      `      ca: ${ca.ca}`,
      ...lines.map((line) => `      ${line}`),
    ];

    const search = async (
      gateway: TestGateway,
    ): Promise<{ status: number; studies: number; detail: string }> => {
      const { status, body } = await request(`${gateway.service}/studies`);
      const answer = JSON.parse(body.toString()) as { detail?: string } | unknown[];
      return Array.isArray(answer)
        ? { status, studies: answer.length, detail: '' }
        : { status, studies: 0, detail: answer.detail ?? '' };
    };

    test('R-02: a search goes to a peer by TLS, with the certificate of the gateway', async () => {
      const options = { ...pemOf(server), ca: readFileSync(ca.ca), requestCert: true };
      const peer = await startPeer(options);
      const shown = `cert: ${client.cert}`;
      const gateway = await gatewayTo(peer, { towards: towards(shown, `key: ${client.key}`) });
      expect(await search(gateway)).toMatchObject({ status: 200, studies: 1 });
      const [association] = peer.open;
      const socket = association?.socket as tls.TLSSocket;
      expect(socket.getPeerCertificate().subject.CN).toBe('client');
      expect(socket.getProtocol()).toBe('TLSv1.3');
      const context = { requestId: 'echo', signal: AbortSignal.timeout(PATIENCE_MS) };
      const { security } = (await gateway.running.peers.get('main')?.echo(context)) ?? {};
      expect(security).toMatchObject({
        version: 'TLSv1.3',
        certificate: { subject: 'server', issuer: 'test authority', expiresAt: '2049-01-01T00:00:00.000Z' },
      });
    });

    test('an instance larger than every buffer comes whole by TLS', async () => {
      const instance = makeInstance({ pixelBytes: 3_000_000 });
      const uids = [instance.studyInstanceUid, instance.seriesInstanceUid, instance.sopInstanceUid] as const;
      const peer = await startPeer(pemOf(server), {
        onFind: [
          pending({
            StudyInstanceUID: uids[0],
            SeriesInstanceUID: uids[1],
            SOPInstanceUID: uids[2],
            SOPClassUID: instance.sopClassUid,
            PatientID: 'ROGUE',
          }),
          final(),
        ],
        onGet: [store(instance), final()],
      });
      const gateway = await gatewayTo(peer, { towards: towards() });
      const path = `/studies/${uids[0]}/series/${uids[1]}/instances/${uids[2]}`;
      const answer = await request(`${gateway.service}${path}`, {
        headers: { accept: 'application/dicom; transfer-syntax=*' },
      });
      expect(answer.status).toBe(200);
      expect(answer.body.subarray(-instance.dataset.length).equals(instance.dataset)).toBe(true);
    });

    test.each<[string, () => Promise<tls.TlsOptions>, readonly string[], string]>([
      [
        'is of an authority that is not trusted',
        async () => pemOf(await otherCa.issue('stranger')),
        [],
        'does not chain to a CA',
      ],
      [
        'is for another name',
        async () => pemOf(await ca.issue('other', { names: 'DNS:other.example' })),
        [],
        'for another name',
      ],
      [
        'has expired',
        async () => pemOf(await ca.issue('expired', { to: '20210101000000Z' })),
        [],
        'has expired',
      ],
      [
        'is not valid yet',
        async () => pemOf(await ca.issue('future', { from: '20480101000000Z' })),
        [],
        'not valid yet',
      ],
    ])(
      'a peer whose certificate %s is not reached, and the answer says why',
      async (_what, options, lines, text) => {
        const peer = await startPeer(await options());
        const gateway = await gatewayTo(peer, { towards: towards(...lines) });
        const answer = await search(gateway);
        expect(answer.status).toBe(503);
        expect(answer.detail).toContain(text);
        expect(await gateway.logged(text)).toContain('association failed');
        // Nothing was asked of it, in plain text or otherwise.
        expect(peer.events.filter(({ type }) => type !== 'closed')).toEqual([]);
      },
    );

    test('a peer that wants a client certificate and is shown none says so', async () => {
      const peer = await startPeer({ ...pemOf(server), ca: readFileSync(ca.ca), requestCert: true });
      const gateway = await gatewayTo(peer, { towards: towards() });
      const answer = await search(gateway);
      expect(answer.status).toBe(503);
      expect(answer.detail).toContain('wants a client certificate');
    });

    test('a peer that shares no version of TLS is not reached', async () => {
      const peer = await startPeer({ ...pemOf(server), maxVersion: 'TLSv1.2' });
      const gateway = await gatewayTo(peer, { towards: towards('minVersion: TLSv1.3') });
      expect((await search(gateway)).detail).toContain('no version of TLS');
    });

    test('PS3.15 B.12: nothing but ECDHE with AES-GCM is offered under TLS 1.2', async () => {
      const weak = {
        maxVersion: 'TLSv1.2',
        ciphers: 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384',
      } as const;
      const peer = await startPeer({ ...pemOf(server), ...weak });
      const gateway = await gatewayTo(peer, { towards: towards() });
      expect((await search(gateway)).detail).toContain('shares no cipher suite');
    });

    test('a peer that speaks no TLS is not reached, and nothing is asked of it in plain text', async () => {
      const peer = await startPeer(undefined);
      const plain = await startDcmjsPeer();
      closers.push(() => plain.close());
      for (const one of [peer, plain]) {
        const gateway = await gatewayTo(one, { towards: towards() });
        const answer = await search(gateway);
        expect(answer.status).toBe(503);
        expect(answer.detail).toMatch(/no TLS on this port/);
      }
      expect(peer.events.filter(({ type }) => type === 'associate-rq')).toEqual([]);
    });

    test('a peer that speaks TLS, where none is configured, is told to do so, or guessed to', async () => {
      const silent = await gatewayTo(await startPeer(pemOf(server)));
      expect((await search(silent)).detail).toContain('perhaps it speaks TLS on this port');
      // A fatal alert, as OpenSSL's own servers send it.
      const alerting = net.createServer((socket) => {
        socket
          .on('data', () => socket.end(Buffer.from('15030100020246', 'hex')))
          .on('error', () => undefined);
      });
      alerting.listen(0, '127.0.0.1');
      await once(alerting, 'listening');
      closers.push(() => alerting.close());
      const { port } = alerting.address() as net.AddressInfo;
      const told = await search(await gatewayTo({ address: { aeTitle: 'PACS', host: '127.0.0.1', port } }));
      expect([told.status, told.detail]).toEqual([
        503,
        expect.stringContaining('TLS is spoken at the other end'),
      ]);
    });

    test('the name of a certificate may be configured, or left unchecked with a reason', async () => {
      const peer = await startPeer(pemOf(await ca.issue('archive', { names: 'DNS:archive.example' })));
      const named = await gatewayTo(peer, { towards: towards('serverName: archive.example') });
      expect(await search(named)).toMatchObject({ status: 200, studies: 1 });
      const unchecked = ['checkIdentity: false', 'whyUnchecked: the PACS has a certificate without names'];
      const trusting = await gatewayTo(peer, { towards: towards(...unchecked) });
      expect(await search(trusting)).toMatchObject({ status: 200, studies: 1 });
    });

    test('a renewed client certificate is shown on the next connection', async () => {
      const own = { cert: join(ca.directory, 'own.crt'), key: join(ca.directory, 'own.key') };
      renew(client, own);
      const peer = await startPeer({ ...pemOf(server), ca: readFileSync(ca.ca), requestCert: true });
      const lines = [`cert: ${own.cert}`, `key: ${own.key}`];
      const gateway = await gatewayTo(peer, { towards: [...towards(...lines), '    idleTimeout: 1ms'] });
      expect((await search(gateway)).status).toBe(200);
      await peer.allClosed();
      renew(await ca.issue('renewed', { to: '20400101000000Z' }), own);
      await gateway.running.reloadCertificates();
      const shown = new Promise<unknown>((resolve) => {
        const looking = setInterval(() => {
          const socket = peer.open[0]?.socket as tls.TLSSocket | undefined;
          const name = socket?.getPeerCertificate().subject.CN;
          if (name === undefined) return;
          clearInterval(looking);
          resolve(name);
        }, 1);
      });
      const found = search(gateway);
      expect(await shown).toBe('renewed');
      expect((await found).status).toBe(200);
      const { body } = await gateway.telemetry.metrics();
      const expiry = Date.UTC(2040, 0) / 1000;
      expect(body).toContain(`dicomgw_certificate_expiry_timestamp_seconds{listener="peer:main"} ${expiry}`);
      expect(body).toContain('dicomgw_certificate_reloads_total{listener="peer:main",outcome="renewed"} 1');
    });

    const inbound = (...lines: readonly string[]): readonly string[] => [
      'dimse:',
      '  listen: 127.0.0.1:0',
      '  tls:',
      `    cert: ${server.cert}`,
      `    key: ${server.key}`,
      ...lines.map((line) => `    ${line}`),
    ];

    const portOf = ({ running }: TestGateway): number => running.storageScp?.listening.port ?? 0;

    async function connect(gateway: TestGateway, options: tls.ConnectionOptions): Promise<tls.TLSSocket> {
      const socket = tls.connect({
        ...{ host: '127.0.0.1', port: portOf(gateway), ca: readFileSync(ca.ca) },
        ...options,
      });
      socket.on('error', () => undefined);
      closers.push(() => socket.destroy());
      await new Promise((resolve) => socket.once('secureConnect', resolve).once('close', resolve));
      return socket;
    }

    test('R-02: a C-MOVE to the gateway comes by TLS, from who has a certificate', async () => {
      const instance = makeInstance();
      const row = {
        StudyInstanceUID: instance.studyInstanceUid,
        SeriesInstanceUID: instance.seriesInstanceUid,
        SOPInstanceUID: instance.sopInstanceUid,
        SOPClassUID: instance.sopClassUid,
        PatientID: 'ROGUE',
      };
      const peer = await startPeer(undefined, {
        onFind: [pending(row), final()],
        onMove: [connectDestination(instance), store(instance), final()],
      });
      // What goes to port P in plain goes on by TLS, as a TLS proxy beside a PACS does.
      const proxy = net.createServer((plain) => {
        const secure = tls.connect({
          host: '127.0.0.1',
          port: portOf(gateway),
          ca: readFileSync(ca.ca),
          ...pemOf(client),
        });
        plain.pipe(secure).pipe(plain);
        plain.on('error', () => secure.destroy());
        secure.on('error', () => plain.destroy());
      });
      proxy.listen(0, '127.0.0.1');
      await once(proxy, 'listening');
      closers.push(() => proxy.close());
      const gateway = await gatewayTo(peer, {
        towards: ['    retrieve: move'],
        top: inbound(`ca: ${ca.ca}`),
      });
      peer.moveDestinations.set('GATEWAY', {
        host: '127.0.0.1',
        port: (proxy.address() as net.AddressInfo).port,
      });
      const path = `/studies/${row.StudyInstanceUID}/series/${row.SeriesInstanceUID}/instances/${row.SOPInstanceUID}`;
      const answer = await request(`${gateway.service}${path}`, {
        headers: { accept: 'application/dicom; transfer-syntax=*' },
      });
      expect(answer.status).toBe(200);
      expect(answer.body.subarray(-instance.dataset.length).equals(instance.dataset)).toBe(true);
    });

    test('whoever shows no certificate of the authority is turned away, and the log says why', async () => {
      const peer = await startPeer(undefined);
      const gateway = await gatewayTo(peer, { top: inbound(`ca: ${ca.ca}`) });
      const none = await connect(gateway, {});
      if (!none.closed) await once(none, 'close');
      expect(await gateway.logged('it showed no client certificate')).toContain('"remote":"127.0.0.1"');
      const stranger = await connect(gateway, pemOf(await otherCa.issue('intruder')));
      if (!stranger.closed) await once(stranger, 'close');
      await gateway.logged('does not chain to a CA');
      const honest = await openRogueAssociation({
        ...{ host: '127.0.0.1', port: portOf(gateway) },
        over: await connect(gateway, pemOf(client)),
      });
      expect(honest.accepted.size).toBe(1);
      await honest.release();
    });

    test('plain text is not taken where TLS is configured, nor TLS where it is not', async () => {
      const peer = await startPeer(undefined);
      const secure = await gatewayTo(peer, { top: inbound('requireClientCertificate: false') });
      const plain = await openRogueAssociation({ host: '127.0.0.1', port: portOf(secure) });
      expect(plain.accepted.size).toBe(0);
      await secure.logged('it speaks no TLS');
      const open = await openRogueAssociation({
        ...{ host: '127.0.0.1', port: portOf(secure) },
        over: await connect(secure, {}),
      });
      expect(open.accepted.size).toBe(1);
      await open.release();
      const insecure = await gatewayTo(peer, { top: ['dimse: { listen: "127.0.0.1:0" }'] });
      await connect(insecure, {});
      await insecure.logged('TLS is spoken where none is configured');
    });

    test('a renewed certificate is shown to who connects next', async () => {
      const peer = await startPeer(undefined);
      const own = { cert: join(ca.directory, 'served.crt'), key: join(ca.directory, 'served.key') };
      renew(server, own);
      const gateway = await gatewayTo(peer, {
        top: [
          'dimse:',
          '  listen: 127.0.0.1:0',
          `  tls: { cert: ${own.cert}, key: ${own.key}, requireClientCertificate: false }`,
        ],
      });
      const nameNow = async (): Promise<string> => {
        const socket = await connect(gateway, {});
        const { CN } = socket.getPeerCertificate().subject;
        socket.destroy();
        return String(CN);
      };
      expect(await nameNow()).toBe('server');
      renew(await ca.issue('served-anew'), own);
      await gateway.running.reloadCertificates();
      expect(await nameNow()).toBe('served-anew');
      const { body } = await gateway.telemetry.metrics();
      expect(body).toContain('dicomgw_certificate_reloads_total{listener="dimse",outcome="renewed"} 1');
    });

    test.each([
      [
        'a file that is missing',
        () => ['    tls:', '      ca: /nowhere/ca.crt'],
        'peers.main.tls: /nowhere/ca.crt cannot be read',
      ],
      [
        'a key of another certificate',
        () => towards(`cert: ${server.cert}`, `key: ${client.key}`),
        'peers.main.tls.key is not the key',
      ],
      ['no reason for what is not checked', () => towards('checkIdentity: false'), 'whyUnchecked'],
      [
        'certificates of a peer that nobody is asked for',
        () => [`    inbound: { certificates: ['${'AB'.repeat(32)}'] }`],
        'peers.main.inbound.certificates: needs dimse.tls.ca',
      ],
      [
        'a list of revoked certificates of nobody',
        () => ['    tls:', `      crl: ${ca.ca}`],
        'peers.main.tls.crl: needs peers.main.tls.ca',
      ],
      [
        'a passphrase of no key',
        () => towards(`passphraseFile: ${ca.ca}`),
        'peers.main.tls.passphraseFile: is that of a key',
      ],
      ['half a pair', () => towards(`cert: ${server.cert}`), 'cert and key belong together'],
    ])('%s stops the start in words', async (_what, lines, text) => {
      const peer = await startPeer(pemOf(server));
      await expect(gatewayTo(peer, { towards: lines() })).rejects.toThrow(text);
    });
  },
  ['openssl'],
);
