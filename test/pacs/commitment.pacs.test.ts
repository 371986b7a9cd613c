import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { commitmentJson, instanceItem, resultOf, type Wanted } from '../helpers/commitment.js';
import { ctSeries, type Fixture } from '../helpers/fixtures.js';
import { dcmqrscp, gatewayBefore, orthanc, type PacsWithPort } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { request, storeBody, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';

const asked = (fixtures: readonly Fixture[]): readonly Wanted[] =>
  fixtures.map(({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }) => ({
    study: studyInstanceUid,
    series: seriesInstanceUid,
    sopInstanceUid,
  }));

for (const kind of [orthanc, dcmqrscp]) {
  describeWithPacs(`C-03: storage commitment of ${kind.name}`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'commitments-'));
    let peer: PacsWithPort;
    let gateway: TestGateway;

    const startGateway = (): Promise<TestGateway> =>
      gatewayBefore(peer, 'move', { top: `commitment: { directory: ${directory}, answerWithin: 20s }` });
    beforeAll(async () => {
      peer = await kind.start();
      gateway = await startGateway();
    }, 60_000);
    afterAll(async () => {
      await gateway.close();
      await peer.pacs.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    const post = (uid: string, body: object): Promise<RawResponse> =>
      request(`${gateway.service}/commitment-requests/${uid}`, {
        method: 'POST',
        headers: { 'content-type': 'application/dicom+json' },
        body: JSON.stringify(body),
      });
    const get = (uid: string): Promise<RawResponse> =>
      request(`${gateway.service}/commitment-requests/${uid}`);

    if (kind === dcmqrscp) {
      test('which has none, is 501', async () => {
        const response = await post('1.2.3', commitmentJson(asked(ctSeries(1, { study: 1 })), 'flat'));
        expect(response.status).toBe(501);
        expect((await get('1.2.3')).status).toBe(404);
      });
      return;
    }

    test('of what was stored through the gateway, and not of what was not', async () => {
      const [first, ...others] = ctSeries(4, { study: 1 });
      if (!first) throw new Error('a series of none');
      const { contentType, body } = storeBody(others.map(({ file }) => file));
      const stored = await request(`${gateway.service}/studies`, {
        method: 'POST',
        headers: { 'content-type': contentType },
        body,
      });
      expect(stored.status).toBe(200);
      const all = commitmentJson(asked(others), 'hierarchical');
      const whole = await post('1.2.3', all);
      expect([whole.status, JSON.parse(whole.body.toString())]).toEqual([200, all]);
      const partly = await post('1.2.4', commitmentJson(asked([first, ...others]), 'flat'));
      expect(partly.status).toBe(200);
      expect(resultOf(partly, '00081199').map(([uid]) => uid)).toEqual(
        others.map(({ sopInstanceUid }) => sopInstanceUid),
      );
      expect(resultOf(partly, '00081198')).toEqual([[first.sopInstanceUid, 0x0112]]);
      // Orthanc reports under its own AE title, on an association of its own.
      expect(gateway.logLines.some((line) => line.includes('"direction":"in"'))).toBe(true);
    }, 60_000);

    test('of an instance with another SOP class is none', async () => {
      const [, second] = ctSeries(4, { study: 1 });
      const uid = second?.sopInstanceUid ?? '';
      const sequence = { vr: 'SQ', Value: [instanceItem(uid, '1.2.840.10008.5.1.4.1.1.4')] };
      const response = await post('1.2.5', { '00081199': sequence });
      expect([response.status, resultOf(response, '00081199')]).toEqual([200, []]);
      expect(resultOf(response, '00081198')).toEqual([[uid, 0x0119]]);
    }, 60_000);

    test('C-05: is known to the next process', async () => {
      await gateway.close();
      gateway = await startGateway();
      expect((await get('1.2.4')).status).toBe(200);
      expect((await post('1.2.4', commitmentJson(asked(ctSeries(1, { study: 1 })), 'flat'))).status).toBe(
        409,
      );
    }, 60_000);
  });
}
