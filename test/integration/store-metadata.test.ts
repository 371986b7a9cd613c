import { afterEach, describe, expect, test } from '@jest/globals';
import {
  datasetToJson,
  decodeDataset,
  TransferSyntaxes,
  type DicomJsonObject,
} from '../../src/dicom/index.js';
import { accept, startRoguePeer, type RoguePeer, type RoguePeerOptions } from '../helpers/rogue-peer.js';
import { answerOf, metadata, one, post, type Form, type StorePart } from '../helpers/store-parts.js';
import { peerYaml, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

async function start(options: RoguePeerOptions = {}, extra = ''): Promise<string> {
  peer = await startRoguePeer(options);
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, extra));
  return `${gateway.service}/studies`;
}

const PDF = '1.2.840.10008.5.1.4.1.1.104.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const SR = '1.2.840.10008.5.1.4.1.1.88.11';

const identity = (instance: number, sopClassUid = SR): DicomJsonObject => ({
  '00080016': one('UI', sopClassUid),
  '00080018': one('UI', `1.2.3.${instance}`),
  '0020000D': one('UI', '1.2.3'),
  '0020000E': one('UI', '1.2.3.0'),
  '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Müller^Ä' }] },
});

const document = (instance: number): DicomJsonObject => ({
  ...identity(instance, PDF),
  '00080060': one('CS', 'DOC'),
  '00080064': one('CS', 'SD'),
  '00200013': one('IS', instance),
  '00280301': one('CS', 'NO'),
  '00420011': { vr: 'OB', BulkDataURI: `doc/${instance}` },
  '00420012': one('LO', 'application/pdf'),
});

const image = (instance: number, extra: DicomJsonObject = {}): DicomJsonObject => ({
  ...identity(instance, CT),
  '00280002': one('US', 1),
  '00280004': one('CS', 'MONOCHROME2'),
  '00280010': one('US', 2),
  '00280011': one('US', 3),
  '00280100': one('US', 8),
  '00280101': one('US', 8),
  '00280102': one('US', 7),
  '00280103': one('US', 0),
  '7FE00010': { vr: 'OB', BulkDataURI: `pixels/${instance}` },
  ...extra,
});

const arrived = (): readonly Buffer[] => peer?.messages('C-STORE-RQ').map(({ dataset }) => dataset) ?? [];
const explicit = TransferSyntaxes.ExplicitVrLittleEndian;
const seen = (dataset: Buffer | undefined): DicomJsonObject =>
  datasetToJson(decodeDataset(dataset ?? Buffer.alloc(0), explicit));

