import http from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { ctSeries } from '../helpers/fixtures.js';
import { dcmqrscp, gatewayBefore, orthanc, type PacsWithPort } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { answerOf, postFiles } from '../helpers/store-answer.js';
import { storedInstances } from '../helpers/stored-instances.js';
import { request, storeBody, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';

const running: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

/** Enough for something to happen in the middle. */
const COUNT = 100;
const slices = ctSeries(COUNT, { study: 1, series: 1, rows: 128, columns: 128 });
const uids = slices.map(({ sopInstanceUid }) => sopInstanceUid);

for (const kind of [orthanc, dcmqrscp]) {
  describeWithPacs(`S-13: what ${kind.name} says is what the answer says`, () => {
    let peer: PacsWithPort;
    let gateway: TestGateway;

    const start = async (): Promise<void> => {
      // As it is by default.
      peer = await kind.start({ nagle: true });
      running.push(() => peer.pacs.stop());
      gateway = await gatewayBefore(peer, 'get', {
        peer: 'timeouts: { connect: 1s, association: 1s, firstResponse: 1s }\n    breaker: { openFor: 100ms }',
      });
      running.push(() => gateway.close());
    };
    const url = (): string => `${gateway.service}/studies`;
    const held = async (): Promise<string[]> =>
      (await storedInstances(peer.pacs)).map(({ sopInstanceUid }) => sopInstanceUid).sort();
    const found = async (): Promise<string[]> => {
      const { status, body } = await request(`${gateway.service}/studies/2.25.4711.1/instances`);
      expect(status).toBe(200);
      const rows = JSON.parse(body.toString()) as Record<string, { Value?: string[] }>[];
      return rows.map((row) => row['00080018']?.Value?.[0] ?? '').sort();
    };
    const acknowledged = async (): Promise<number> => {
      const { body } = await request(`${gateway.origin}/metrics`);
      const line =
        /^dicomgw_dimse_operations_total\{[^}]*operation="C-STORE",outcome="success"[^}]*\} (\d+)$/m.exec(
          body.toString(),
        );
      return Number(line?.[1] ?? 0);
    };
    /** Stores all slices; when the PACS has acknowledged `count` of them, `then` happens. */
    const storeUntil = async (count: number, then: () => unknown): Promise<RawResponse> => {
      const response = postFiles(
        url(),
        slices.map(({ file }) => file),
      );
      while ((await acknowledged()) < count) await new Promise(setImmediate);
      await then();
      return await response;
    };
    /** Everything is told once, and nothing is called stored that is not there. */
    const expectTrue = (response: RawResponse, there: readonly string[]): void => {
      const { stored, failed, other } = answerOf(response);
      expect([...stored, ...Object.keys(failed)].sort()).toEqual([...uids].sort());
      expect(other).toEqual([]);
      expect(stored.filter((uid) => !there.includes(uid))).toEqual([]);
      // What was under way may have been written by a PACS that could not say so any more.
      expect(there.filter((uid) => !stored.includes(uid)).length).toBeLessThanOrEqual(1);
    };

    test('killed in the middle: 202 lists what it has when it is started again, and the rest can be stored then', async () => {
      await start();
      const response = await storeUntil(5, () => peer.pacs.kill());
      expect(response.status).toBe(202);
      await peer.pacs.restart();
      const there = await held();
      expectTrue(response, there);
      expect(answerOf(response).stored.length).toBeGreaterThanOrEqual(5);
      const again = await postFiles(
        url(),
        slices.filter(({ sopInstanceUid }) => !there.includes(sopInstanceUid)).map(({ file }) => file),
      );
      expect(again.status).toBe(200);
      expect(await found()).toEqual([...uids].sort());
    }, 60_000);

    test('killed before: 503, and 200 once it is there again', async () => {
      await start();
      const file = slices[0]?.file ?? Buffer.alloc(0);
      expect((await postFiles(url(), [file])).status).toBe(200);
      await peer.pacs.kill();
      const response = await postFiles(url(), [file]);
      expect([response.status, response.headers['retry-after'] !== undefined]).toEqual([503, true]);
      await peer.pacs.restart();
      expect((await postFiles(url(), [file])).status).toBe(200);
    }, 60_000);

    test('silent in the middle: what it had acknowledged is stored', async () => {
      await start();
      const response = await storeUntil(5, () => {
        peer.pacs.signal('SIGSTOP');
      });
      expect(response.status).toBe(202);
      peer.pacs.signal('SIGCONT');
      expectTrue(response, await held());
    }, 60_000);

    test('a client that leaves in the middle: what was acknowledged is there, and found', async () => {
      await start();
      const { contentType, body } = storeBody(slices.map(({ file }) => file));
      const headers = { 'content-type': contentType };
      const outgoing = http.request(url(), { method: 'POST', agent: false, headers });
      outgoing.on('error', () => undefined).end(body);
      while ((await acknowledged()) < 5) await new Promise(setImmediate);
      outgoing.destroy();
      const line = await gateway.logged('the client left');
      const stored = Number(/stored: 1-(\d+)/.exec(line)?.[1]);
      expect(stored).toBeGreaterThanOrEqual(5);
      expect(await found()).toEqual(expect.arrayContaining(uids.slice(0, stored)));
      expect((await found()).length).toBeLessThanOrEqual(stored + 1);
    }, 60_000);
  });
}
