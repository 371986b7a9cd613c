import { afterEach, describe, expect, test } from '@jest/globals';
import type { DicomJsonObject } from '../../src/dicom/index.js';
import { readElements } from '../helpers/independent-reader.js';
import { startRoguePeer, type RoguePeer } from '../helpers/rogue-peer.js';
import { answerOf, metadata, one, post, type StorePart } from '../helpers/store-parts.js';
import { peerYaml, startTestGateway, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

const PDF = '1.2.840.10008.5.1.4.1.1.104.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const explicit = '1.2.840.10008.1.2.1';
/** Frames whose streams are not read. */
const DEFLATED_FRAME = '1.2.840.10008.1.2.8.1';
const DEFLATED = `application/octet-stream; transfer-syntax=${DEFLATED_FRAME}`;

const identity = (sopClassUid: string): DicomJsonObject => ({
  '00080016': one('UI', sopClassUid),
  '00080018': one('UI', '1.2.3.1'),
  '0020000D': one('UI', '1.2.3'),
  '0020000E': one('UI', '1.2.3.0'),
});

const image = (bits: number, extra: DicomJsonObject = {}): DicomJsonObject => ({
  ...identity(CT),
  '00280002': one('US', 1),
  '00280004': one('CS', 'MONOCHROME2'),
  '00280010': one('US', 1),
  '00280011': one('US', 2),
  '00280100': one('US', bits),
  '00280101': one('US', bits),
  '00280102': one('US', bits - 1),
  '00280103': one('US', 0),
  '7FE00010': { vr: 'OB', BulkDataURI: 'pixels' },
  ...extra,
});

const part = (location: string, body: string, type = 'application/octet-stream'): StorePart => ({
  type,
  location,
  body,
});

async function store(object: DicomJsonObject, ...parts: readonly StorePart[]): Promise<RawResponse> {
  peer = await startRoguePeer();
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`));
  return post(`${gateway.service}/studies`, 'json', [...metadata('json', [object]), ...parts]);
}

/** What the peer got of one attribute, and what its header says. */
function arrived(path: string, syntax = explicit) {
  const [message] = peer?.messages('C-STORE-RQ') ?? [];
  return readElements(message?.dataset ?? Buffer.alloc(0), syntax).find((element) => element.path === path);
}

/** Of the one instance: that nothing of it was sent, and why. */
function expectRefusal(response: RawResponse, why: string): void {
  expect([response.status, answerOf(response)]).toEqual([
    409,
    { stored: [], failed: ['1.2.3.1'], other: [] },
  ]);
  expect(response.headers.warning).toContain(why);
  expect(peer?.messages('C-STORE-RQ')).toEqual([]);
}

test.each([
  [3, 409],
  [4, 200],
  [6, 409],
])('S-05: %i inline bytes of an image of 1 x 2 pixels of 16 bits: %i', async (bytes, status) => {
  const pixels = { vr: 'OW', InlineBinary: Buffer.alloc(bytes).toString('base64') };
  const response = await store(image(16, { '7FE00010': pixels }));
  if (status === 200) expect(response.status).toBe(200);
  else expectRefusal(response, 'Pixel data are of another length than their attributes say.');
});

test.each([
  [3, 409],
  [4, 200],
  [5, 409],
  [6, 200],
  [12, 409],
])('S-05: %i bytes of 1 x 2 pixels that share their chrominance: %i', async (bytes, status) => {
  const shared = {
    '00280002': one('US', 3),
    '00280004': one('CS', 'YBR_FULL_422'),
    '00280006': one('US', 0),
  };
  const response = await store(image(8, shared), part('pixels', 'x'.repeat(bytes)));
  if (status === 200) expect(response.status).toBe(200);
  else expectRefusal(response, 'Pixel data are of another length than their attributes say.');
});

describe('S-05: a part without a byte is no value', () => {
  test('of a compressed frame', async () => {
    const frames = ['abc', '', 'defg'].map((body) => part('pixels', body, DEFLATED));
    const response = await store(image(8, { '00280008': one('IS', 3) }), ...frames);
    expectRefusal(response, 'Pixel data, or a frame of them, are empty.');
  });

  test('of native pixel data whose length nothing says', async () => {
    const response = await store(image(8, { '00280004': one('CS', 'YBR_FULL_422') }), part('pixels', ''));
    expectRefusal(response, 'Pixel data, or a frame of them, are empty.');
  });

  test('of an attribute of type 1, which is named', async () => {
    const document = {
      ...identity(PDF),
      '00080060': one('CS', 'DOC'),
      '00080064': one('CS', 'SD'),
      '00200013': one('IS', 1),
      '00280301': one('CS', 'NO'),
      '00420011': { vr: 'OB', BulkDataURI: 'doc' },
      '00420012': one('LO', 'application/pdf'),
    };
    const response = await store(document, part('doc', '', 'application/pdf'));
    expectRefusal(response, 'for want of attributes of type 1: EncapsulatedDocument.');
  });

  test('but of another attribute is its empty value', async () => {
    const response = await store(
      { ...identity(PDF.replace('104.1', '88.11')), '00204000': { vr: 'LT', BulkDataURI: 'text' } },
      part('text', ''),
    );
    expect(response.status).toBe(200);
    expect(arrived('00204000')?.value).toEqual(Buffer.alloc(0));
  });
});

describe('S-05: values in parts of their own are held to their VR as those in the metadata are', () => {
  const SR = '1.2.840.10008.5.1.4.1.1.88.11';
  const of = (vr: string, tag = '00189999'): DicomJsonObject => ({
    ...identity(SR),
    [tag]: { vr, BulkDataURI: 'value' },
  });

  test.each(['LT', 'ST', 'UC', 'UR', 'UT'])('%s of an odd length ends in a space', async (vr) => {
    expect((await store(of(vr), part('value', 'abc'))).status).toBe(200);
    expect(arrived('00189999')).toEqual({ path: '00189999', vr, value: Buffer.from('abc ') });
  });

  test.each(['OB', 'OW', 'UN'])('%s of an odd length ends in a zero', async (vr) => {
    expect((await store(of(vr), part('value', 'abc'))).status).toBe(200);
    expect(arrived('00189999')).toEqual({ path: '00189999', vr, value: Buffer.from('abc\0') });
  });

  test.each([
    ['FD', 5],
    ['FL', 6],
    ['OF', 2],
    ['UV', 12],
    ['AT', 2],
    ['US', 3],
  ])('%s of %d bytes is no value', async (vr, length) => {
    const response = await store(of(vr), part('value', 'x'.repeat(length)));
    expectRefusal(response, `A value of ${vr} has a length that it cannot have.`);
  });

  test('nor is one in an item', async () => {
    const object = { ...identity(SR), '00081115': { vr: 'SQ', Value: [of('FD')] } };
    const response = await store(object, part('value', '12345'));
    expectRefusal(response, 'A value of FD has a length that it cannot have.');
  });

  test.each([
    ['OB', 8, 'OB'],
    ['OW', 8, 'OW'],
    ['OB', 16, 'OW'],
  ])('PS3.5 A.2: native pixel data said to be %s, of %d bits, are %s', async (vr, bits, written) => {
    const object = image(bits, { '7FE00010': { vr, BulkDataURI: 'pixels' } });
    const response = await store(object, part('pixels', 'abcd'.slice(0, bits / 4)));
    expect(response.status).toBe(200);
    expect(arrived('7FE00010')?.vr).toBe(written);
  });
});

describe('PS3.3 C.7.6.3.1.8: offset tables of the metadata are not those of the pixel data that come', () => {
  const tables: DicomJsonObject = {
    '7FE00001': { vr: 'OV', InlineBinary: Buffer.alloc(16).toString('base64') },
    '7FE00002': { vr: 'OV', BulkDataURI: 'lengths' },
    '7FE00003': one('UV', 16),
  };
  const lengths = part('lengths', 'x'.repeat(16));

  test.each([
    ['compressed', 8, [part('pixels', 'abc', DEFLATED), part('pixels', 'defg', DEFLATED)]],
    ['native', 8, [part('pixels', 'abcd')]],
  ])('they are left out: %s', async (_what, bits, pixels) => {
    const object = image(bits, { ...tables, '00280008': one('IS', 2) });
    // Wherever the part of one comes, it is read over.
    for (const parts of [pixels, [lengths, ...pixels], [...pixels, lengths]]) {
      const response = await store(object, ...parts);
      expect([response.status, answerOf(response).other]).toEqual([200, []]);
      const syntax = pixels.length === 2 ? DEFLATED_FRAME : explicit;
      expect(Object.keys(tables).map((tag) => arrived(tag, syntax))).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect(arrived('7FE00010', syntax)).toBeDefined();
      await gateway?.close();
      await peer?.close();
    }
  });
});

describe('S-04: a part that says that its bytes are encoded', () => {
  const report = {
    ...identity(PDF.replace('104.1', '88.11')),
    '00204000': { vr: 'LT', BulkDataURI: 'text' },
  };

  test.each([
    ['Content-Encoding: gzip', 'is encoded'],
    ['Content-Transfer-Encoding: base64', 'is encoded'],
  ])('(%s) is not taken as it is', async (header, why) => {
    const response = await store(report, { ...part('text', 'YWJj'), headers: `${header}\r\n` });
    expectRefusal(response, why);
  });

  test.each(['1.2.840.10008.1.2.2', '1.2.840.10008.1.2.1.99', '1.2.3'])(
    'in %s is not taken for little endian',
    async (syntax) => {
      const type = `application/octet-stream; transfer-syntax=${syntax}`;
      expectRefusal(await store(image(16), part('pixels', 'abcd', type)), 'in a transfer syntax');
    },
  );

  test.each(['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '*'])('in %s is', async (syntax) => {
    const type = `application/octet-stream; transfer-syntax=${syntax}`;
    const plain = { ...part('pixels', 'abcd', type), headers: 'Content-Transfer-Encoding: Binary\r\n' };
    expect((await store(image(16), plain)).status).toBe(200);
    expect(arrived('7FE00010')?.value.toString()).toBe('abcd');
  });
});

describe('S-04: compressed bytes are taken for the pixels of the image alone', () => {
  const icon = (uri: string): DicomJsonObject => ({
    '00880200': { vr: 'SQ', Value: [{ '7FE00010': { vr: 'OB', BulkDataURI: uri } }] },
  });

  test.each([DEFLATED, 'image/jls; transfer-syntax=1.2.840.10008.1.2.4.80', 'image/jpeg'])(
    'an icon of type %s would be written as if it were native',
    async (type) => {
      const response = await store(
        image(16, icon('icon')),
        part('icon', 'abcd', type),
        part('pixels', 'abcd'),
      );
      expectRefusal(response, 'stands for an attribute that is not the pixels of an image');
    },
  );

  test('nor are they a value of another kind', async () => {
    const object = {
      ...identity(PDF.replace('104.1', '88.11')),
      '00189999': { vr: 'OB', BulkDataURI: 'value' },
    };
    expectRefusal(await store(object, part('value', 'abcd', DEFLATED)), 'is not the pixels of an image');
  });

  test('a native icon is taken', async () => {
    const response = await store(image(16, icon('icon')), part('icon', 'abcd'), part('pixels', 'abcd'));
    expect(response.status).toBe(200);
  });
});
