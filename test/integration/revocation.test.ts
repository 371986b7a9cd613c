import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { encryptKey, renew, TestCa, type IssuedCertificate } from '../helpers/certificates.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { final, pending, startRoguePeer } from '../helpers/rogue-peer.js';
import { peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

let ca: TestCa;
let server: IssuedCertificate;
let good: IssuedCertificate;
let stolen: IssuedCertificate;
let gateway: TestGateway | undefined;
/** Starts without anybody on it. */
let crl: string;

const PEER = peerYaml('NOBODY@127.0.0.1:1');

const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error),
  );

const listenerYaml = (more = ''): string =>
  `tls: { cert: ${server.cert}, key: ${server.key}, ca: ${ca.ca}, crl: ${crl}${more} }`;

describeWithPacs(
  'certificates that were revoked (RFC 5280 section 5)',
  () => {
    beforeAll(async () => {
      ca = await TestCa.create();
      server = await ca.issue('server');
      good = await ca.issue('good');
      crl = join(ca.directory, 'crl.pem');
      await ca.writeRevocations(crl);
      copyFileSync(crl, `${crl}.empty`);
      stolen = await ca.issue('stolen');
      await ca.writeRevocations(`${crl}.revoked`, stolen);
    });
    afterAll(() => {
      ca.remove();
    });
    afterEach(async () => {
      await gateway?.close();
      gateway = undefined;
      copyFileSync(`${crl}.empty`, crl);
    });

    const revoke = async (): Promise<void> => {
      copyFileSync(`${crl}.revoked`, crl);
      await gateway?.running.reloadCertificates();
    };

    interface Reply {
      readonly status: number | undefined;
      readonly session: Buffer | undefined;
    }

    function get(client: IssuedCertificate, session?: Buffer): Promise<Reply> {
      const options = { ca: readFileSync(ca.ca), agent: false, maxVersion: 'TLSv1.2' } as const;
      const shown = { cert: readFileSync(client.cert), key: readFileSync(client.key) };
      return new Promise((resolve, reject) => {
        const asked = https.get(`${gateway?.origin ?? ''}/healthz`, {
          ...options,
          ...shown,
          ...(session && { session }),
        });
        asked.on('response', (response) => {
          const { socket } = response;
          const kept = socket instanceof tls.TLSSocket ? socket.getSession() : undefined;
          response.resume().on('end', () => {
            resolve({ status: response.statusCode, session: kept });
          });
        });
        asked.on('error', reject);
      });
    }

    test('HTTP: one on the list is refused once the list has come, another is served', async () => {
      gateway = await startTestGateway(`${PEER}http: { ${listenerYaml(', clientAuth: required')} }\n`);
      const { status, session } = await get(stolen);
      expect(status).toBe(200);
      expect(session).toBeDefined();
      await revoke();
      expect(await failure(get(stolen))).not.toBe('none');
      // What was agreed on before the list came does not let it in either.
      expect(await failure(get(stolen, session))).not.toBe('none');
      expect((await get(good)).status).toBe(200);
    });

    test('HTTP: where a certificate is optional, one on the list counts as none', async () => {
      const access = `access: { certificates: { viewer: { subject: 'CN=stolen', roles: [metrics] } } }\n`;
      gateway = await startTestGateway(
        `${PEER}http: { ${listenerYaml(', clientAuth: optional')} }\n${access}`,
      );
      const { origin } = gateway;
      const statusOf = async (): Promise<number | undefined> => {
        const shown = { cert: readFileSync(stolen.cert), key: readFileSync(stolen.key) };
        const asked = https.get(`${origin}/metrics`, { ca: readFileSync(ca.ca), agent: false, ...shown });
        const [response] = (await once(asked, 'response')) as [IncomingMessage];
        response.resume();
        return response.statusCode;
      };
      expect(await statusOf()).toBe(200);
      await revoke();
      expect(await statusOf()).toBe(401);
    });

    test('a list that cannot be read leaves the one before in force', async () => {
      copyFileSync(`${crl}.revoked`, crl);
      gateway = await startTestGateway(`${PEER}http: { ${listenerYaml(', clientAuth: required')} }\n`);
      writeFileSync(crl, '-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n');
      await gateway.running.reloadCertificates();
      expect(await failure(get(stolen))).not.toBe('none');
      expect((await get(good)).status).toBe(200);
      expect(gateway.logLines.filter((line) => line.includes('http.tls.crl holds'))).toHaveLength(1);
      writeFileSync(crl, 'nothing');
      await gateway.running.reloadCertificates();
      expect(gateway.logLines.join('\n')).toContain('http.tls.crl holds no certificate revocation list');
    });

    test.each([
      [
        () => `http: { ${listenerYaml()} }\n`,
        'http.tls.crl: nobody is asked for a certificate; set http.tls.clientAuth',
      ],
      [
        () => {
          const own = `cert: ${server.cert}, key: ${server.key}, requireClientCertificate: false`;
          return `dimse: { listen: '127.0.0.1:0', tls: { ${own}, crl: ${crl} } }\n`;
        },
        'dimse.tls.crl: needs dimse.tls.ca',
      ],
    ])('a list that nobody is held against stops the start', async (yaml, text) => {
      await expect(startTestGateway(PEER + yaml())).rejects.toThrow(text);
    });

    test('DIMSE: one on the list is turned away once the list has come, another is let in', async () => {
      gateway = await startTestGateway(`${PEER}dimse:\n  listen: 127.0.0.1:0\n  ${listenerYaml()}\n`);
      const port = gateway.running.storageScp?.listening.port ?? 0;
      const isLetIn = async (client: IssuedCertificate): Promise<boolean> => {
        const shown = { cert: readFileSync(client.cert), key: readFileSync(client.key) };
        const socket = tls.connect({
          ...{ host: '127.0.0.1', port, ca: readFileSync(ca.ca) },
          ...{ maxVersion: 'TLSv1.2' as const, ...shown },
        });
        const outcome = await failure(once(socket, 'secureConnect'));
        socket.destroy();
        return outcome === 'none';
      };
      expect(await isLetIn(stolen)).toBe(true);
      await revoke();
      expect(await isLetIn(stolen)).toBe(false);
      await gateway.logged('its certificate was revoked');
      expect(await isLetIn(good)).toBe(true);
    });

    test('DIMSE: a PACS whose certificate is on the list is not asked', async () => {
      const peer = await startRoguePeer({
        onFind: [pending({ StudyInstanceUID: '2.25.1' }), final()],
        tls: { cert: readFileSync(stolen.cert), key: readFileSync(stolen.key) },
      });
      const { aeTitle, port } = peer.address;
      const yaml = peerYaml(`${aeTitle}@127.0.0.1:${port}`);
      gateway = await startTestGateway(
        `${yaml}    idleTimeout: 1ms\n    tls: { ca: ${ca.ca}, crl: ${crl} }\n`,
      );
      expect((await request(`${gateway.service}/studies`)).status).toBe(200);
      await peer.allClosed();
      await revoke();
      const { status, body } = await request(`${gateway.service}/studies`);
      expect(status).toBe(503);
      expect(body.toString()).toContain('its certificate was revoked');
      await gateway.close();
      gateway = undefined;
      await peer.close();
    });
  },
  ['openssl'],
);

