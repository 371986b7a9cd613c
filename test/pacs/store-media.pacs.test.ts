import { afterAll, beforeAll, expect, test } from '@jest/globals';
import sharp from 'sharp';
import type { DicomJsonObject } from '../../src/dicom/index.js';
import { gif, jpeg, mp4, png, ramp } from '../helpers/media.js';
import { gatewayBefore, orthanc, type PacsWithPort } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { metadata, one, post } from '../helpers/store-parts.js';
import { partsOf, request, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';

const root = '1.2.840.10008.5.1.4.1.1.';
const size = { width: 48, height: 32 };
const study = '2.25.4711.90';

describeWithPacs('S-06: what phones send is in the PACS, and comes back as it was', () => {
  let peer: PacsWithPort;
  let gateway: TestGateway;
  let next = 0;

  beforeAll(async () => {
    peer = await orthanc.start();
    gateway = await gatewayBefore(peer, 'get');
  }, 60_000);
  afterAll(async () => {
    await gateway.close();
    await peer.pacs.stop();
  });

  /** Stores bytes as the value of an attribute, and gives the URL of the instance. */
  async function store(sopClass: string, tag: string, type: string, body: Buffer): Promise<string> {
    const instance = `${study}.1.${(next += 1)}`;
    const object: DicomJsonObject = {
      '00080008': one('CS', 'ORIGINAL', 'PRIMARY'),
      '00080016': one('UI', root + sopClass),
      '00080018': one('UI', instance),
      '00080060': one('CS', 'XC'),
      '00080064': one('CS', 'DI'),
      '00080070': one('LO', 'Nobody'),
      '00081090': one('LO', 'None'),
      '00100020': one('LO', 'MEDIA'),
      '00181000': one('LO', '1'),
      '00181020': one('LO', '1'),
      '0020000D': one('UI', study),
      '0020000E': one('UI', `${study}.1`),
      '00200013': one('IS', next),
      '00200052': one('UI', `${study}.2`),
      '00280301': one('CS', 'NO'),
      '004008EA': {
        vr: 'SQ',
        Value: [{ '00080100': one('SH', 'mm'), '00080102': one('SH', 'UCUM'), '00080104': one('LO', 'mm') }],
      },
      '0040E001': one('ST', `${study}.3^${next}`),
      [tag]: { vr: 'OB', BulkDataURI: 'bulk' },
    };
    const parts = [...metadata('json', [object]), { type, location: 'bulk', body }];
    const response = await post(`${gateway.service}/studies`, 'json', parts);
    expect([response.status, response.body.toString()]).toEqual([200, expect.any(String)]);
    return `${gateway.service}/studies/${study}/series/${study}.1/instances/${instance}`;
  }
  const get = async (url: string, accept: string): Promise<RawResponse> => {
    const response = await request(url, { headers: { accept } });
    expect(response.status).toBe(200);
    return response;
  };
  const only = (response: RawResponse): Buffer => partsOf(response)[0]?.body ?? Buffer.alloc(0);
  const anyParts = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';
  const pixels = '7FE00010';

  test('a photograph', async () => {
    const photo = await jpeg(size);
    const url = await store('77.1.4', pixels, 'image/jpeg', photo);
    const accept = 'multipart/related; type="image/jpeg"; transfer-syntax=*';
    const stored = only(await get(`${url}/frames/1`, accept));
    expect(stored.subarray(0, photo.length).equals(photo)).toBe(true);
    const shown = await get(`${url}/rendered`, 'image/png');
    const [seen, wanted] = await Promise.all(
      [shown.body, photo].map((picture) => sharp(picture).removeAlpha().raw().toBuffer()),
    );
    expect(seen?.length).toBe(wanted?.length);
    const furthest = Math.max(
      ...[...(seen ?? [])].map((sample, at) => Math.abs(sample - (wanted?.[at] ?? 0))),
    );
    expect(furthest).toBeLessThan(60);
  }, 60_000);

  test('a PNG', async () => {
    const rows = ramp(48, 32, 3);
    const url = await store('7', pixels, 'image/png', png({ ...size, depth: 8, colourType: 2, rows }));
    expect(only(await get(`${url}/frames/1`, anyParts)).equals(rows)).toBe(true);
    const shown = await get(`${url}/rendered`, 'image/png');
    expect((await sharp(shown.body).removeAlpha().raw().toBuffer()).equals(rows)).toBe(true);
  }, 60_000);

  test('an animated GIF', async () => {
    const url = await store('7.4', pixels, 'image/gif', await gif(size, [40, 120, 50]));
    const frames = partsOf(await get(`${url}/frames/1,2,3`, anyParts));
    expect(frames.map(({ body }) => [body.length, ...body.subarray(0, 3)])).toEqual([
      [48 * 32 * 3, 0, 255, 9],
      [48 * 32 * 3, 40, 215, 9],
      [48 * 32 * 3, 80, 175, 9],
    ]);
  }, 60_000);

  test('a video', async () => {
    const video = mp4({ width: 320, height: 240, frames: 50, indexLast: true });
    const url = await store('77.1.4.1', pixels, 'video/mp4', video);
    const { body } = await get(`${url}/rendered`, 'video/mp4');
    expect(body.subarray(0, video.length).equals(video)).toBe(true);
  }, 60_000);

  test.each([
    ['a PDF', '104.1', 'application/pdf', Buffer.from('%PDF-1.4 of odd length.')],
    ['a CDA', '104.2', 'text/xml', Buffer.from('<ClinicalDocument/>')],
    ['an STL', '104.3', 'model/stl', Buffer.alloc(85, 7)],
  ])('%s', async (_name, sopClass, type, document) => {
    const url = await store(sopClass, '00420011', type, document);
    const { body } = await get(`${url}/rendered`, type);
    expect(body.equals(document)).toBe(true);
  });
});
