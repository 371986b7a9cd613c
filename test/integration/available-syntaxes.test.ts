import { afterEach, expect, test } from '@jest/globals';
import { final, pending, startRoguePeer, type RoguePeer } from '../helpers/rogue-peer.js';
import { peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

const RLE = '1.2.840.10008.1.2.5';
const JPEG = '1.2.840.10008.1.2.4.50';
const EXPLICIT = '1.2.840.10008.1.2.1';

test('Q-47: a search of instances names what the gateway can decode to, of one peer and of a group', async () => {
  const row = (number: number, AvailableTransferSyntaxUID: string) =>
    pending({
      QueryRetrieveLevel: 'IMAGE',
      StudyInstanceUID: '1.2',
      SeriesInstanceUID: '1.3',
      SOPInstanceUID: `1.4.${number}`,
      Rows: 8,
      Columns: 8,
      BitsAllocated: 8,
      ...(AvailableTransferSyntaxUID === '' ? {} : { AvailableTransferSyntaxUID }),
    });
  peer = await startRoguePeer({
    onFind: (_rq, identifier) =>
      identifier.get(0x00080052) === 'IMAGE'
        ? [row(1, RLE), row(2, JPEG), row(3, `${RLE}\\${JPEG}`), row(4, ''), final()]
        : [pending({ StudyInstanceUID: '1.2', SeriesInstanceUID: '1.3', PatientID: 'P' }), final()],
  });
  const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
  gateway = await startTestGateway(
    `${peerYaml(address)}groups: { all: { members: [main] } }\ndefaultPeer: main\n`,
  );
  for (const service of [gateway.service, `${gateway.origin}/peers/all/dicomweb`]) {
    const response = await request(`${service}/studies/1.2/series/1.3/instances`);
    const rows = JSON.parse(response.body.toString()) as Record<string, { Value?: unknown[] }>[];
    expect(rows.map((one) => one['00083002']?.Value)).toEqual([
      [RLE, EXPLICIT],
      [JPEG],
      [RLE, JPEG, EXPLICIT],
      undefined,
    ]);
  }
});
