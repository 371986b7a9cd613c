import { expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/index.js';
import { requestPurge } from '../../src/purge-command.js';

const HTTP = `
  listen: 127.0.0.1:1
  tls: { cert: /nowhere/tls.crt, key: /nowhere/tls.key, ca: /nowhere/ca.crt, clientAuth: required }`;
const configOf = (more = ''): ReturnType<typeof loadConfig> =>
  loadConfig({ file: `http: ${HTTP}\npeers: { main: { address: PACS@127.0.0.1:104 } }\n${more}`, env: {} });

test('a purge says that it has been given no client certificate where one is wanted, instead of asking whether a gateway runs', async () => {
  await expect(requestPurge(configOf(), { all: true })).rejects.toThrow('client certificate');
});

test('a purge asks at the port of the operator, whatever the other wants', async () => {
  const purge = requestPurge(configOf('admin: { listen: 127.0.0.1:2 }\n'), { all: true });
  await expect(purge).rejects.toThrow('Does it run?');
});
