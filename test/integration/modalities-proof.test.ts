import { afterEach, expect, test } from '@jest/globals';
import {
  abort,
  final,
  pending,
  silence,
  startRoguePeer,
  type RoguePeer,
  type Step,
} from '../helpers/rogue-peer.js';
import { HASTY, peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

const MODALITIES = 0x00080061;

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

test.each<readonly [string, Step]>([
  ['never answers', silence()],
  ['aborts', abort()],
])(
  'Q-43: a search by modalities is answered though the PACS that is to prove what it makes of them %s',
  async (_what, step) => {
    let proofs = 0;
    peer = await startRoguePeer({
      onFind: (_request, identifier) => {
        if ((identifier.get(MODALITIES) ?? '').trim() !== '') {
          proofs += 1;
          return [step];
        }
        const studies = ['CT\\SR', 'MR', 'CT'].map((ModalitiesInStudy, index) =>
          pending({ StudyInstanceUID: `1.2.${index}`, ModalitiesInStudy }),
        );
        return [...studies, final()];
      },
    });
    const { aeTitle, port } = peer.address;
    gateway = await startTestGateway(peerYaml(`${aeTitle}@127.0.0.1:${port}`, HASTY));
    await request(`${gateway.service}/studies`);
    const tried: number[] = [];
    for (const path of ['/studies?ModalitiesInStudy=CT', '/studies?ModalitiesInStudy=CT&limit=5']) {
      const { status, headers, body } = await request(`${gateway.service}${path}`);
      expect([status, headers.warning]).toEqual([200, undefined]);
      const rows = JSON.parse(body.toString()) as Record<string, { Value?: unknown[] }>[];
      expect(rows.map((row) => row['0020000D']?.Value?.[0])).toEqual(['1.2.0', '1.2.2']);
      tried.push(proofs);
    }
    // What came to nothing once is not tried for everybody.
    expect(tried[0]).toBeGreaterThan(0);
    expect(tried[1]).toBe(tried[0]);
  },
);
