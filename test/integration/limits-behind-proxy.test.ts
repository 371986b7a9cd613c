import { afterEach, describe, expect, test } from '@jest/globals';
import { hashPassword } from '../../src/access/index.js';
import { peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

describe('limits of a client behind a proxy', () => {
  const start = async (http: string): Promise<(password: string, from: string) => Promise<number>> => {
    const hash = await hashPassword('secret');
    gateway = await startTestGateway(
      peerYaml(
        'NOBODY@127.0.0.1:1',
        `${http}access: { failedLogins: 2, users: { anna: { password: '${hash}', roles: [read] } } }\n`,
      ),
    );
    const url = `${gateway.service}/studies?limit=1`;
    return async (password, from) => {
      const authorization = `Basic ${Buffer.from(`anna:${password}`).toString('base64')}`;
      return (await request(url, { headers: { authorization, 'x-forwarded-for': from } })).status;
    };
  };

  test('are those of its address, whatever port of it the proxy names, and of no other client', async () => {
    const guess = await start('http: { trustProxy: loopback }\n');
    const ports = ['192.0.2.7:50001', '192.0.2.7:50002', '192.0.2.7', '192.0.2.7:50003'];
    const seen: number[] = [];
    for (const from of ports) seen.push(await guess('wrong', from));
    expect(seen).toEqual([401, 401, 429, 429]);
    expect(await guess('wrong', '192.0.2.8')).toBe(401);
  });

  test('are not escaped by what a client says of itself where no proxy is believed', async () => {
    const guess = await start('');
    const seen: number[] = [];
    for (const from of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) seen.push(await guess('wrong', from));
    expect(seen).toEqual([401, 401, 429]);
  });
});
