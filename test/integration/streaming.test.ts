import { afterEach, describe, expect, test } from '@jest/globals';
import http from 'node:http';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listing, selected } from '../helpers/listing.js';
import { XML } from '../helpers/native-xml.js';
import {
  final,
  makeInstance,
  pending,
  startRoguePeer,
  store,
  until,
  type RogueInstance,
  type RoguePeer,
  type Script,
  type Step,
} from '../helpers/rogue-peer.js';
import { datasetOf, partsOf, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
const SERIES = '/studies/2.25.77.1/series/2.25.77.2';

async function start(
  instances: readonly RogueInstance[],
  onGet: Script,
  extra = '',
): Promise<{ peer: RoguePeer; gateway: TestGateway }> {
  const peer = await startRoguePeer({ onFind: listing(instances), onGet });
  closers.push(() => peer.close());
  const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
  const gateway = await startTestGateway(`peers: { main: { address: "${address}" } }\n${extra}`);
  closers.push(() => gateway.close());
  return { peer, gateway };
}

/** A gate that a script waits at. */
function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return {
    passed,
    open: () => {
      open();
    },
  };
}

/** Reads a response until `enough` says so, or to its end, and hands over what came. */
function readUntil(
  url: string,
  headers: http.OutgoingHttpHeaders,
  enough: (body: Buffer) => boolean,
): Promise<{ body: Buffer; rest: Promise<Buffer> }> {
  return new Promise((resolve, reject) => {
    http
      .get(url, { headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        let told = false;
        const rest = new Promise<Buffer>((done, failed) => {
          response.on('end', () => {
            done(Buffer.concat(chunks));
          });
          response.on('error', failed);
        });
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          if (told || !enough(Buffer.concat(chunks))) return;
          told = true;
          resolve({ body: Buffer.concat(chunks), rest });
        });
      })
      .on('error', reject);
  });
}

describe('bytes leave while others are still coming', () => {
  test.each([
    ['instances', SERIES, AS_STORED],
    ['metadata', `${SERIES}/metadata`, {}],
    ['metadata in XML', `${SERIES}/metadata`, { accept: XML }],
  ])(
    'the first of two %s is at the client before the PACS has sent the second',
    async (_what, path, headers) => {
      const [first, second] = [makeInstance(), makeInstance()];
      const { passed, open } = gate();
      const onGet: Script = (_request, identifier) =>
        selected([first, second], identifier)
          .flatMap((one) => [...(one === second ? [until(passed)] : []), store(one)])
          .concat(final());
      const { gateway } = await start([first, second], onGet, 'retrieve: { batchInstances: 1 }');
      const { rest } = await readUntil(gateway.service + path, headers, (body) =>
        body.includes(first.sopInstanceUid),
      );
      open();
      expect((await rest).includes(second.sopInstanceUid)).toBe(true);
    },
  );

  test.each([
    ['JSON', 'application/dicom+json'],
    ['XML', XML],
  ])(
    'rows of a search in %s beyond the look-ahead are at the client before the last one came',
    async (_form, accept) => {
      const { passed, open } = gate();
      const row = (n: number): Step =>
        pending({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: `1.2.${n}.9`, PatientID: `P${n}` });
      const peer = await startRoguePeer({ onFind: [row(1), row(2), until(passed), row(3), final()] });
      closers.push(() => peer.close());
      const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
      const gateway = await startTestGateway(
        `peers: { main: { address: "${address}" } }\nsearch: { lookAhead: 1 }`,
      );
      closers.push(() => gateway.close());
      const { rest } = await readUntil(`${gateway.service}/studies`, { accept }, (body) =>
        body.includes('1.2.2.9'),
      );
      open();
      expect((await rest).includes('1.2.3.9')).toBe(true);
    },
  );

  test('a large instance leaves while it arrives', async () => {
    const { passed, open } = gate();
    const whole = makeInstance({ pixelBytes: 4_000_000 });
    const half = whole.dataset.subarray(0, 2_000_000);
    const instance: RogueInstance = { ...whole, dataset: [half, whole.dataset.subarray(half.length)] };
    // The second half is held back by the script's own pace: PDVs are written one after the other.
    const slow = {
      ...instance,
      dataset: (function* () {
        yield half;
        yield whole.dataset.subarray(half.length);
      })(),
    };
    const onGet: Script = () => [store(slow), until(passed), final()];
    const { gateway } = await start([whole], onGet);
    const path = `${SERIES}/instances/${whole.sopInstanceUid}`;
    const { rest } = await readUntil(gateway.service + path, AS_STORED, (body) => body.length > 1_000_000);
    open();
    const body = await rest;
    expect(body.includes(whole.dataset.subarray(-1000))).toBe(true);
  });
});

describe('memory is bounded by the cache, not by the images', () => {
  const bigs = (): readonly (RogueInstance & { dataset: Buffer })[] =>
    Array.from({ length: 4 }, () => makeInstance({ pixelBytes: 6 * 2 ** 20 }));
  const deliver =
    (instances: readonly RogueInstance[]): Script =>
    (_request, identifier) => [...selected(instances, identifier).map((one) => store(one)), final()];

  test('without a disk tier instances larger than the memory flow through, whole and unchanged', async () => {
    const instances = bigs();
    const { gateway } = await start(instances, deliver(instances), 'cache: { memory: 2 MiB }');
    const response = await request(gateway.service + SERIES, { headers: AS_STORED });
    expect(response.status).toBe(200);
    const parts = partsOf(response);
    expect(parts).toHaveLength(4);
    for (const part of parts) {
      const stored = instances.find((one) => part.headers['content-location']?.endsWith(one.sopInstanceUid));
      expect(datasetOf(part.body).equals(stored?.dataset ?? Buffer.alloc(0))).toBe(true);
    }
  });

  test('with a disk tier the same, and the next process finds them there', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cache-'));
    closers.push(() => rm(directory, { recursive: true }));
    const instances = bigs();
    const cache = `cache: { memory: 2 MiB, disk: { directory: "${directory}", size: 64 MiB } }`;
    const { peer, gateway } = await start(instances, deliver(instances), cache);
    for (let n = 0; n < 2; n += 1) {
      const parts = partsOf(await request(gateway.service + SERIES, { headers: AS_STORED }));
      expect(parts).toHaveLength(4);
    }
    expect(peer.messages('C-STORE-RSP')).toHaveLength(4);
    await gateway.close();
    const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
    const next = await startTestGateway(`peers: { main: { address: "${address}" } }\n${cache}`);
    closers.push(() => next.close());
    expect(partsOf(await request(next.service + SERIES, { headers: AS_STORED }))).toHaveLength(4);
    expect(peer.messages('C-STORE-RSP')).toHaveLength(4);
  });

  test('a client that never reads is reset when others need the room; the association is free again', async () => {
    const instances = bigs();
    const extra = 'cache: { memory: 2 MiB, stallTimeout: 3s }\nretrieve: { cancelDelay: 10ms }';
    const { peer, gateway } = await start(instances, deliver(instances), extra);
    const stuck = http.get(gateway.service + SERIES, { headers: AS_STORED, agent: false }, (response) => {
      response.pause();
    });
    stuck.on('error', () => undefined);
    await gateway.logged('"errorCode":"reader-stalled"');
    stuck.destroy();
    const response = await request(gateway.service + SERIES, { headers: AS_STORED });
    expect(partsOf(response)).toHaveLength(4);
    await gateway.close();
    await peer.allClosed();
  });
});
