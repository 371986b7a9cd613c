import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ctSeries } from '../helpers/fixtures.js';
import {
  dcmqrscp,
  gatewayBefore,
  loadFixtures,
  orthanc,
  type PacsWithPort,
  type RetrieveMethod,
} from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { partsOf, request, sha256, type TestGateway } from '../helpers/test-gateway.js';

const SLICES = 60;
const VIEWERS = 20;
const SERIES = '/studies/2.25.4711.1/series/2.25.4711.1.1';
const ANY_SYNTAX = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };

/** Instances that the peer sent, however they were taken. */
async function arrived(gateway: TestGateway): Promise<number> {
  const { body } = await request(`${gateway.origin}/metrics`);
  const lines = body.toString().matchAll(/^dicomgw_instances_arrived_total\{[^}]*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

const associationsOf = ({ running }: TestGateway): Record<string, number> => ({
  ...(running.peers.get('main')?.stats.associations ?? {}),
});

for (const kind of [orthanc, dcmqrscp]) {
  describeWithPacs(`many viewers of one series in ${kind.name}`, () => {
    let peer: PacsWithPort;
    beforeAll(async () => {
      peer = await kind.start();
      await loadFixtures(peer.pacs, ctSeries(SLICES, { study: 1, series: 1, rows: 64, columns: 64 }));
    }, 60_000);
    afterAll(async () => {
      await peer.pacs.stop();
    });

    describe.each<RetrieveMethod>(['get', 'move'])('by C-%s', (method) => {
      let gateway: TestGateway;
      beforeEach(async () => {
        gateway = await gatewayBefore(peer, method);
      });
      afterEach(async () => {
        await gateway.close();
      });

      test('cause one retrieve of each instance, and get the same', async () => {
        const responses = await Promise.all(
          Array.from({ length: VIEWERS }, (_, index) =>
            index % 2 === 0
              ? request(gateway.service + SERIES, { headers: ANY_SYNTAX })
              : request(`${gateway.service}${SERIES}/metadata`),
          ),
        );
        expect(responses.map(({ status, complete }) => [status, complete])).toEqual(
          responses.map(() => [200, true]),
        );
        const bodies = responses
          .filter((_, index) => index % 2 === 0)
          .map((response) =>
            partsOf(response)
              .map(({ body }) => sha256(body))
              .sort(),
          );
        expect(bodies[0]).toHaveLength(SLICES);
        expect(bodies.every((body) => body.join() === bodies[0]?.join())).toBe(true);
        // A peer whose counts prove nothing is asked once more for the whole series, and what it sends twice is dropped.
        expect(await arrived(gateway)).toBeLessThanOrEqual(kind === orthanc ? SLICES : 2 * SLICES);
        const before = await arrived(gateway);
        expect((await request(gateway.service + SERIES, { headers: ANY_SYNTAX })).status).toBe(200);
        if (kind === orthanc) expect(await arrived(gateway)).toBe(before);
      }, 60_000);

      test('leave no association open, also when they go away in the middle', async () => {
        await Promise.all(
          Array.from({ length: VIEWERS }, async (_, index) => {
            const leave = new AbortController();
            if (index % 2 === 0)
              setTimeout(() => {
                leave.abort();
              }, 30);
            await request(gateway.service + SERIES, { headers: ANY_SYNTAX, signal: leave.signal }).catch(
              () => undefined,
            );
          }),
        );
        await gateway.close();
        const left = Object.entries(associationsOf(gateway)).filter(([, count]) => count > 0);
        expect(left).toEqual([]);
        expect(gateway.running.peers.get('main')?.stats.waiting).toBe(0);
        expect(gateway.running.storageScp?.stats.associations ?? 0).toBe(0);
      }, 60_000);
    });
  });
}
