import { Agent, get, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Clock } from '../../../src/core/index.js';
import { listen, type ListeningServer } from '../../../src/http/server.js';

const agent = new Agent({ keepAlive: true });
const sockets: Socket[] = [];
afterEach(() => {
  agent.destroy();
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** The time that running requests have never passes. */
const standing: Clock = { now: () => 0, after: () => () => undefined };

const start = (listener: RequestListener): Promise<ListeningServer> =>
  listen(listener, {
    host: '127.0.0.1',
    port: 0,
    headersTimeoutMs: 60_000,
    keepAliveTimeoutMs: 60_000,
    maxHeaderBytes: 16_384,
    maxConnections: 10,
  });

/** A server, and the answer that it owes a client that keeps its connection. */
async function asked(
  begin: (response: ServerResponse) => void,
): Promise<{ server: ListeningServer; response: ServerResponse; answer: Promise<IncomingMessage> }> {
  let came: (response: ServerResponse) => void = () => undefined;
  const owed = new Promise<ServerResponse>((resolve) => (came = resolve));
  const server = await start((_request, response) => {
    begin(response);
    came(response);
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    get(server.origin, { agent }, resolve).on('error', reject);
  });
  return { server, response: await owed, answer };
}

async function lengthOf(answer: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of answer) bytes += (chunk as Buffer).length;
  return bytes;
}

describe('a listener that closes waits for no connection that is kept', () => {
  test('an answer that has not begun says that it is the last', async () => {
    const { server, response, answer } = await asked(() => undefined);
    const closed = server.close(60_000, standing);
    response.end('whole');
    expect((await answer).headers.connection).toBe('close');
    expect(await lengthOf(await answer)).toBe(5);
    await closed;
  });

  test('the connection of an answer that has begun ends behind it', async () => {
    const { server, response, answer } = await asked((begun) => begun.write('wh'));
    expect((await answer).headers.connection).toBe('keep-alive');
    const closed = server.close(60_000, standing);
    response.end('ole');
    expect(await lengthOf(await answer)).toBe(5);
    await closed;
  });

  test('what is ended and not yet sent is not cut off', async () => {
    const bytes = Buffer.alloc(20_000_000);
    const { server, answer } = await asked((response) => response.end(bytes));
    const slow = await answer;
    const closed = server.close(60_000, standing);
    expect(await lengthOf(slow)).toBe(bytes.length);
    await closed;
  });

  test('of two answers on one connection both are given', async () => {
    const owed: ServerResponse[] = [];
    let both: () => void = () => undefined;
    const came = new Promise<void>((resolve) => (both = resolve));
    const server = await start((_request, response) => {
      if (owed.push(response) === 2) both();
    });
    const socket = connect(server.port, '127.0.0.1');
    sockets.push(socket);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await came;
    const closed = server.close(60_000, standing);
    for (const [index, response] of owed.entries()) response.end(`answer ${index}`);
    await closed;
    if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
    expect(text).toMatch(/answer 0[^]*Connection: close[^]*answer 1/);
  });

  test('a connection on which nothing was asked is closed', async () => {
    const server = await start((_request, response) => response.end('whole'));
    await new Promise<void>((resolve) => {
      sockets.push(connect(server.port, '127.0.0.1', resolve).resume());
    });
    // It has been accepted when one that came after it is answered.
    await new Promise<IncomingMessage>((resolve) => get(server.origin, { agent }, resolve)).then(lengthOf);
    await server.close(60_000, standing);
  });
});
