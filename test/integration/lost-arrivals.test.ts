import { afterEach, describe, expect, test } from '@jest/globals';
import http from 'node:http';
import { part10Header } from '../../src/dicom/index.js';
import { AS_STORED, SERIES, startChangingPacs } from '../helpers/changing-pacs.js';
import { final, makeInstance, shaped, store, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import {
  datasetOf,
  partsOf,
  peerYaml,
  request,
  startTestGateway,
  storeBody,
} from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

interface Held {
  /** Lets the first retrieve go on. */
  readonly go: () => void;
  readonly url: string;
}

/** A PACS that stops in the middle of the first retrieve; `then` is what it sends in the next ones. */
async function start(first: RogueInstance, next: RogueInstance, stopAt: number, yaml = ''): Promise<Held> {
  let go: () => void = () => undefined;
  const until = new Promise<void>((resolve) => (go = resolve));
  let retrieves = 0;
  const { url } = (scene = await startScene({
    instances: [first],
    yaml,
    onGet: () => {
      retrieves += 1;
      return retrieves === 1
        ? [shaped({ pauseAt: { bytes: stopAt, until } }), store(first), final()]
        : [store(next), final()];
    },
  }));
  const { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: instance } = first;
  return { go, url: url(`/studies/${study}/series/${series}/instances/${instance}`) };
}

/** Reads until so many bytes have come, and goes on reading. */
function reading(url: string, bytes: number): Promise<{ leave: () => void; whole: Promise<boolean> }> {
  return new Promise((resolve, reject) => {
    const outgoing = http.get(url, { headers: AS_STORED, agent: false }, (response) => {
      let seen = 0;
      const whole = new Promise<boolean>((told) => {
        response.on('close', () => {
          told(response.complete);
          reject(new Error(`closed after ${seen} bytes`));
        });
      });
      const leave = (): void => void response.destroy();
      response.on('error', () => undefined);
      response.on('data', (chunk: Buffer) => {
        seen += chunk.length;
        if (seen >= bytes) resolve({ leave, whole });
      });
    });
    outgoing.on('error', reject);
  });
}

async function datasetAt(url: string): Promise<Buffer> {
  const answer = await request(url, { headers: AS_STORED });
  expect([answer.status, answer.complete]).toEqual([200, true]);
  return datasetOf(partsOf(answer)[0]?.body ?? Buffer.alloc(0));
}

const made = (pixelBytes: number): ReturnType<typeof makeInstance> =>
  makeInstance({ sopInstanceUid: '2.25.77.3.9001', pixelBytes });

describe('an arrival that the cache has let go of', () => {
  test('is not given to who asks after a store has replaced it', async () => {
    const [before, after] = [made(300_000), made(300_000)];
    const { go, url } = await start(before, after, 200_000);
    const { whole } = await reading(url, 50_000);
    const { contentType, body } = storeBody([Buffer.concat([part10Header(after), after.dataset])]);
    const service = scene?.url('/studies') ?? '';
    const headers = { 'content-type': contentType, accept: 'application/dicom+json' };
    expect((await request(service, { method: 'POST', headers, body })).status).toBe(200);
    expect((await datasetAt(url)).equals(after.dataset)).toBe(true);
    go();
    await whole;
    expect((await datasetAt(url)).equals(after.dataset)).toBe(true);
  });

  test.each(['still reads it', 'has left'])(
    'for want of room is asked for anew when its reader %s',
    async (what) => {
      const instance = made(4_000_000);
      const { go, url } = await start(instance, instance, 3_000_000, 'cache: { memory: 1 MiB }');
      const { leave, whole } = await reading(url, 2_500_000);
      if (what === 'has left') {
        leave();
        await whole;
      }
      expect((await datasetAt(url)).equals(instance.dataset)).toBe(true);
      go();
      expect(await whole).toBe(what !== 'has left');
    },
  );

  test('is not kept when it is deleted at the PACS meanwhile', async () => {
    const [deleted, other] = [made(300_000), makeInstance()];
    const pacs = await startChangingPacs([deleted, other]);
    const { aeTitle, port } = pacs.peer.address;
    const gateway = await startTestGateway(
      peerYaml(`${aeTitle}@127.0.0.1:${port}`, 'cache: { revalidateAfter: 0 }'),
    );
    try {
      const urlOf = ({ sopInstanceUid }: RogueInstance): string =>
        `${gateway.service}${SERIES}/instances/${sopInstanceUid}`;
      let go: () => void = () => undefined;
      const until = new Promise<void>((resolve) => (go = resolve));
      pacs.beforeInstances = shaped({ pauseAt: { bytes: 200_000, until } });
      const { whole } = await reading(urlOf(deleted), 50_000);
      pacs.beforeInstances = () => undefined;
      pacs.instances = [other];
      // Whose check finds that the study has lost something.
      await datasetAt(urlOf(other));
      go();
      expect(await whole).toBe(true);
      expect((await request(urlOf(deleted), { headers: AS_STORED })).status).toBe(404);
      expect((await datasetAt(urlOf(other))).equals(other.dataset)).toBe(true);
    } finally {
      await gateway.close();
      await pacs.peer.close();
    }
  });
});
