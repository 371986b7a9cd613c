import http from 'node:http';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { ctSeries, ctSlice, type Fixture } from '../helpers/fixtures.js';
import { startNginx } from '../helpers/nginx.js';
import {
  dcmqrscp,
  gatewayBefore,
  loadFixtures,
  orthanc,
  writeFixtures,
  type FileSet,
  type PacsWithPort,
  type PeerKind,
  type RetrieveMethod,
} from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { partsOf, request, type TestGateway } from '../helpers/test-gateway.js';

const ANY_SYNTAX = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
/** Enough that a retrieve is far from its end when the first bytes have left, on any machine. */
const SLICES = 40;
const SIDE = 512;
const STUDY = '/studies/2.25.4711.1';
const SERIES = `${STUDY}/series/2.25.4711.1.1`;

/** What is running in a test, last started first. */
const running: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

/** Written once: making so many pictures takes longer than sending them. */
let files: FileSet | undefined;
afterAll(() => {
  files?.remove();
});

async function peerWithBigStudy(kind: PeerKind): Promise<PacsWithPort> {
  const slices = (): Fixture[] => ctSeries(SLICES, { study: 1, series: 1, rows: SIDE, columns: SIDE });
  files ??= writeFixtures([...slices(), ctSlice({ study: 1, series: 2 })]);
  const peer = await kind.start({ nagle: true }); // as they are by default: slow enough to be interrupted
  running.push(() => peer.pacs.stop());
  await peer.pacs.load(files.paths);
  return peer;
}

async function before(peer: PacsWithPort, method: RetrieveMethod): Promise<TestGateway> {
  // One association, so that instances come one after the other.
  const gateway = await gatewayBefore(peer, method, { peer: 'associations: 2' });
  running.push(() => gateway.close());
  return gateway;
}

interface Ending {
  readonly status: number;
  readonly bytes: number;
  /** The client takes the body for whole. */
  readonly whole: boolean;
}

/** Reads a body; after the first `from` bytes does `then`, once. */
function readUntil(url: string, from: number, then: () => void): Promise<Ending> {
  return new Promise((resolve, reject) => {
    let answered = false;
    const outgoing = http.get(url, { agent: false, headers: ANY_SYNTAX }, (response) => {
      answered = true;
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        const isFirst = bytes < from && bytes + chunk.length >= from;
        bytes += chunk.length;
        if (isFirst) then();
      });
      response.on('error', () => undefined);
      response.on('close', () => {
        resolve({ status: response.statusCode ?? 0, bytes, whole: response.complete });
      });
    });
    // A connection that is reset after the headers is told here too.
    outgoing.on('error', (error) => {
      if (!answered) reject(error);
    });
  });
}

const MIB = 2 ** 20;

for (const kind of [orthanc, dcmqrscp]) {
  describeWithPacs(
    `T-1: ${kind.name} is killed in the middle of a retrieve`,
    () => {
      describe.each<RetrieveMethod>(['get', 'move'])('by C-%s', (method) => {
        test.each([
          ['series', SERIES],
          ['study', STUDY],
        ])(
          'the body of a %s breaks off visibly, and what comes next is an error',
          async (_level, path) => {
            const peer = await peerWithBigStudy(kind);
            const gateway = await before(peer, method);
            const ending = await readUntil(gateway.service + path, 2 * MIB, () => void peer.pacs.kill());
            expect(ending).toMatchObject({ status: 200, whole: false });
            expect(ending.bytes).toBeLessThan(SLICES * SIDE * SIDE * 2);
            const again = await request(gateway.service + path, { headers: ANY_SYNTAX });
            expect([502, 503]).toContain(again.status);
            const metadata = await request(`${gateway.service}${path}/metadata`);
            expect([502, 503]).toContain(metadata.status);
            const search = await request(`${gateway.service}/studies`);
            expect(search.status).toBe(503);
            expect(search.headers['retry-after']).toBeDefined();
          },
          60_000,
        );
      });

      test('also a client behind nginx with its default settings sees the break', async () => {
        const peer = await peerWithBigStudy(kind);
        const gateway = await before(peer, 'get');
        const nginx = await startNginx(gateway.origin);
        running.push(() => nginx.stop());
        const url = gateway.service.replace(gateway.origin, nginx.origin);
        const ending = await readUntil(url + SERIES, 2 * MIB, () => void peer.pacs.kill());
        expect(ending).toMatchObject({ status: 200, whole: false });
      });
    },
    ['Orthanc', 'dcmqrscp', 'dcmsend', 'nginx'],
  );
}

describeWithPacs('a peer that caps its answers', () => {
  test('W-46: a series longer than the cap is whole, by C-GET and by C-MOVE', async () => {
    const peer = await orthanc.start({ configuration: { LimitFindInstances: 7, LimitFindResults: 7 } });
    running.push(() => peer.pacs.stop());
    await loadFixtures(peer.pacs, ctSeries(20, { study: 1, series: 1 }));
    for (const method of ['get', 'move'] as const) {
      const gateway = await before(peer, method);
      for (const path of [SERIES, STUDY]) {
        const response = await request(gateway.service + path, { headers: ANY_SYNTAX });
        expect([response.status, response.complete, partsOf(response).length]).toEqual([200, true, 20]);
        const metadata = await request(`${gateway.service}${path}/metadata`);
        expect(JSON.parse(metadata.body.toString())).toHaveLength(20);
      }
      await gateway.close();
    }
  });

  test('a search says by Warning that the answer was cut short', async () => {
    const peer = await orthanc.start({ configuration: { LimitFindInstances: 7, LimitFindResults: 7 } });
    running.push(() => peer.pacs.stop());
    await loadFixtures(peer.pacs, ctSeries(20, { study: 1, series: 1 }));
    const gateway = await before(peer, 'get');
    const response = await request(`${gateway.service}${SERIES}/instances`);
    expect(response.status).toBe(200);
    expect((JSON.parse(response.body.toString()) as unknown[]).length).toBeLessThan(20);
    expect(response.headers.warning).toMatch(/^299 .*cut/);
  });
});
