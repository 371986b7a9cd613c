import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import http from 'node:http';
import { connect } from 'node:net';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { listing, selected } from '../helpers/listing.js';
import { final, makeInstance, silence, startRoguePeer, store, type Script } from '../helpers/rogue-peer.js';
import { datasetOf, partsOf, peerYaml, request, sha256, startTestGateway } from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const CLIENTS = 1000;
const AT_ONCE = 50;
const STUDY = '/studies/2.25.77.1';
const SERIES = `${STUDY}/series/2.25.77.2`;
const JSON_BODY = { 'content-type': 'application/json' };
const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };

/** Numbers below 1, the same for a seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Reads some bytes of an answer and goes away, or stops reading first. */
function leave(url: string, after: number, stalls: boolean): Promise<void> {
  return new Promise((resolve) => {
    const outgoing = http.get(url, { headers: AS_STORED, agent: false }, (response) => {
      let read = 0;
      const go = (): void => void response.destroy();
      response.on('error', () => undefined);
      response.on('close', resolve);
      response.on('data', (chunk: Buffer) => {
        read += chunk.length;
        if (read < after) return;
        if (stalls) response.pause();
        setImmediate(go);
      });
    });
    outgoing.on('error', () => {
      resolve();
    });
    if (after === 0) {
      outgoing.on('socket', (socket) => {
        socket.once('connect', () => outgoing.destroy());
      });
    }
    outgoing.on('close', resolve);
  });
}

const descriptors = (): number =>
  existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : Number.NaN;

describe('clients that go away', () => {
  test(`${CLIENTS} of them at random places leave nothing behind, and the next gets everything`, async () => {
    const instances = Array.from({ length: 12 }, () => makeInstance({ pixelBytes: 200_000 }));
    const onGet: Script = (_request, identifier) => [
      ...selected(instances, identifier).map((one) => store(one)),
      final(),
    ];
    const peer = await startRoguePeer({ onFind: listing(instances), onGet });
    closers.push(() => peer.close());
    const directory = mkdtempSync(join(tmpdir(), 'leavers-'));
    closers.push(() => rm(directory, { recursive: true, force: true }));
    const cache = `cache: { memory: 1 MiB, revalidateAfter: 0, disk: { directory: "${directory}", size: 64 MiB } }`;
    const extra = `${cache}\nretrieve: { cancelDelay: 1ms }`;
    const gateway = await startTestGateway(
      peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, extra),
    );
    closers.push(() => gateway.close());
    const before = descriptors();
    const next = random(7);
    const paths = [
      STUDY,
      SERIES,
      `${SERIES}/metadata`,
      ...instances.map((one) => `${SERIES}/instances/${one.sopInstanceUid}`),
    ];
    let left = CLIENTS;
    const clients = Array.from({ length: AT_ONCE }, async () => {
      while (left > 0) {
        left -= 1;
        const path = paths[Math.floor(next() * paths.length)] ?? STUDY;
        await leave(gateway.service + path, Math.floor(next() * 400_000), next() < 0.3);
      }
    });
    await Promise.all(clients);
    const busy = (): boolean => {
      const { associations, waiting } = gateway.running.peers.get('main')?.stats ?? {};
      return (associations?.busy ?? 0) + (associations?.opening ?? 0) + (waiting ?? 0) > 0;
    };
    while (busy()) await new Promise(setImmediate);
    const response = await request(gateway.service + SERIES, { headers: AS_STORED });
    expect([response.status, response.complete]).toEqual([200, true]);
    expect(new Set(partsOf(response).map(({ body }) => sha256(datasetOf(body))))).toEqual(
      new Set(instances.map(({ dataset }) => sha256(dataset))),
    );
    const metrics = (await gateway.telemetry.metrics()).body;
    const memory = Number(/^dicomgw_cache_bytes\{tier="memory"\} (\d+)/m.exec(metrics)?.[1]);
    expect(memory).toBeLessThanOrEqual(2 ** 20);
    await gateway.close();
    await peer.allClosed();
    // What the client's side of the sockets needs to go is given by the event loop.
    if (!Number.isNaN(before)) while (descriptors() > before + 5) await new Promise(setImmediate);
  });
});

describe('a client that leaves with an answer waiting for its turn', () => {
  test('ends both, and what the second had is free again', async () => {
    const [cold, warm] = [makeInstance(), makeInstance({ pixelBytes: 400_000 })];
    const onGet: Script = (_request, identifier) => {
      const wanted = selected([cold, warm], identifier);
      return wanted.includes(cold) ? [silence()] : [...wanted.map((one) => store(one)), final()];
    };
    const peer = await startRoguePeer({ onFind: listing([cold, warm]), onGet });
    closers.push(() => peer.close());
    const gateway = await startTestGateway(
      peerYaml(
        `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`,
        'retrieve: { cancelDelay: 1ms, headStart: 0 }\ncache: { revalidateAfter: 1h, reopenAfter: 1h }',
      ),
    );
    closers.push(() => gateway.close());
    const pathOf = (one: { readonly sopInstanceUid: string }): string =>
      `${new URL(gateway.service).pathname}${SERIES}/instances/${one.sopInstanceUid}`;
    expect((await request(gateway.origin + pathOf(warm), { headers: AS_STORED })).status).toBe(200);
    const metric = async (pattern: RegExp): Promise<number> =>
      Number(pattern.exec((await gateway.telemetry.metrics()).body)?.[1] ?? 0);
    const hits = (): Promise<number> =>
      metric(/^dicomgw_cache_events_total\{tier="memory",event="hit"\} (\d+)/m);
    const before = await hits();
    const asking = (path: string, id: string): string =>
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: ${AS_STORED.accept}\r\nX-Request-Id: ${id}\r\n\r\n`;
    const socket = connect(Number(new URL(gateway.origin).port), '127.0.0.1');
    socket.write(asking(pathOf(cold), 'first') + asking(pathOf(warm), 'second'));
    while ((await hits()) === before) await new Promise(setImmediate);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    socket.destroy();
    for (const id of ['first', 'second']) {
      const line = await gateway.logged(`"requestId":"${id}","method":"GET"`);
      expect(JSON.parse(line)).toMatchObject({ msg: 'http request', complete: false });
    }
    // What is read stays in memory after a purge until its reader has left.
    await request(`${gateway.origin}/cache/purge`, {
      method: 'POST',
      body: '{"all":true}',
      headers: JSON_BODY,
    });
    while ((await metric(/^dicomgw_cache_bytes\{tier="memory"\} (\d+)/m)) > 0)
      await new Promise(setImmediate);
  });
});
