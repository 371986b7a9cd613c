import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { hashPassword } from '../../src/access/index.js';
import { TestCa, type IssuedCertificate } from '../helpers/certificates.js';
import { ctSeries } from '../helpers/fixtures.js';
import { freePort, portOpen } from '../helpers/free-port.js';
import { dcmqrscp, writeFixtures, type FileSet } from '../helpers/pacs-suite.js';
import { describeWithPacs, startOrthanc } from '../helpers/real-pacs.js';
import {
  datasetOf,
  partsOf,
  PATIENT,
  request,
  startTestGateway,
  storeBody,
  type TestGateway,
} from '../helpers/test-gateway.js';

const run = promisify(execFile);
const NEEDED = ['Orthanc', 'dcmqrscp', 'storescu', 'storescp', 'echoscu', 'openssl'];

describeWithPacs(
  'TLS and user identity with PACS of other make',
  () => {
    const fixtures = ctSeries(3, { study: 1, series: 1 });
    const [{ file, studyInstanceUid } = { file: Buffer.alloc(0), studyInstanceUid: '' }] = fixtures;
    let ca: TestCa;
    let gatewayPair: IssuedCertificate;
    let pacsPair: IssuedCertificate;
    let files: FileSet;
    beforeAll(async () => {
      ca = await TestCa.create({ rsa: true });
      gatewayPair = await ca.issue('gateway', { rsa: true });
      pacsPair = await ca.issue('pacs', { rsa: true });
      files = writeFixtures(fixtures);
    });
    afterAll(() => {
      ca.remove();
      files.remove();
    });

    const closers: (() => unknown)[] = [];
    afterEach(async () => {
      for (const close of closers.splice(0).reverse()) await close();
    });

    const ownTls = (indent: string): readonly string[] =>
      ['tls:', `  ca: ${ca.ca}`, `  cert: ${gatewayPair.cert}`, `  key: ${gatewayPair.key}`].map(
        (line) => indent + line,
      );

    async function gatewayWith(lines: readonly string[]): Promise<TestGateway> {
      const gateway = await startTestGateway([...lines, ''].join('\n'));
      closers.push(() => gateway.close());
      return gateway;
    }

    test.each(['get', 'move'] as const)(
      'Orthanc by TLS with certificates on both sides: searched, and retrieved from by C-%s',
      async (retrieve) => {
        const movePort = await freePort();
        const target = {
          AET: 'GATEWAY',
          Host: '127.0.0.1',
          Port: movePort,
          AllowGet: true,
          UseDicomTls: true,
        };
        const pacs = await startOrthanc({
          movePort,
          configuration: {
            DicomTlsEnabled: true,
            DicomTlsCertificate: pacsPair.cert,
            DicomTlsPrivateKey: pacsPair.key,
            DicomTlsTrustedCertificates: ca.ca,
            DicomTlsRemoteCertificateRequired: true,
            DicomModalities: { gateway: target },
          },
        });
        closers.push(() => pacs.stop());
        for (const fixture of fixtures) {
          const stored = await request(`${pacs.restUrl ?? ''}/instances`, {
            method: 'POST',
            body: fixture.file,
          });
          expect(stored.status).toBe(200);
        }
        const gateway = await gatewayWith([
          'dimse:',
          `  listen: 127.0.0.1:${movePort}`,
          ...ownTls('  '),
          'peers:',
          '  main:',
          `    address: ORTHANC@127.0.0.1:${pacs.port}`,
          `    retrieve: ${retrieve}`,
          PATIENT,
          ...ownTls('    '),
        ]);
        const found = await request(`${gateway.service}/studies?StudyInstanceUID=${studyInstanceUid}`);
        expect([found.status, (JSON.parse(found.body.toString()) as unknown[]).length]).toEqual([200, 1]);
        const study = await request(`${gateway.service}/studies/${studyInstanceUid}`, {
          headers: { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' },
        });
        expect([study.status, study.complete]).toEqual([200, true]);
        const came = partsOf(study).map(({ body }) => datasetOf(body).toString('base64'));
        expect(came.sort()).toEqual(fixtures.map((one) => datasetOf(one.file).toString('base64')).sort());
      },
    );

    test('storescp by TLS, which wants a certificate, takes what is stored', async () => {
      const port = await freePort();
      const directory = join(ca.directory, 'stored');
      mkdirSync(directory);
      const tls = ['+tls', pacsPair.key, pacsPair.cert, '+cf', ca.ca, '-rc'];
      const scp = spawn('storescp', [...tls, '-od', directory, `${port}`], { stdio: 'ignore' });
      closers.push(() => scp.kill());
      await portOpen(port);
      const gateway = await gatewayWith([
        'peers:',
        '  main:',
        `    address: STORESCP@127.0.0.1:${port}`,
        PATIENT,
        ...ownTls('    '),
      ]);
      const { contentType, body } = storeBody([file]);
      const answer = await request(`${gateway.service}/studies`, {
        ...{ method: 'POST', headers: { 'content-type': contentType }, body },
      });
      expect(answer.status).toBe(200);
      const [name = ''] = readdirSync(directory);
      expect(datasetOf(readFileSync(join(directory, name))).equals(datasetOf(file))).toBe(true);
    });

    test('a PACS that speaks no TLS is told to be one, and is asked nothing', async () => {
      const { pacs } = await dcmqrscp.start();
      closers.push(() => pacs.stop());
      const gateway = await gatewayWith([
        'peers:',
        '  main:',
        `    address: ${pacs.aeTitle}@127.0.0.1:${pacs.port}`,
        PATIENT,
        ...ownTls('    '),
      ]);
      const answer = await request(`${gateway.service}/studies`);
      expect([answer.status, answer.body.toString()]).toEqual([
        503,
        expect.stringContaining('no TLS on this port'),
      ]);
    });

    test('echoscu comes in by TLS with a certificate, and without one or in plain text not', async () => {
      const gateway = await gatewayWith([
        'dimse:',
        '  listen: 127.0.0.1:0',
        ...ownTls('  '),
        'peers: { main: { address: "ECHOSCU@127.0.0.1:1" } }',
      ]);
      const to = ['-aec', 'GATEWAY', '127.0.0.1', `${gateway.running.storageScp?.listening.port ?? 0}`];
      await run('echoscu', ['+tls', pacsPair.key, pacsPair.cert, '+cf', ca.ca, ...to]);
      await expect(run('echoscu', ['+tla', '+cf', ca.ca, ...to])).rejects.toThrow();
      await gateway.logged('it showed no client certificate');
      await expect(run('echoscu', to)).rejects.toThrow();
      await gateway.logged('it speaks no TLS');
    });

    test('PS3.7 D.3.3.7: storescu names a user, and is let in by its passcode alone', async () => {
      const hash = await hashPassword('secret');
      const gateway = await gatewayWith([
        `dimse: { listen: "127.0.0.1:0", userIdentity: { users: { pacs: "${hash}" } } }`,
        'peers: { main: { address: "STORESCU@127.0.0.1:1" } }',
      ]);
      const port = gateway.running.storageScp?.listening.port ?? 0;
      const send = (...identity: readonly string[]): Promise<unknown> =>
        run('storescu', [...identity, '-aec', 'GATEWAY', '127.0.0.1', `${port}`, ...files.paths]);
      await expect(send('-usr', 'pacs', '-pwd', 'guess')).rejects.toThrow();
      await gateway.logged('the user identity is not one that is known');
      await expect(send()).rejects.toThrow();
      await gateway.logged('no user identity came');
      // Nothing is asked of it, so there is nothing to bring; but it was let in as far as that.
      await expect(send('-usr', 'pacs', '-pwd', 'secret')).rejects.toThrow();
      await gateway.logged('no C-MOVE is pending');
    });
  },
  NEEDED,
);
