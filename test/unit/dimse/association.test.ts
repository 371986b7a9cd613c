import { describe, expect, test } from '@jest/globals';
import { PATIENCE_MS } from '../../helpers/patience.js';
import {
  accept,
  answerWith,
  drop,
  encodeAbort,
  pdu,
  refusingPort,
  reject,
  silence,
  Uids,
  type AssociateStep,
} from '../../helpers/rogue-peer.js';
import type { Observation } from '../../../src/core/index.js';
import { allRows, anyStudy, contextOf, peerOf, withRoguePeers } from './peer-setup.js';

const start = withRoguePeers();

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

function hangUp(how: 'drop' | 'reset'): AssociateStep {
  return (association) => {
    association[how]();
  };
}

describe('an association', () => {
  test('C-ECHO tells what the peer is and what it can do', async () => {
    const { peer } = await start({
      associate: accept({ sopClasses: [Uids.verification, Uids.studyRootFind] }),
    });
    expect(await peer.echo(contextOf())).toMatchObject({
      status: 0,
      maxPduLength: 16_384,
      services: { find: true, get: false, move: false, commitment: false },
    });
  });

  test('is peer-unreachable where nobody listens', async () => {
    const { peer } = peerOf({ aeTitle: 'PACS', host: '127.0.0.1', port: await refusingPort() });
    await expect(peer.echo(contextOf())).rejects.toMatchObject({
      code: 'peer-unreachable',
      peer: 'main',
      retryAfterSeconds: expect.any(Number),
    });
    await peer.close(0);
  });

  test.each<[string, string, AssociateStep]>([
    ['peer-rejected', 'refuses for good', reject('permanent')],
    ['peer-busy', 'refuses for now', reject('transient')],
    ['peer-unreachable', 'does not answer', silence()],
    ['peer-aborted', 'aborts', answerWith(encodeAbort(2, 0))],
    ['peer-aborted', 'hangs up', hangUp('drop')],
    ['peer-aborted', 'resets the connection', hangUp('reset')],
    [
      'peer-protocol',
      'answers with something else',
      answerWith(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
    ],
    ['peer-protocol', 'answers with a PDU out of order', answerWith(pdu(6, Buffer.alloc(4)))],
    ['peer-protocol', 'answers with 2 GiB', answerWith(Buffer.from('02007fffffff', 'hex'))],
    ['peer-protocol', 'answers with an A-ASSOCIATE-AC cut short', answerWith(pdu(2, Buffer.alloc(40)))],
    ['peer-protocol', 'takes PDUs that no message fits into', accept({ maxPduLength: 7 })],
    [
      'peer-protocol',
      'accepts what was not proposed',
      accept({ tamper: (contexts) => contexts.map((context) => ({ ...context, transferSyntax: '1.2.3' })) }),
    ],
    ['peer-unsupported', 'accepts no context', accept({ sopClasses: [] })],
  ])('is %s when the peer %s', async (code, _, associate) => {
    const associationMs = code === 'peer-unreachable' ? 150 : PATIENCE_MS;
    const { peer, observations } = await start({ associate }, { timeouts: { associationMs } });
    await expect(peer.echo(contextOf())).rejects.toMatchObject({ code, peer: 'main' });
    expect(observations).toContainEqual(expect.objectContaining({ kind: 'association' }));
  });

  test('that nobody waits for any more is given up', async () => {
    const { peer, rogue, observations } = await start({ associate: silence() });
    const controller = new AbortController();
    const done = peer.echo(contextOf(controller.signal));
    await rogue.waitFor('associate-rq');
    controller.abort();
    await expect(done).rejects.toMatchObject({ code: 'cancelled' });
    await peer.close(0);
    // It is no failure of the peer.
    const events = observations.flatMap((told) => (told.kind === 'association' ? [told.event] : []));
    expect(events).toEqual(['abandoned']);
  });

  test('is released when the peer closes', async () => {
    const { peer, rogue, observations } = await start();
    await peer.echo(contextOf());
    await peer.close(1000);
    expect(rogue.record.of('release-rq')).toHaveLength(1);
    expect(observations).toContainEqual(expect.objectContaining({ kind: 'association', event: 'released' }));
  });

  test('a collision of releases ends in a release', async () => {
    const { peer, rogue, observations } = await start({ release: 'collide' });
    await peer.echo(contextOf());
    await peer.close(1000);
    await rogue.waitFor('release-rp');
    expect(observations).toContainEqual(expect.objectContaining({ kind: 'association', event: 'released' }));
  });

  test('is aborted when the peer does not answer the release', async () => {
    const { peer, rogue } = await start({ release: 'silence' }, { timeouts: { associationMs: 1000 } });
    await peer.echo(contextOf());
    await peer.close(1000);
    await rogue.waitFor('abort');
  });

  test('that the peer releases while it is idle is answered and forgotten', async () => {
    const { peer, rogue } = await start();
    await peer.echo(contextOf());
    await rogue.open[0]?.write(pdu(5, Buffer.alloc(4)));
    await rogue.waitFor('release-rp');
    await peer.echo(contextOf());
    expect(rogue.record.of('associate-rq')).toHaveLength(2);
  });

  const aborted = (observations: readonly Observation[]): readonly Observation[] =>
    observations.filter((one) => one.kind === 'association' && one.event === 'aborted');

  test.each(['drop', 'reset', 'abort'] as const)(
    'that the peer ends by %s while it is idle broke nothing',
    async (how) => {
      const { peer, rogue, observations } = await start();
      await peer.echo(contextOf());
      if (how === 'abort') await rogue.open[0]?.write(encodeAbort(0, 0));
      else rogue.open[0]?.[how]();
      await until(() => peer.stats.associations.idle === 0);
      expect(aborted(observations)).toEqual([expect.objectContaining({ idle: true })]);
    },
  );

  test('that breaks in the middle of an operation, or breaks the rules while idle, is told as such', async () => {
    const broken = await start({ onFind: [drop()] });
    await expect(allRows(broken.peer.find('STUDY', anyStudy(), contextOf()))).rejects.toMatchObject({
      code: 'peer-aborted',
    });
    const rude = await start();
    await rude.peer.echo(contextOf());
    await rude.rogue.open[0]?.write(pdu(2, Buffer.alloc(80)));
    await until(() => rude.peer.stats.associations.idle === 0);
    for (const { observations } of [broken, rude]) {
      expect(aborted(observations)).toHaveLength(1);
      expect(aborted(observations)[0]).not.toHaveProperty('idle');
    }
  });
});
