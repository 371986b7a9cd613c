import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { ctSlice } from '../helpers/fixtures.js';
import { final, pending, startRoguePeer, until, type RoguePeer } from '../helpers/rogue-peer.js';
import { eventually, PATIENCE_MS } from '../helpers/patience.js';
import { peerYaml, request, startTestGateway, storeBody, type TestGateway } from '../helpers/test-gateway.js';

const PATIENT_ID = 0x00100020;

let gateway: TestGateway | undefined;
let peer: RoguePeer | undefined;
let line: net.Server | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  line?.close();
  gateway = peer = line = undefined;
});

/** A line to the peer that can be cut: connections are reset then. */
async function switchableLine(to: net.AddressInfo['port']) {
  const state = { up: false, taken: 0 };
  line = net.createServer((socket) => {
    state.taken += 1;
    socket.on('error', () => undefined);
    if (!state.up) {
      socket.resetAndDestroy();
      return;
    }
    const onward = net.connect(to, '127.0.0.1').on('error', () => socket.destroy());
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  });
  line.listen(0, '127.0.0.1');
  await once(line, 'listening');
  return { state, port: (line.address() as net.AddressInfo).port };
}

async function readiness({ origin }: TestGateway) {
  const { status, body } = await request(`${origin}/readyz`);
  const { peers } = JSON.parse(body.toString()) as { readonly peers: readonly unknown[] };
  return { status, peer: peers[0] };
}

test('a peer that is down is not asked for a while, and works again when it is back', async () => {
  peer = await startRoguePeer({ onFind: [pending({ StudyInstanceUID: '1.2.3' }), final()] });
  const { state, port } = await switchableLine(peer.address.port);
  gateway = await startTestGateway(
    peerYaml(`${peer.address.aeTitle}@127.0.0.1:${port}`, '    breaker: { failures: 3, openFor: 1s }'),
  );
  const search = () => request(`${gateway?.service ?? ''}/studies`);
  for (let count = 0; count < 3; count += 1) expect((await search()).status).toBeGreaterThanOrEqual(502);
  expect(state.taken).toBe(3);

  const refused = await search();
  expect([refused.status, state.taken]).toEqual([503, 3]);
  expect(Number(refused.headers['retry-after'])).toBe(1);
  expect(JSON.parse(refused.body.toString())).toMatchObject({
    code: 'peer-unreachable',
    peer: 'main',
    detail: expect.stringMatching(/kept failing.*tries again in 1 s/),
  });
  expect(await readiness(gateway)).toMatchObject({
    status: 200,
    peer: { name: 'main', breaker: 'open', lastError: expect.any(String) },
  });
  const { body: metrics } = await gateway.telemetry.metrics();
  expect(metrics).toContain('dicomgw_breaker_state{peer="main",state="open"} 1');
  expect(metrics).toContain('dicomgw_breaker_openings_total{peer="main"} 1');

  state.up = true;
  let answer = await search();
  const deadline = performance.now() + PATIENCE_MS;
  while (answer.status === 503 && performance.now() < deadline) answer = await search();
  expect([answer.status, state.taken]).toEqual([200, 4]);
  await gateway.logged('circuit breaker closed');
  const after = await readiness(gateway);
  expect(after).toMatchObject({ status: 200, peer: { breaker: 'closed', state: 'up' } });
  expect(after.peer).not.toHaveProperty('lastError');
});

test('while what tries a peer that is back goes on for long, others are answered', async () => {
  const events = new EventEmitter();
  const row = pending({ StudyInstanceUID: '1.2.3' });
  const hold = until(() => {
    events.emit('tried');
    return once(events, 'enough');
  });
  peer = await startRoguePeer({
    onFind: (_request, identifier) => [
      row,
      ...(identifier.get(PATIENT_ID) === 'LONG' ? [hold] : []),
      final(),
    ],
  });
  const { state, port } = await switchableLine(peer.address.port);
  gateway = await startTestGateway(
    peerYaml(
      `${peer.address.aeTitle}@127.0.0.1:${port}`,
      '    breaker: { failures: 1, openFor: 1s }\n    timeouts: { betweenResponses: 10m }',
    ),
  );
  const statusOf = async (patientId: string) =>
    (await request(`${gateway?.service ?? ''}/studies?PatientID=${patientId}`)).status;
  await statusOf('ANY');
  expect(await statusOf('ANY')).toBe(503);
  state.up = true;
  const tried = once(events, 'tried');
  const trial = eventually(async () => {
    expect(await statusOf('LONG')).toBe(200);
  });
  await tried;
  // The peer has sent its first row, which may be on its way.
  await eventually(async () => {
    expect(await statusOf('ANY')).toBe(200);
  });
  events.emit('enough');
  await trial;
});

test('while the C-STORE that tries a peer that is back takes long, others are answered', async () => {
  const events = new EventEmitter();
  const hold = until(() => {
    events.emit('tried');
    return once(events, 'enough');
  });
  peer = await startRoguePeer({
    onFind: [pending({ StudyInstanceUID: '1.2.3' }), final()],
    onStore: [hold, final()],
  });
  const { state, port } = await switchableLine(peer.address.port);
  gateway = await startTestGateway(
    peerYaml(`${peer.address.aeTitle}@127.0.0.1:${port}`, '    breaker: { failures: 1, openFor: 1s }'),
  );
  const studies = `${gateway.service}/studies`;
  const { contentType, body } = storeBody([ctSlice().file]);
  await request(studies);
  expect((await request(studies)).status).toBe(503);
  state.up = true;
  const tried = once(events, 'tried');
  const trial = eventually(async () => {
    const headers = { 'content-type': contentType };
    expect((await request(studies, { method: 'POST', headers, body })).status).toBe(200);
  });
  await tried;
  await eventually(async () => {
    expect((await request(studies)).status).toBe(200);
  });
  expect(peer.messages('C-ECHO-RQ')).toHaveLength(1);
  events.emit('enough');
  await trial;
});
