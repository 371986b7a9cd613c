import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import express from 'express';
import { GatewayError } from '../../../src/core/index.js';
import { Exchange } from '../../../src/http/exchange.js';
import { sendList } from '../../../src/http/send-answer.js';
import { request } from '../../helpers/test-gateway.js';

test('H-16, H-17: an error before any byte has left is told in plain text, also where rows were to be compressed', async () => {
  const body = async function* (): AsyncGenerator<string, void, undefined> {
    yield await Promise.resolve('[{}');
    throw new GatewayError('peer-failed', 'The PACS failed.');
  };
  const app = express().get('/', (asked, response) => {
    const exchange = new Exchange(asked, response, '/', () => undefined);
    const answer = {
      kind: 'document',
      contentType: 'application/dicom+json',
      refused: 0,
      warnings: [],
      body: body(),
      close: () => Promise.resolve(),
    } as const;
    void exchange.run(() => sendList(response, answer, { stallMs: 0, compress: true }));
  });
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    const answer = await request(url, { headers: { 'accept-encoding': 'gzip' } });
    expect([answer.status, answer.headers['content-encoding']]).toEqual([502, undefined]);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'peer-failed' });
  } finally {
    server.close();
  }
});
