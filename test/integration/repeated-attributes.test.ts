import { afterEach, describe, expect, test } from '@jest/globals';
import { XML } from '../helpers/native-xml.js';
import { makeInstance, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request, type RawResponse } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const BULK = { first: Buffer.alloc(5000, 'a'), last: Buffer.alloc(5000, 'z') };
const PIXEL_DATA = Buffer.from('e07f1000', 'hex');

/** Its Patient ID and a private value come twice. */
const withPixels = makeInstance({
  extra: {
    PatientID: 'SECRET-ONE',
    '00100020:LO': 'SECRET-TWO',
    '00091010': BULK.first,
    '00091010:OB': BULK.last,
  },
});
const withoutPixels: RogueInstance = {
  ...withPixels,
  dataset: withPixels.dataset.subarray(0, withPixels.dataset.indexOf(PIXEL_DATA)),
};

const pathOf = (one: RogueInstance): string =>
  `/studies/${one.studyInstanceUid}/series/${one.seriesInstanceUid}/instances/${one.sopInstanceUid}`;

type Row = Record<string, { Value?: unknown[]; BulkDataURI?: string } | undefined>;
const idIn = ({ body }: RawResponse): unknown =>
  (JSON.parse(body.toString()) as Row[]).map((row) => row['00100020']?.Value);

describe('an attribute that comes twice in an instance', () => {
  test.each([
    ['with', withPixels],
    ['without', withoutPixels],
  ])('J-19: the last one counts in metadata and bulk data, %s pixel data', async (_what, one) => {
    scene = await startScene({ instances: [one] });
    const { url, gateway } = scene;
    const get = (path: string, accept: string): Promise<RawResponse> =>
      request(url(path), { headers: { accept } });
    const cold = await get(`${pathOf(one)}/metadata`, 'application/dicom+json');
    expect(idIn(cold)).toEqual([['SECRET-TWO']]);
    const warm = await get(`${pathOf(one)}/metadata`, 'application/dicom+json');
    expect(warm.body).toEqual(cold.body);
    const xml = (await get(`${pathOf(one)}/metadata`, XML)).body.toString();
    expect(xml).toContain('SECRET-TWO');
    expect(xml).not.toContain('SECRET-ONE');
    const [row] = JSON.parse(warm.body.toString()) as Row[];
    expect(row?.['00091010']?.BulkDataURI).toBe(`${url(pathOf(one))}/bulkdata/00091010`);
    const bulk = await get(`${pathOf(one)}/bulkdata/00091010`, 'application/octet-stream; transfer-syntax=*');
    expect(bulk.body.equals(BULK.last)).toBe(true);
    await gateway.logged('attributes come twice');
    const lines = gateway.logLines.filter((line) => line.includes('attributes come twice'));
    expect(lines.map((line) => (JSON.parse(line) as { tags: unknown }).tags)).toEqual([
      ['00091010', '00100020'],
    ]);
    expect(gateway.logLines.join('')).not.toContain('SECRET');
  });
});