describe.each<Form>(['json', 'xml'])('S-04: instances as metadata in %s and bulk data', (form) => {
  test('arrive whole, with text in UTF-8 and values of even length', async () => {
    const url = await start();
    const response = await post(url, form, [
      ...metadata(form, [document(1)]),
      { type: 'application/pdf', location: 'doc/1', body: '%PDF-1' + '.' },
    ]);
    expect(response.status).toBe(200);
    expect(answerOf(response)).toEqual({ stored: ['1.2.3.1'], failed: [], other: [] });
    const value = Buffer.from('%PDF-1.\0').toString('base64');
    expect(seen(arrived()[0])).toEqual({
      ...document(1),
      '00080005': one('CS', 'ISO_IR 192'),
      '00420011': { vr: 'OB', InlineBinary: value },
      '00420015': one('UL', 7),
    });
  });

  test('S-12: are written in Implicit VR for a PACS that takes no other, whatever store.transcode says', async () => {
    const { uid } = TransferSyntaxes.ImplicitVrLittleEndian;
    const url = await start({ associate: accept({ transferSyntaxes: [uid] }) });
    const response = await post(url, form, [
      ...metadata(form, [image(1)]),
      { type: 'application/octet-stream', location: 'pixels/1', body: Buffer.from([1, 2, 3, 4, 5, 6]) },
    ]);
    expect(response.status).toBe(200);
    const [dataset] = arrived();
    const decoded = decodeDataset(dataset ?? Buffer.alloc(0), TransferSyntaxes.ImplicitVrLittleEndian);
    expect(datasetToJson(decoded)).toMatchObject({
      '00080018': one('UI', '1.2.3.1'),
      '7FE00010': { InlineBinary: Buffer.from([1, 2, 3, 4, 5, 6]).toString('base64') },
    });
  });

  test('without bulk data need none', async () => {
    const response = await post(await start(), form, metadata(form, [identity(1), identity(2)]));
    expect(response.status).toBe(200);
    expect(answerOf(response).stored).toEqual(['1.2.3.1', '1.2.3.2']);
  });

  test('S-05: native pixel data of the length that the attributes say', async () => {
    const url = await start();
    const pixels = (instance: number, body: string): StorePart => ({
      type: 'application/octet-stream',
      location: `pixels/${instance}`,
      body,
    });
    const response = await post(url, form, [
      ...metadata(form, [image(1), image(2)]),
      pixels(2, 'short'),
      pixels(1, 'abcdef'),
    ]);
    expect(response.status).toBe(202);
    expect(answerOf(response)).toEqual({ stored: ['1.2.3.1'], failed: ['1.2.3.2'], other: [] });
    expect(arrived().map((dataset) => dataset.subarray(-6).toString())).toEqual(['abcdef']);
  });

  test('S-05: compressed frames come one by one and are encapsulated, with a table of their offsets', async () => {
    const url = await start();
    const frames = image(1, { '00280008': one('IS', 2) });
    const frame = (body: string, location = 'pixels/1'): StorePart => ({
      type: 'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.8.1',
      location,
      body,
    });
    const parts = [...metadata(form, [frames]), frame('abc'), frame('defg', 'pixels/1/frames/2')];
    const response = await post(url, form, parts);
    expect(response.status).toBe(200);
    const [message] = peer?.messages('C-STORE-RQ') ?? [];
    expect(message?.dataset.subarray(-12 - 16 - 24 - 8).toString('hex')).toBe(
      'e07f10004f420000ffffffff' +
        'feff00e008000000000000000c000000' +
        'feff00e00400000061626300' +
        'feff00e0040000006465666' +
        '7' +
        'feffdde000000000',
    );
  });

  test('a value that never comes is a failure of its instance, and one that nothing names of none', async () => {
    const response = await post(await start(), form, [
      ...metadata(form, [document(1), identity(2)]),
      { type: 'application/pdf', location: 'doc/9', body: 'x' },
    ]);
    expect(response.status).toBe(202);
    expect(answerOf(response)).toEqual({ stored: ['1.2.3.2'], failed: ['1.2.3.1'], other: [0xc000] });
    expect(arrived()).toHaveLength(1);
  });

  test('S-07: an instance of another study is refused', async () => {
    const response = await post(`${await start()}/9.9`, form, metadata(form, [identity(1)]));
    expect(response.status).toBe(409);
    expect(answerOf(response).failed).toEqual(['1.2.3.1']);
  });

  test('an instance goes out while later parts still arrive: a body that breaks off afterwards keeps it', async () => {
    const parts = [
      ...metadata(form, [document(1), document(2)]),
      { type: 'application/pdf', location: 'doc/1', body: 'one' },
      { type: 'application/pdf', location: 'doc/2', body: 'tw' },
    ];
    const response = await post(await start(), form, parts, true);
    expect(response.status).toBe(202);
    expect(answerOf(response)).toEqual({ stored: ['1.2.3.1'], failed: ['1.2.3.2'], other: [0xc000] });
  });

  test('an instance with a value that its VR cannot hold is a failure beside the others', async () => {
    const wrong = { ...identity(1), '00280010': { vr: 'LO', Value: ['a\\b'] } };
    const response = await post(await start(), form, metadata(form, [wrong, identity(2)]));
    expect(response.status).toBe(202);
    expect(answerOf(response)).toEqual({ stored: ['1.2.3.2'], failed: ['1.2.3.1'], other: [] });
  });

  test('S-05: an instance with an attribute in a VR that contradicts the standard is a failure beside the others', async () => {
    const wrong = { ...identity(1), '00100020': one('US', 12) };
    const response = await post(await start(), form, metadata(form, [wrong, identity(2)]));
    expect([response.status, answerOf(response)]).toEqual([
      202,
      { stored: ['1.2.3.2'], failed: ['1.2.3.1'], other: [] },
    ]);
    expect(JSON.stringify(JSON.parse(response.body.toString()))).toContain(
      '"00081197":{"vr":"US","Value":[49152]}',
    );
    expect(response.headers.warning).toContain('PatientID (0010,0020) has the VR US, in the standard LO.');
  });

  test('S-05: an instance with two kinds of pixel data is a failure, and its bulk data are of none', async () => {
    const wrong = image(1, { '7FE00008': { vr: 'OF', BulkDataURI: 'floats/1' } });
    const value = (location: string): StorePart => ({ location, body: 'abcdef' });
    const response = await post(await start(), form, [
      ...metadata(form, [wrong, image(2, { '7FE00009': { vr: 'OD' } })]),
      ...['pixels/1', 'floats/1', 'pixels/2'].map(value),
    ]);
    expect([response.status, answerOf(response)]).toEqual([
      202,
      { stored: ['1.2.3.2'], failed: ['1.2.3.1'], other: [] },
    ]);
    expect(response.headers.warning).toContain('more than one of Pixel Data, Float Pixel Data');
  });

  test('what has left is held no longer: its name may be used again', async () => {
    const again = { ...document(2), '00420011': { vr: 'OB', BulkDataURI: 'doc/1' } };
    const value: StorePart = { type: 'application/pdf', location: 'doc/1', body: 'one' };
    const parts = [...metadata(form, [document(1)]), value, ...metadata(form, [again]), value];
    const response = await post(await start(), form, parts);
    expect(response.status).toBe(200);
    expect(answerOf(response)).toEqual({ stored: ['1.2.3.1', '1.2.3.2'], failed: [], other: [] });
  });

  test('a picture whose encoding nobody says is not stored as something else', async () => {
    const response = await post(await start(), form, [
      ...metadata(form, [image(1)]),
      { type: 'image/jls', location: 'pixels/1', body: 'abcdef' },
    ]);
    expect(response.status).toBe(409);
    expect(arrived()).toEqual([]);
  });

  test('metadata that cannot be read are a bad request', async () => {
    const broken = { type: `application/dicom+${form}`, body: '<[{' };
    expect((await post(await start(), form, [broken])).status).toBe(400);
  });

  test('S-08: a body without a part is a bad request', async () => {
    const response = await post(await start(), form, []);
    expect([response.status, String(response.body)]).toEqual([
      400,
      expect.stringContaining('nothing to store'),
    ]);
  });

  test('S-10: of many that cannot be read each is a failure, and beside one that can be they are 202', async () => {
    const broken = Array.from({ length: 30 }, () => ({ type: `application/dicom+${form}`, body: '<[{' }));
    const url = await start();
    expect((await post(url, form, broken)).status).toBe(400);
    const response = await post(url, form, [...broken, ...metadata(form, [identity(1)])]);
    expect([response.status, answerOf(response).other.length]).toEqual([202, 30]);
  });

  test('metadata that are too large are refused', async () => {
    const url = await start({}, 'store: { maxMetadataBytes: 1 KiB }');
    const large = { ...identity(1), '00081030': one('LO', 'x'.repeat(2000)) };
    expect((await post(url, form, metadata(form, [large]))).status).toBe(413);
  });

  test('metadata count while their bulk data are still to come', async () => {
    const url = await start({}, 'store: { maxMetadataBytes: 2 KiB }');
    const all = Array.from({ length: 12 }, (_, at) => document(at + 1));
    const alone = (object: DicomJsonObject): readonly StorePart[] => metadata(form, [object]);
    const value = (instance: number): StorePart => ({ location: `doc/${instance}`, body: 'x' });
    const waiting = await post(url, form, [...all.flatMap(alone), value(1)]);
    expect(waiting.status).toBe(413);
    const inTurn = all.flatMap((object, at) => [...alone(object), value(at + 1)]);
    expect((await post(url, form, inTurn)).status).toBe(200);
  });
});

