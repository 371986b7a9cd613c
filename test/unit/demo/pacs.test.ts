import { afterEach, describe, expect, test } from '@jest/globals';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import dcmjsDimse, { type requests as requestTypes, type responses as responseTypes } from 'dcmjs-dimse';
import type { AeAddress } from '../../../src/core/index.js';
import {
  createDemoPacs,
  demoUpload,
  type DemoInstance,
  type DemoPacs,
  type DemoPacsOptions,
} from '../../../src/demo/index.js';
import { DemoArchive, type StoreResult } from '../../../src/demo/archive.js';
import { DemoScp } from '../../../src/demo/scp.js';
import { EncodedDataset } from '../../../src/demo/dcmjs-dimse.js';
import {
  basicTextSr,
  ctSeries,
  ctSlice,
  encapsulatedImage,
  privateElements,
  syntaxes,
  type Fixture,
} from '../../helpers/fixtures.js';
import { element, explicitLittle, join } from '../../helpers/fixtures-element.js';

const { Client, requests, responses, constants } = dcmjsDimse;
const open: DemoPacs[] = [];
const recorders: (() => void)[] = [];
afterEach(async () => {
  for (const close of recorders.splice(0)) close();
  await Promise.all(open.splice(0).map((pacs) => pacs.close()));
});

async function start(options: DemoPacsOptions): Promise<DemoPacs> {
  const pacs = await createDemoPacs(options);
  open.push(pacs);
  return pacs;
}

type Arrived = Parameters<DemoArchive['add']>[0];

/** A storage SCP that keeps what arrives as it arrives. */
async function startRecorder(): Promise<{ port: number; arrived: readonly Arrived[] }> {
  const arrived: Arrived[] = [];
  const archive = new (class extends DemoArchive {
    override add(instance: Arrived): Promise<StoreResult> {
      arrived.push(instance);
      return super.add(instance);
    }
  })(2 ** 24);
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    new DemoScp(socket, { archive, aeTitle: 'TARGET', moveDestination: () => undefined });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  recorders.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, arrived };
}

const fixtures: readonly Fixture[] = [
  ...ctSeries(3, { study: 1, studyDate: '20240110', patientName: 'ONE^TEST', extra: [privateElements] }),
  basicTextSr({ study: 1, series: 2, studyDate: '20240110', patientName: 'ONE^TEST' }),
  encapsulatedImage({ study: 2, frames: 2, studyDate: '20240211', patientName: 'TWO^TEST' }),
  ctSlice({
    study: 3,
    transferSyntaxUid: syntaxes.deflated,
    studyDate: '20240312',
    patientName: 'THREE^TEST',
  }),
];

interface Answer {
  readonly status: number;
  readonly elements: Record<string, unknown>;
}

/** All responses to one request; instances that come by C-STORE go to `received`. */
function ask(
  { aeTitle, host, port }: AeAddress,
  request: requestTypes.Request,
  received: string[] = [],
): Promise<Answer[]> {
  const client = new Client();
  client.addRequest(request);
  const answers: Answer[] = [];
  request.on('response', (response: responseTypes.Response) => {
    answers.push({ status: response.getStatus(), elements: response.getDataset()?.getElements() ?? {} });
  });
  client.on(
    'cStoreRequest',
    (store: requestTypes.CStoreRequest, callback: (response: responseTypes.CStoreResponse) => void) => {
      const response = responses.CStoreResponse.fromRequest(store);
      response.setStatus(constants.Status.Success);
      received.push(store.getAffectedSopInstanceUid());
      callback(response);
    },
  );
  return new Promise((resolve, reject) => {
    client.on('networkError', reject);
    client.on('closed', () => {
      resolve(answers);
    });
    client.send(host, port, 'TESTER', aeTitle);
  });
}

const find = (address: AeAddress, level: string, elements: Record<string, unknown>): Promise<Answer[]> => {
  const { CFindRequest } = requests;
  const all = { QueryRetrieveLevel: level, ...elements };
  if (level === 'STUDY') return ask(address, CFindRequest.createStudyFindRequest(all));
  const create = level === 'SERIES' ? 'createSeriesFindRequest' : 'createImageFindRequest';
  return ask(address, CFindRequest[create](all));
};

const uids = (answers: readonly Answer[], keyword: string): unknown[] =>
  answers.filter(({ status }) => status === 0xff00).map(({ elements }) => elements[keyword]);

