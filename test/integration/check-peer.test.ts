import { afterEach, describe, expect, test } from '@jest/globals';
import { openStorageScp } from '../../src/compose.js';
import { openPeer } from '../../src/compose-peer.js';
import { loadConfig } from '../../src/config/index.js';
import { createDemoPacs } from '../../src/demo/index.js';
import type { Peer } from '../../src/dimse/index.js';
import { checkPeer, type CheckReport } from '../../src/gateway/index.js';
import { freePort } from '../helpers/free-port.js';
import { final, refusingPort, reject, silence, startRoguePeer } from '../helpers/rogue-peer.js';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function check(address: string, listen?: number): Promise<CheckReport> {
  const config = loadConfig({
    file: [
      `peers: { main: { address: "${address}", timeouts: { connect: 1s, association: 1s, firstResponse: 1s } } }`,
      ...(listen === undefined ? [] : [`dimse: { listen: "127.0.0.1:${listen}" }`]),
    ].join('\n'),
    env: {},
  });
  const observe = (): void => undefined;
  const storageScp = await openStorageScp(config, observe);
  if (storageScp) closers.push(() => storageScp.close(100));
  const settings = config.peers['main'];
  if (settings === undefined) throw new Error('no peer');
  const open = (retrieve: 'get' | 'move'): Peer => {
    const peer = openPeer(config, 'main', { ...settings, retrieve }, { observe, storageScp });
    closers.push(() => peer.close(100));
    return peer;
  };
  return checkPeer(
    {
      name: 'main',
      peer: open('get'),
      byGet: open('get'),
      byMove: storageScp ? open('move') : undefined,
      moveHint: `Tell the PACS where to send to: ${storageScp?.advertised ?? ''}.`,
    },
    { requestId: 'check', signal: AbortSignal.timeout(10_000) },
  );
}

const stepsOf = ({ steps }: CheckReport): Readonly<Record<string, string>> =>
  Object.fromEntries(steps.map(({ step, result }) => [step, result]));

describe('check', () => {
  test('a peer that does everything is usable, and every way of retrieving is tried', async () => {
    const port = await freePort();
    const pacs = await createDemoPacs({ movePort: port });
    closers.push(() => pacs.close());
    const report = await check(`${pacs.address.aeTitle}@127.0.0.1:${pacs.address.port}`, port);
    expect(report.usable).toBe(true);
    expect(stepsOf(report)).toEqual({ 'C-ECHO': 'ok', 'C-FIND': 'ok', 'C-GET': 'ok', 'C-MOVE': 'ok' });
  });

  test('a peer that does not know the gateway as a destination is told what to enter', async () => {
    const port = await freePort();
    const pacs = await createDemoPacs();
    closers.push(() => pacs.close());
    const report = await check(`${pacs.address.aeTitle}@127.0.0.1:${pacs.address.port}`, port);
    expect(stepsOf(report)['C-MOVE']).toBe('failed');
    expect(report.steps.find(({ step }) => step === 'C-MOVE')?.detail).toContain(`GATEWAY@127.0.0.1:${port}`);
    expect(report.usable).toBe(true);
  });

  test('without a listener C-MOVE is skipped, and says why', async () => {
    const pacs = await createDemoPacs();
    closers.push(() => pacs.close());
    const report = await check(`${pacs.address.aeTitle}@127.0.0.1:${pacs.address.port}`);
    expect(report.steps.at(-1)).toMatchObject({ step: 'C-MOVE', result: 'skipped' });
  });

  test('nobody there: not usable, and the advice is about host and port', async () => {
    const report = await check(`GONE@127.0.0.1:${await refusingPort()}`);
    expect(report.usable).toBe(false);
    expect(report.steps).toHaveLength(1);
    expect(report.steps[0]?.detail).toMatch(/host and port/);
  });

  test('rejected: not usable, and the advice is about AE titles', async () => {
    const peer = await startRoguePeer({ associate: reject('permanent') });
    closers.push(() => peer.close());
    const report = await check(`ROGUE@127.0.0.1:${peer.address.port}`);
    expect(report.usable).toBe(false);
    expect(report.steps[0]?.detail).toMatch(/AE titles/);
  });

  test.each([
    ['fails', [final(0xc000)]],
    ['is not answered', [silence()]],
  ])('a search that %s: not usable', async (_what, onFind) => {
    const peer = await startRoguePeer({ onFind });
    closers.push(() => peer.close());
    const report = await check(`ROGUE@127.0.0.1:${peer.address.port}`);
    expect([report.usable, stepsOf(report)['C-FIND']]).toEqual([false, 'failed']);
  });
});
