import { afterEach, describe, expect, test } from '@jest/globals';
import { ctSlice, encapsulatedImage, type Fixture } from '../helpers/fixtures.js';
import {
  abort,
  accept,
  drop,
  final,
  refusingPort,
  reject,
  silence,
  startRoguePeer,
  type RoguePeer,
  type RoguePeerOptions,
  type Script,
} from '../helpers/rogue-peer.js';
import { answerOf, postFiles as post } from '../helpers/store-answer.js';
import {
  HASTY,
  peerYaml,
  request,
  startTestGateway,
  storeBody,
  type TestGateway,
} from '../helpers/test-gateway.js';

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

const three = (): readonly Fixture[] =>
  [1, 2, 3].map((instance) => ctSlice({ instance, rows: 8, columns: 8 }));

describe('what the PACS says is what the answer says', () => {
  test('S-08: all stored is 200, in the syntax they came in and byte for byte', async () => {
    const url = await start({}, 'store: { parallel: 1 }');
    const files = [...three(), encapsulatedImage({ instance: 9 })];
    const response = await post(
      url,
      files.map(({ file }) => file),
    );
    expect(response.status).toBe(200);
    expect(answerOf(response)).toMatchObject({
      stored: files.map((one) => one.sopInstanceUid),
      warnings: {},
      failed: {},
      other: [],
    });
    const arrived = peer?.messages('C-STORE-RQ').map(({ dataset }) => dataset) ?? [];
    expect(arrived.map((dataset, index) => dataset.equals(files[index]?.dataset ?? dataset))).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  test.each([
    ['S-08: a refused instance', 0xa900, 202],
    ['S-08: a warning', 0xb000, 202],
  ])('%s among others is 202', async (_what, status, expected) => {
    const files = three();
    const bad = files[1]?.sopInstanceUid ?? '';
    const onStore: Script = (rq) => [final(rq.affectedSopInstanceUid === bad ? status : 0)];
    const response = await post(
      await start({ onStore }),
      files.map(({ file }) => file),
    );
    expect(response.status).toBe(expected);
    const { stored, failed } = answerOf(response);
    if (status === 0xa900) expect(failed).toEqual({ [bad]: 0xa900 });
    else expect([...stored].sort()).toEqual(files.map((one) => one.sopInstanceUid).sort());
  });

  test.each([
    ['A700 out of resources', 0xa700, 409],
    ['C000 cannot understand', 0xc000, 409],
    ['0110 processing failure', 0x0110, 409],
    ['0124 not authorized', 0x0124, 409],
  ])('S-08: nothing stored because of %s is 409 with the reason', async (_what, status, expected) => {
    const files = three();
    const response = await post(
      await start({ onStore: [final(status)] }),
      files.map(({ file }) => file),
    );
    expect(response.status).toBe(expected);
    expect(answerOf(response).stored).toEqual([]);
    expect(new Set(Object.values(answerOf(response).failed))).toEqual(new Set([status]));
  });

  test('S-12: a refused SOP class is 0122, a refused transfer syntax C122', async () => {
    const files = three();
    const [one] = files;
    const classes = await post(await start({ associate: accept({ sopClasses: [] }) }), [
      one?.file ?? Buffer.alloc(0),
    ]);
    expect(Object.values(answerOf(classes).failed)).toEqual([0x0122]);
    await gateway?.close();
    await peer?.close();
    const compressed = encapsulatedImage({ instance: 4 });
    const implicitOnly = accept({ transferSyntaxes: ['1.2.840.10008.1.2'] });
    const syntaxes = await post(await start({ associate: implicitOnly }), [compressed.file]);
    expect(Object.values(answerOf(syntaxes).failed)).toEqual([0xc122]);
  });

  test.each<readonly [string, RoguePeerOptions]>([
    ['aborts', { onStore: [abort()] }],
    ['drops the connection', { onStore: [drop()] }],
    ['is silent', { onStore: [silence()] }],
  ])('S-13: a PACS that %s has stored nothing as far as the answer says', async (what, options) => {
    const service = await start(options, what === 'is silent' ? HASTY : '');
    const response = await post(service, [three()[0]?.file ?? Buffer.alloc(0)]);
    expect(response.status).toBe(409);
    expect(Object.values(answerOf(response).failed)).toEqual([0x0110]);
    await gateway?.close();
    await peer?.allClosed();
  });

  test('S-13: a PACS that dies between two instances: 202 lists the first as stored and the rest as failed', async () => {
    let stored = 0;
    const onStore: Script = () => (stored++ === 0 ? [final()] : [drop()]);
    const response = await post(
      await start({ onStore }, 'store: { parallel: 1 }'),
      three().map(({ file }) => file),
    );
    expect(response.status).toBe(202);
    expect(answerOf(response).stored).toHaveLength(1);
    expect(Object.keys(answerOf(response).failed)).toHaveLength(2);
  });

  test('S-08: an unreachable PACS is 503 with Retry-After', async () => {
    gateway = await startTestGateway(peerYaml(`GONE@127.0.0.1:${await refusingPort()}`));
    const response = await post(
      `${gateway.service}/studies`,
      three().map(({ file }) => file),
    );
    expect(response.status).toBe(503);
    expect(response.headers['retry-after']).toBeDefined();
  });

  test('a PACS that rejects the association is not "stored"', async () => {
    const response = await post(await start({ associate: reject('permanent') }), [
      three()[0]?.file ?? Buffer.alloc(0),
    ]);
    expect(response.status).toBe(409);
    expect(answerOf(response).stored).toEqual([]);
  });
});

describe('a part larger than the memory, without a disk tier, flows to the PACS', () => {
  const memory = 'cache: { memory: 1 MiB, stallTimeout: 10s }';
  const large = ctSlice({ instance: 5, rows: 1500, columns: 1500 });
  const small = ctSlice({ instance: 6, rows: 8, columns: 8 });
  const stored = (): readonly Buffer[] => peer?.messages('C-STORE-RQ').map(({ dataset }) => dataset) ?? [];

  test('Law 2: it is stored byte for byte, and what follows it too', async () => {
    const response = await post(await start({}, memory), [large.file, small.file]);
    expect(response.status).toBe(200);
    expect(answerOf(response).stored).toEqual([large.sopInstanceUid, small.sopInstanceUid]);
    expect(
      stored().map((dataset) => [large.dataset, small.dataset].some((one) => one.equals(dataset))),
    ).toEqual([true, true]);
  });

  test('more of them at once than may be sent at once wait for each other', async () => {
    const url = await start({}, `${memory}\nstore: { parallel: 1 }`);
    const others = [7, 8, 9].map((instance) => ctSlice({ instance, rows: 1500, columns: 1500 }));
    const response = await post(
      url,
      others.map(({ file }) => file),
    );
    expect(response.status).toBe(200);
    expect(stored()).toHaveLength(3);
  });

  test.each<readonly [string, Buffer, number]>([
    ['that turns out malformed at its end', large.file.subarray(0, -20), 0xc000],
    ['that begins like no Part 10 file', Buffer.concat([Buffer.alloc(200), large.file]), 0xc000],
  ])('one %s is aborted: the PACS gets no whole instance', async (_what, broken, reason) => {
    const response = await post(await start({}, memory), [broken, small.file]);
    expect(response.status).toBe(202);
    const { failed, other, stored: told } = answerOf(response);
    expect([...Object.values(failed), ...other]).toEqual([reason]);
    expect(told).toEqual([small.sopInstanceUid]);
    expect(stored().map((dataset) => dataset.equals(small.dataset))).toEqual([true]);
  });

  test('S-07: one of another study is not begun', async () => {
    const stranger = ctSlice({ study: 2, rows: 1500, columns: 1500 });
    const url = `${await start({}, memory)}/${large.studyInstanceUid}`;
    const response = await post(url, [stranger.file, small.file]);
    expect(response.status).toBe(202);
    expect(answerOf(response).failed).toEqual({ [stranger.sopInstanceUid]: 0xa900 });
    expect(peer?.messages('C-STORE-RQ')).toHaveLength(1);
  });

  test('a body that breaks off inside it: the association is aborted and nothing is told as stored', async () => {
    const url = await start({}, memory);
    const { contentType, body } = storeBody([large.file]);
    const headers = { 'content-type': contentType };
    const response = await request(url, { method: 'POST', headers, body: body.subarray(0, -1000) });
    expect(response.status).toBe(400);
    expect(stored()).toEqual([]);
    await gateway?.close();
    await peer?.allClosed();
  });

  test('one beyond the limit is 413, and what the PACS had got of it is aborted', async () => {
    const response = await post(await start({}, `${memory}\nstore: { maxPartBytes: 3 MiB }`), [large.file]);
    expect(response.status).toBe(413);
    expect(stored()).toEqual([]);
    await gateway?.close();
    await peer?.allClosed();
  });

  test('a PACS that refuses it in the middle is told as a failure, and the rest of the body is read', async () => {
    const onStore: Script = (rq) => [final(rq.affectedSopInstanceUid === large.sopInstanceUid ? 0xa700 : 0)];
    const response = await post(await start({ onStore }, memory), [large.file, small.file]);
    expect(response.status).toBe(202);
    expect(answerOf(response).failed).toEqual({ [large.sopInstanceUid]: 0xa700 });
  });
});

describe('malformed bodies store nothing half', () => {
  const [one, two] = three();
  const good = one?.file ?? Buffer.alloc(0);
  const other = two?.file ?? Buffer.alloc(0);

  test.each<readonly [string, string | undefined, Buffer, number]>([
    ['S-02: no Content-Type', undefined, good, 415],
    ['S-02: a type that cannot be stored', 'image/jpeg', good, 415],
    ['S-03: no boundary', 'multipart/related; type="application/dicom"', good, 400],
    ['S-03: no part', 'multipart/related; type="application/dicom"; boundary=x', Buffer.from('--y--'), 400],
    ['a part that never ends', storeBody([]).contentType, storeBody([good]).body.subarray(0, -60), 400],
  ])('%s is %s', async (_what, contentType, body, status) => {
    const url = await start();
    const headers = contentType === undefined ? {} : { 'content-type': contentType };
    const response = await request(url, { method: 'POST', headers, body });
    expect(response.status).toBe(status);
    expect(response.headers['content-type']).toBe('application/problem+json');
    expect(peer?.messages('C-STORE-RQ')).toHaveLength(0);
  });

  test('a body that breaks off after a whole part: that part is told as stored, the broken one as failed', async () => {
    const url = await start();
    const { contentType, body } = storeBody([good, other]);
    const response = await request(url, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body: body.subarray(0, -100),
    });
    expect(response.status).toBe(202);
    expect(answerOf(response)).toMatchObject({
      stored: [one?.sopInstanceUid],
      failed: {},
      other: [0xc000],
    });
    expect(peer?.messages('C-STORE-RQ')).toHaveLength(1);
  });

  test.each<readonly [string, Buffer, number]>([
    ['no Part 10 file', Buffer.from('hello'), 0xc000],
    ['a dataset cut short', good.subarray(0, -20), 0xc000],
    ['bytes without a preamble', good.subarray(132), 0xc000],
  ])('%s among good parts fails alone', async (_what, broken, reason) => {
    const response = await post(await start(), [good, broken, other]);
    expect(response.status).toBe(202);
    const { stored, failed, other: unnamed } = answerOf(response);
    expect([...stored].sort()).toEqual([one?.sopInstanceUid, two?.sopInstanceUid].sort());
    expect([...Object.values(failed), ...unnamed]).toEqual([reason]);
    expect(peer?.messages('C-STORE-RQ')).toHaveLength(2);
  });

  test('S-07: an instance of another study fails, alone or with others', async () => {
    const stranger = ctSlice({ study: 2, rows: 8, columns: 8 });
    const url = `${await start()}/${one?.studyInstanceUid ?? ''}`;
    const mixed = await post(url, [good, stranger.file]);
    expect(mixed.status).toBe(202);
    expect(answerOf(mixed).failed).toEqual({ [stranger.sopInstanceUid]: 0xa900 });
    expect((await post(url, [stranger.file])).status).toBe(409);
    expect(peer?.messages('C-STORE-RQ')).toHaveLength(1);
  });

  test('a part beyond the limit is 413 and nothing of it is stored', async () => {
    const big = ctSlice({ instance: 7, rows: 64, columns: 64 });
    const response = await post(await start({}, 'store: { maxPartBytes: 2 KiB }'), [big.file]);
    expect(response.status).toBe(413);
    expect(peer?.messages('C-STORE-RQ')).toHaveLength(0);
  });

  test('S-02: a single instance without multipart is stored too', async () => {
    const headers = { 'content-type': 'application/dicom' };
    const response = await request(await start(), { method: 'POST', headers, body: good });
    expect(response.status).toBe(200);
    expect(answerOf(response).stored).toEqual([one?.sopInstanceUid]);
  });
});