describe('the demo PACS', () => {
  test('answers C-ECHO on a loopback port', async () => {
    const { address } = await start({ instances: fixtures });
    expect(address.host).toBe('127.0.0.1');
    expect(await ask(address, new requests.CEchoRequest())).toEqual([{ status: 0, elements: {} }]);
  });

  test('finds studies by wildcard, by range and by several UIDs', async () => {
    const { address } = await start({ instances: fixtures });
    const all = fixtures.map(({ studyInstanceUid }) => studyInstanceUid);
    expect(uids(await find(address, 'STUDY', { PatientName: 't*' }), 'StudyInstanceUID')).toEqual([
      all[4],
      all[5],
    ]);
    expect(uids(await find(address, 'STUDY', { StudyDate: '20240201-' }), 'StudyInstanceUID')).toHaveLength(
      2,
    );
    const others = Array.from({ length: 50 }, (_, index) => `2.25.99999999999999999999.${index}`);
    const list = await ask(address, requestWithUids([all[0] ?? '', ...others, all[5] ?? '']));
    expect(uids(list, 'StudyInstanceUID')).toEqual([all[0], all[5]]);
  });

  test('counts what belongs to a study and a series', async () => {
    const { address } = await start({ instances: fixtures });
    const study = fixtures[0]?.studyInstanceUid;
    const [answer] = await find(address, 'STUDY', {
      StudyInstanceUID: study,
      ModalitiesInStudy: '',
      NumberOfStudyRelatedSeries: '',
      NumberOfStudyRelatedInstances: '',
    });
    expect(answer?.elements).toMatchObject({
      ModalitiesInStudy: ['CT', 'SR'],
      NumberOfStudyRelatedSeries: 2,
      NumberOfStudyRelatedInstances: 4,
    });
    const series = await find(address, 'SERIES', {
      StudyInstanceUID: study,
      SeriesInstanceUID: '',
      Modality: '',
    });
    expect(uids(series, 'Modality')).toEqual(['CT', 'SR']);
    const images = await find(address, 'IMAGE', {
      StudyInstanceUID: study,
      SeriesInstanceUID: fixtures[0]?.seriesInstanceUid,
      SOPInstanceUID: '',
    });
    expect(uids(images, 'SOPInstanceUID')).toEqual(
      fixtures.slice(0, 3).map(({ sopInstanceUid }) => sopInstanceUid),
    );
  });

  test('refuses a search below the study that names no study', async () => {
    const { address } = await start({ instances: fixtures });
    expect(await find(address, 'SERIES', { SeriesInstanceUID: '' })).toEqual([
      { status: 0xa900, elements: {} },
    ]);
  });

  test('sends a study by C-GET and says how far it is', async () => {
    const { address } = await start({ instances: fixtures });
    const received: string[] = [];
    const study = fixtures.slice(0, 4);
    const request = requests.CGetRequest.createStudyGetRequest(study[0]?.studyInstanceUid ?? '');
    request.setAddStorageSopClassesToAssociation(true);
    const answers = await ask(address, request, received);
    expect(received).toEqual(study.map(({ sopInstanceUid }) => sopInstanceUid));
    expect(answers.map(({ status }) => status)).toEqual([0xff00, 0xff00, 0xff00, 0]);
  });

  test('says which instances no context takes: some or all of them', async () => {
    const { address } = await start({ instances: [...fixtures, encapsulatedImage({ study: 1, series: 3 })] });
    const get = async (uid: string): Promise<Answer | undefined> => {
      const request = requests.CGetRequest.createStudyGetRequest(uid);
      request.setAddStorageSopClassesToAssociation(true);
      return (await ask(address, request)).at(-1);
    };
    const partial = await get(fixtures[0]?.studyInstanceUid ?? '');
    expect(partial?.status).toBe(0xb000);
    expect(partial?.elements['FailedSOPInstanceUIDList']).toBe(
      encapsulatedImage({ study: 1, series: 3 }).sopInstanceUid,
    );
    expect((await get(fixtures[4]?.studyInstanceUid ?? ''))?.status).toBe(0xa702);
  });

  test('sends by C-MOVE to its one destination, byte for byte', async () => {
    const { port, arrived } = await startRecorder();
    const source = await start({ instances: fixtures, movePort: port });
    for (const uid of new Set(fixtures.map(({ studyInstanceUid }) => studyInstanceUid))) {
      const answers = await ask(source.address, requests.CMoveRequest.createStudyMoveRequest('TARGET', uid));
      expect(answers.at(-1)?.status).toBe(0);
    }
    expect(arrived.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(
      fixtures.map(({ sopInstanceUid }) => sopInstanceUid),
    );
    expect(arrived.map(({ transferSyntaxUid }) => transferSyntaxUid)).toEqual(
      fixtures.map(({ transferSyntaxUid }) => transferSyntaxUid),
    );
    expect(arrived.every(({ dataset }, index) => fixtures[index]?.dataset.equals(dataset))).toBe(true);
  });

  test('knows no C-MOVE destination without a port for it', async () => {
    const { address } = await start({ instances: fixtures });
    const request = requests.CMoveRequest.createStudyMoveRequest(
      'TARGET',
      fixtures[0]?.studyInstanceUid ?? '',
    );
    expect((await ask(address, request)).map(({ status }) => status)).toEqual([0xa801]);
  });

  test('fails a C-MOVE whose destination does not listen', async () => {
    const gone = await createDemoPacs({ instances: [demoUpload()] });
    await gone.close();
    const { address } = await start({ instances: fixtures, movePort: gone.address.port });
    const request = requests.CMoveRequest.createStudyMoveRequest(
      'TARGET',
      fixtures[4]?.studyInstanceUid ?? '',
    );
    expect((await ask(address, request)).at(-1)?.status).toBe(0xa702);
  });

  test('stores in place of what it had, within its bound, and refuses what is no dataset', async () => {
    const upload = demoUpload();
    const { address } = await start({ instances: fixtures, maxBytes: 3 * upload.dataset.length });
    const store = async (instance: DemoInstance): Promise<number | undefined> =>
      (await ask(address, storeRequest(instance)))[0]?.status;
    expect(await store(upload)).toBe(0);
    expect(await store(upload)).toBe(0);
    expect(uids(await find(address, 'STUDY', { PatientName: 'DEMO^UPLOAD' }), 'PatientName')).toHaveLength(1);
    const bigger = ctSlice({ study: 9, rows: 512, columns: 512 });
    expect(await store({ ...bigger, dataset: Buffer.concat([bigger.dataset, upload.dataset]) })).toBe(0xa700);
    expect(await store({ ...ctSlice({ study: 9 }), dataset: Buffer.from('no dataset at all..') })).toBe(
      0xc000,
    );
    expect(await store({ ...ctSlice({ study: 9 }), sopInstanceUid: '1.2.3' })).toBe(0xc000);
  });

  test('lives on when a peer sends nonsense or leaves', async () => {
    const { address } = await start({ instances: fixtures });
    await new Promise<void>((resolve) => {
      const socket = connect(address.port, address.host, () => {
        socket.end(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
      });
      socket.on('error', () => undefined);
      socket.on('close', () => {
        resolve();
      });
      socket.resume();
    });
    expect(await ask(address, new requests.CEchoRequest())).toHaveLength(1);
  });

  test('ends its associations when it is closed', async () => {
    const pacs = await createDemoPacs({ instances: fixtures });
    const socket = connect(pacs.address.port, pacs.address.host);
    await new Promise((resolve) => socket.once('connect', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    await pacs.close();
    await closed;
    expect(socket.destroyed).toBe(true);
  });

  test('cannot be had without instances, or with more than fit', async () => {
    await expect(createDemoPacs({ instances: [] })).rejects.toThrow(RangeError);
    await expect(createDemoPacs({ instances: fixtures, maxBytes: 100 })).rejects.toThrow(RangeError);
  });
});

function storeRequest({
  dataset,
  transferSyntaxUid,
  sopClassUid,
  sopInstanceUid,
}: DemoInstance): requestTypes.CStoreRequest {
  return new requests.CStoreRequest(
    new EncodedDataset(dataset, transferSyntaxUid, {
      SOPClassUID: sopClassUid,
      SOPInstanceUID: sopInstanceUid,
    }),
  );
}

/** The library cuts lists of UIDs at 64 characters: this identifier is written without it. */
function requestWithUids(list: readonly string[]): requestTypes.CFindRequest {
  const request = requests.CFindRequest.createStudyFindRequest({ StudyInstanceUID: '' });
  const identifier = join(element(0x00080052, 'CS', 'STUDY'), element(0x0020000d, 'UI', list.join('\\')));
  request.setDataset(new EncodedDataset(identifier(explicitLittle), syntaxes.explicitLittle));
  return request;
}
