import { afterEach, describe, expect, test } from '@jest/globals';
import { listing } from '../helpers/listing.js';
import { final, makeInstance, pending } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request, type RawResponse } from '../helpers/test-gateway.js';
import { XML } from '../helpers/native-xml.js';

const one = makeInstance({ extra: { InstanceNumber: '007', '00180050:DS': '2.50' } });
const STUDY = `/studies/${one.studyInstanceUid}`;
const INSTANCE = `${STUDY}/series/${one.seriesInstanceUid}/instances/${one.sopInstanceUid}`;
const STRINGS = 'json: { numericStrings: strings }';

const scenes: Scene[] = [];
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.close();
});

async function start(yaml = ''): Promise<(path: string, accept?: string) => Promise<RawResponse>> {
  const lists = listing([one]);
  const scene = await startScene({
    instances: [one],
    yaml,
    onFind: (rq, identifier) => {
      if (identifier.get(0x00080052) !== 'SERIES' || !identifier.has(0x00200011))
        return typeof lists === 'function' ? lists(rq, identifier) : lists;
      const { studyInstanceUid: StudyInstanceUID, seriesInstanceUid: SeriesInstanceUID } = one;
      return [pending({ StudyInstanceUID, SeriesInstanceUID, Modality: 'CT', SeriesNumber: '+03' }), final()];
    },
  });
  scenes.push(scene);
  return (path, accept = 'application/dicom+json') => request(scene.url(path), { headers: { accept } });
}

type Dataset = Record<string, { vr: string; Value?: unknown[] } | undefined>;
const first = ({ body }: RawResponse): Dataset => (JSON.parse(body.toString()) as Dataset[])[0] ?? {};
const values = (response: RawResponse, ...tags: string[]): unknown[] =>
  tags.map((tag) => first(response)[tag]?.Value?.[0]);

describe('json.numericStrings', () => {
  test('J-05: IS and DS of results and metadata are numbers, or text as the PACS spells it', async () => {
    const asNumbers = await start();
    const asStrings = await start(STRINGS);
    expect(values(await asNumbers(`${STUDY}/series`), '00200011')).toEqual([3]);
    expect(values(await asStrings(`${STUDY}/series`), '00200011')).toEqual(['+03']);
    for (const path of [`${STUDY}/metadata`, `${INSTANCE}/metadata`]) {
      expect(values(await asNumbers(path), '00200013', '00180050', '00280010')).toEqual([7, 2.5, 1]);
      expect(values(await asStrings(path), '00200013', '00180050', '00280010')).toEqual(['007', '2.50', 1]);
    }
  });

  test('J-05: a count that the gateway found out is text too', async () => {
    const count = async (yaml: string): Promise<unknown[]> =>
      values(await (await start(yaml))('/studies'), '00201206', '00201208');
    expect(await count('search: { complete: page }')).toEqual([1, 1]);
    expect(await count(`search: { complete: page }\n${STRINGS}`)).toEqual(['1', '1']);
  });

  test('J-05, W-60: entity tags tell the two apart, kept documents too; XML is the same either way', async () => {
    const asNumbers = await start('http: { publicUrl: "http://gateway.example" }');
    const asStrings = await start(`http: { publicUrl: "http://gateway.example" }\n${STRINGS}`);
    const tagsOf = async (path: string, accept?: string): Promise<unknown[]> => {
      const tags: unknown[] = [];
      for (const get of [asNumbers, asStrings]) {
        await get(path, accept);
        const { etag } = (await get(path, accept)).headers;
        expect(etag).toMatch(/^"/);
        tags.push(etag);
      }
      return tags;
    };
    for (const path of [`${STUDY}/metadata`, `${INSTANCE}/metadata`]) {
      expect(new Set(await tagsOf(path)).size).toBe(2);
      expect(new Set(await tagsOf(path, XML)).size).toBe(1);
    }
  });
});
