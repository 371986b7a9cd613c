import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { TransferSyntaxes } from '../../src/dicom/index.js';
import { readElements, textOf } from '../helpers/independent-reader.js';
import { sampleFiles } from '../helpers/pacs-suite.js';
import { report, textItem } from '../helpers/report-items.js';
import { makeInstance, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { datasetOf, partsOf, request, transferSyntaxOf, type RawResponse } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const { ExplicitVrLittleEndian } = TransferSyntaxes;
const SR = '1.2.840.10008.5.1.4.1.1.88.33';

const sr: RogueInstance = {
  sopClassUid: SR,
  sopInstanceUid: '1.2.3.4',
  studyInstanceUid: '1.2.3',
  seriesInstanceUid: '1.2.3.1',
  transferSyntaxUid: ExplicitVrLittleEndian.uid,
  dataset: report([textItem('Finding', '<script>alert("none")</script>')])(ExplicitVrLittleEndian),
};

async function start(...instances: RogueInstance[]): Promise<Scene> {
  scene = await startScene({ instances });
  return scene;
}

const instancePath = ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: RogueInstance): string =>
  `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;

const get = (path: string, headers: Record<string, string> = {}): Promise<RawResponse> =>
  request(scene?.url(path) ?? '', { headers });

describe('W-50: /rendered of a report', () => {
  test.each([
    [undefined, 'text/html; charset=utf-8'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html; charset=utf-8'],
    ['text/plain', 'text/plain; charset=utf-8'],
    ['text/xml', 'text/xml; charset=utf-8'],
  ])('R-08: for Accept %s is text that nothing runs in', async (accept, type) => {
    await start(sr);
    const response = await get(`${instancePath(sr)}/rendered`, accept === undefined ? {} : { accept });
    expect([response.status, response.complete]).toEqual([200, true]);
    expect(response.headers).toMatchObject({
      'content-type': type,
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringMatching(
        /^default-src 'none'; style-src 'sha256-[^']+'; sandbox$/,
      ),
    });
    expect(response.body.includes('alert("none")')).toBe(true);
    if (!type.startsWith('text/plain')) expect(response.body.includes('<script>')).toBe(false);
    const { etag = '' } = (await get(`${instancePath(sr)}/rendered`, accept === undefined ? {} : { accept }))
      .headers;
    const again = await get(`${instancePath(sr)}/rendered`, {
      ...(accept === undefined ? {} : { accept }),
      'if-none-match': etag,
    });
    expect(again.status).toBe(304);
  });

  test('H-12, U-03: is in UTF-8, and not acceptable for who takes no such text', async () => {
    await start(sr);
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = sr;
    const uids = `studyUID=${studyInstanceUid}&seriesUID=${seriesInstanceUid}&objectUID=${sopInstanceUid}`;
    const wado = `/wado?requestType=WADO&${uids}&contentType=text/html`;
    const none = { 'accept-charset': 'iso-8859-1, utf-8;q=0' };
    for (const [path, mark] of [
      [`${instancePath(sr)}/rendered`, '?'],
      [wado, '&'],
    ] as const) {
      expect((await get(path, none)).status).toBe(406);
      expect((await get(`${path}${mark}charset=utf-8;q=0`)).status).toBe(406);
      expect((await get(`${path}${mark}charset=utf-8`, none)).status).toBe(200);
      expect((await get(path, { 'accept-charset': 'iso-8859-1' })).status).toBe(200);
    }
    expect((await get(wado.replace('text/html', 'application/dicom'), none)).status).toBe(200);
  });

  test('is no picture, and has no frames', async () => {
    await start(sr);
    expect((await get(`${instancePath(sr)}/rendered`, { accept: 'image/jpeg' })).status).toBe(406);
    expect((await get(`${instancePath(sr)}/frames/1/rendered`)).status).toBe(404);
  });

  test('one that cannot be read is an error, not half a report', async () => {
    const cut = { ...sr, dataset: Buffer.from(sr.dataset as Buffer).subarray(0, -20) };
    await start(cut);
    const response = await get(`${instancePath(sr)}/rendered`);
    expect(response.status >= 500 || !response.complete).toBe(true);
  });
});

test('W-50: /rendered of an encapsulated document is the document', async () => {
  const declared = Buffer.alloc(4);
  declared.writeUInt32LE(7);
  const pdf = makeInstance({
    sopClassUid: '1.2.840.10008.5.1.4.1.1.104.1',
    pixelBytes: 0,
    extra: {
      '00420011:OB': Buffer.from('%PDF-1.\0'),
      '00420012:LO': 'application/pdf',
      '00420015:UL': declared,
    },
  });
  await start(pdf);
  const response = await get(`${instancePath(pdf)}/rendered`);
  expect([response.status, response.body.toString()]).toEqual([200, '%PDF-1.']);
  expect(response.headers).toMatchObject({
    'content-type': 'application/pdf',
    'content-disposition': `inline; filename="${pdf.sopInstanceUid}.pdf"`,
  });
  const range = await get(`${instancePath(pdf)}/rendered`, { range: 'bytes=1-3' });
  expect([range.status, range.body.toString()]).toEqual([206, 'PDF']);
  const [part] = partsOf(
    await get(`${instancePath(pdf)}/rendered`, { accept: 'multipart/related; type="application/pdf"' }),
  );
  expect(part?.body.toString()).toBe('%PDF-1.');
  expect((await get(`${instancePath(pdf)}/rendered`, { accept: 'text/html' })).status).toBe(406);
});

const samples = sampleFiles().filter((path) => /\/(?:sr-|ko-|pdf|stl)[^/]*$/.test(path));

(samples.length > 0 ? test.each(samples) : test.skip.each(['none']))(
  'the sample %s is rendered',
  async (path) => {
    const file = readFileSync(path);
    const dataset = datasetOf(file);
    const elements = readElements(dataset, transferSyntaxOf(file));
    const uid = (tag: string): string => textOf(elements, tag) ?? '';
    const one = {
      sopClassUid: uid('00080016'),
      sopInstanceUid: uid('00080018'),
      studyInstanceUid: uid('0020000D'),
      seriesInstanceUid: uid('0020000E'),
      transferSyntaxUid: transferSyntaxOf(file),
      dataset,
    };
    await start(one);
    const response = await get(`${instancePath(one)}/rendered`);
    expect([response.status, response.complete]).toEqual([200, true]);
    const type = uid('00420012').toLowerCase() || 'text/html; charset=utf-8';
    expect(response.headers['content-type']).toBe(type);
  },
);
