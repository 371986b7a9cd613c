import http from 'node:http';
import { afterEach, expect, test } from '@jest/globals';
import { ctSlice } from '../helpers/fixtures.js';
import { refusingPort } from '../helpers/rogue-peer.js';
import { postFiles } from '../helpers/store-answer.js';
import { peerYaml, startTestGateway, storeBody, type TestGateway } from '../helpers/test-gateway.js';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

const { file } = ctSlice();
const { contentType, body } = storeBody([file]);

test('S-03, S-08: while the PACS is not asked for anything, a client that expects 100-continue gets 503 without sending', async () => {
  const breaker = '    breaker: { failures: 1, openFor: 10m }';
  gateway = await startTestGateway(peerYaml(`GONE@127.0.0.1:${await refusingPort()}`, breaker));
  const url = `${gateway.service}/studies`;
  expect((await postFiles(url, [file])).status).toBe(503);
  const answer = await new Promise<http.IncomingMessage & { wasToldToGoOn?: boolean }>((resolve, reject) => {
    const headers = { 'content-type': contentType, 'content-length': body.length, expect: '100-continue' };
    const outgoing = http.request(url, { method: 'POST', headers, agent: false });
    let wasToldToGoOn = false;
    outgoing.on('continue', () => (wasToldToGoOn = true));
    outgoing.on('response', (response) => {
      resolve(Object.assign(response, { wasToldToGoOn }));
      response.resume();
      outgoing.destroy();
    });
    outgoing.on('error', reject);
    outgoing.flushHeaders();
  });
  expect([answer.statusCode, answer.wasToldToGoOn]).toEqual([503, false]);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
});