test('S-08: an array without an instance is a bad request, and nothing beside one', async () => {
  const url = await start();
  const response = await post(url, 'json', metadata('json', []));
  expect([response.status, String(response.body)]).toEqual([
    400,
    expect.stringContaining('nothing to store'),
  ]);
  const beside = await post(url, 'json', [...metadata('json', []), ...metadata('json', [identity(1)])]);
  expect([beside.status, answerOf(beside).stored]).toEqual([200, ['1.2.3.1']]);
});

test('S-04: one dataset of an array that is none is a failure beside the others, with its name where it has one', async () => {
  const noVr = one('XX', 'x');
  const url = await start();
  const broken = [
    { ...identity(1), '00081030': noVr },
    { '00081030': noVr },
    { ...identity(3), '00080018': noVr },
    { ...document(4), '00081030': noVr },
  ];
  const parts = [
    ...metadata('json', [identity(5), ...broken, identity(6)]),
    { type: 'application/pdf', location: 'doc/4', body: 'x' },
  ];
  const response = await post(url, 'json', parts);
  expect([response.status, answerOf(response)]).toEqual([
    202,
    { stored: ['1.2.3.5', '1.2.3.6'], failed: ['1.2.3.1', '1.2.3.4'], other: [0xc000, 0xc000] },
  ]);
  expect(response.headers.warning).toContain('An attribute has a VR that does not exist.');
  const alone = await post(url, 'json', metadata('json', broken));
  expect([alone.status, String(alone.body)]).toEqual([
    400,
    expect.stringContaining('VR that does not exist'),
  ]);
});

test('S-04: an array that holds what is no dataset is a bad request, whatever else is in it', async () => {
  const body = `[${JSON.stringify(identity(1))}, 7]`;
  const response = await post(await start(), 'json', [{ type: 'application/dicom+json', body }]);
  expect(response.status).toBe(400);
  expect(arrived()).toEqual([]);
});
