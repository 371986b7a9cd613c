import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import fc from 'fast-check';
import { fuzz } from '../helpers/fuzz.js';
import { row } from '../helpers/find-rows.js';
import { final, pending, startRoguePeer, type RoguePeer, type Step } from '../helpers/rogue-peer.js';
import { query } from '../helpers/search-queries.js';
import { peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

describe('whatever client and peer send', () => {
  let peer: RoguePeer;
  let gateway: TestGateway;
  let rows: readonly Step[] = [];

  beforeAll(async () => {
    peer = await startRoguePeer({ onFind: () => [...rows, final()] });
    const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
    gateway = await startTestGateway(peerYaml(address, '    breaker: { failures: 0 }'));
  });

  afterAll(async () => {
    await gateway.close();
    await peer.close();
  });

  fuzz(
    'R-12, AS-3: a search is answered wholly, or with the status of who is at fault',
    fc.tuple(
      fc.constantFrom(
        '/studies',
        '/series',
        '/instances',
        '/studies/1.2.3/series',
        '/studies/1.2.3/instances',
      ),
      query.filter((text) => /^[ -~]*$/.test(text) && !/[#\s]/.test(text) && text.length < 8_000),
      fc.array(row, { maxLength: 3 }),
    ),
    async ([path, text, sent]) => {
      rows = sent.map(({ bytes }) => pending(bytes));
      const response = await request(`${gateway.service}${path}?${text}`);
      expect(response.complete).toBe(true);
      expect([200, 400, 406, 413, 502]).toContain(response.status);
      const body: unknown = JSON.parse(response.body.toString());
      expect(Array.isArray(body)).toBe(response.status === 200);
    },
  );
});