describeWithPacs(
  'a private key with a passphrase',
  () => {
    let locked: IssuedCertificate;
    let passphraseFile: string;
    beforeAll(async () => {
      ca = await TestCa.create();
      locked = await ca.issue('locked');
      await encryptKey(locked, 'open sesame');
      passphraseFile = join(ca.directory, 'passphrase');
      writeFileSync(passphraseFile, 'open sesame\n');
    });
    afterAll(() => {
      ca.remove();
    });
    afterEach(async () => {
      await gateway?.close();
      gateway = undefined;
    });

    const yaml = (more = `, passphraseFile: ${passphraseFile}`): string => {
      const own = `tls: { cert: ${locked.cert}, key: ${locked.key}${more}`;
      return `${PEER}http: { ${own} } }\ndimse:\n  listen: 127.0.0.1:0\n  ${own}, requireClientCertificate: false }\n`;
    };

    async function shownAt(port: number): Promise<string> {
      const socket = tls.connect({ host: '127.0.0.1', port, ca: readFileSync(ca.ca) });
      await once(socket, 'secureConnect');
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return String(CN);
    }

    test('is used at both ports, and renewed with another passphrase', async () => {
      gateway = await startTestGateway(yaml());
      const ports = [Number(new URL(gateway.origin).port), gateway.running.storageScp?.listening.port ?? 0];
      for (const port of ports) expect(await shownAt(port)).toBe('locked');
      const next = await ca.issue('next');
      await encryptKey(next, 'another');
      renew(next, locked);
      writeFileSync(passphraseFile, 'another');
      await gateway.running.reloadCertificates();
      for (const port of ports) expect(await shownAt(port)).toBe('next');
    });

    test.each([
      ['not this one\n', /dimse\.tls\.key cannot be read with the passphrase in dimse\.tls\.passphraseFile/],
      ['\n', /dimse\.tls\.passphraseFile holds no passphrase in its first line/],
    ])('with %j the start stops in words that do not tell it', async (text, message) => {
      const wrong = join(ca.directory, 'wrong');
      writeFileSync(wrong, text);
      const start = startTestGateway(yaml(`, passphraseFile: ${wrong}`));
      await expect(start).rejects.toThrow(message);
      await expect(start).rejects.not.toThrow(/not this one/);
    });

    test('without a passphrase the start says where one is to be named', async () => {
      await expect(startTestGateway(yaml(''))).rejects.toThrow(
        /dimse\.tls\.key has a passphrase; name the file that holds it in dimse\.tls\.passphraseFile/,
      );
    });
  },
  ['openssl'],
);
