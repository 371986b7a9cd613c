import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { hashPassword } from '../../src/access/index.js';
import { identityJudge } from '../../src/compose-user-identity.js';
import { loadConfig } from '../../src/config/index.js';
import { createStorageScp, type StorageScp, type UserIdentity } from '../../src/dimse/index.js';
import { associateRequest } from '../helpers/rogue-peer.js';
import { encodeAssociateRq } from '../helpers/rogue-peer-wire.js';

const IDENTITY: UserIdentity = {
  type: 2,
  responseRequested: false,
  primary: Buffer.from('pacs'),
  secondary: Buffer.from('open sesame'),
};

let scp: StorageScp | undefined;
afterEach(async () => {
  await scp?.close(0);
  scp = undefined;
});

describe('PS3.7 D.3.3.7: passcodes of those who have left are not looked at, so that no line of them grows', () => {
  test('who leaves while others are looked at leaves the line', async () => {
    const hash = await hashPassword('open sesame');
    const file = `dimse: { userIdentity: { users: { pacs: "${hash}" } } }\npeers: { main: { address: "A@127.0.0.1:1" } }\n`;
    const judge = identityJudge(loadConfig({ file, env: {} }));
    const ended: string[] = [];
    const controller = new AbortController();
    const ask = async (name: string, signal: AbortSignal): Promise<boolean | undefined> => {
      const isKnown = await judge?.accepts(IDENTITY, signal);
      ended.push(name);
      return isKnown;
    };
    const first = ask('first', new AbortController().signal);
    const left = ask('who has left', controller.signal);
    const last = ask('last', new AbortController().signal);
    controller.abort();
    expect(await Promise.all([first, left, last])).toEqual([true, false, true]);
    expect(ended).toEqual(['who has left', 'first', 'last']);
  });

  test('who closes the connection, or is shown the door, has left', async () => {
    const signals: AbortSignal[] = [];
    let came: () => void = () => undefined;
    scp = await createStorageScp(
      {
        aeTitle: 'GATEWAY',
        listen: { host: '127.0.0.1', port: 0 },
        maxUndecided: 2,
        identities: {
          isRequired: true,
          accepts: (_identity, signal) => {
            signals.push(signal);
            came();
            return new Promise((resolve) => {
              signal.addEventListener('abort', () => {
                resolve(false);
              });
            });
          },
        },
      },
      { observe: () => undefined },
    );
    const { port } = scp.listening;
    const arrive = async (): Promise<{ readonly leave: () => void; readonly signal: AbortSignal }> => {
      const arrived = new Promise<void>((resolve) => (came = resolve));
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.on('error', () => undefined);
      socket.write(encodeAssociateRq(associateRequest({ userIdentity: IDENTITY })));
      await arrived;
      const signal = signals.at(-1);
      if (signal === undefined) throw new Error('nobody was asked for');
      return { leave: () => socket.destroy(), signal };
    };
    const aborted = async ({ signal }: { readonly signal: AbortSignal }): Promise<void> => {
      if (!signal.aborted) await once(signal, 'abort');
    };
    const first = await arrive();
    first.leave();
    await aborted(first);
    const crowd = [await arrive(), await arrive(), await arrive()];
    await aborted(crowd[0] ?? first);
    expect(crowd.map(({ signal }) => signal.aborted)).toEqual([true, false, false]);
  });
});
