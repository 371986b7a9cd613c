import { expect, test } from '@jest/globals';
import type { StoreRequest } from '../../../src/dimse/index.js';
import { final, makeInstance, until } from '../../helpers/rogue-peer.js';
import { contextOf, withRoguePeers } from './peer-setup.js';

const start = withRoguePeers();

function instance(): StoreRequest {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, dataset } = makeInstance();
  const bytes = {
    [Symbol.asyncIterator]: async function* () {
      yield await Promise.resolve(dataset);
    },
  };
  return { sopClassUid, sopInstanceUid, transferSyntaxUid, bytes };
}

/** A gate that the PACS answers behind. */
function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

test('requests of which nothing is under way are bounded by the queue; instances of one that is are not', async () => {
  const { open, opened } = gate();
  const { peer, rogue } = await start({ onStore: [until(opened), final(0)] }, { queue: 1 });
  const [first, second] = [contextOf(), contextOf()];
  const sent = [peer.store(instance(), first)];
  await rogue.waitFor('C-STORE-RQ');
  sent.push(peer.store(instance(), first), peer.store(instance(), first));
  sent.push(peer.store(instance(), second), peer.store(instance(), second));
  await expect(peer.store(instance(), contextOf())).rejects.toMatchObject({ code: 'overloaded' });
  open();
  expect(await Promise.all(sent)).toEqual(sent.map(() => ({ status: 0 })));
});

test('who waits too long for others is refused, who waits for its own is not', async () => {
  const { open, opened } = gate();
  const { peer, rogue } = await start(
    { onStore: [until(opened), final(0)] },
    { timeouts: { queueMs: 50, firstResponseMs: 60_000 } },
  );
  const own = contextOf();
  const sent = [peer.store(instance(), own), peer.store(instance(), own)];
  await rogue.waitFor('C-STORE-RQ');
  await expect(peer.store(instance(), contextOf())).rejects.toMatchObject({ code: 'overloaded' });
  open();
  expect(await Promise.all(sent)).toEqual(sent.map(() => ({ status: 0 })));
});

test('one that comes while it is sent waits for nobody: it has an association of its own', async () => {
  const { open, opened } = gate();
  let count = 0;
  const { peer, rogue } = await start({
    onStore: () => (++count === 1 ? [until(opened), final(0)] : [final(0)]),
  });
  const held = peer.store(instance(), contextOf());
  await rogue.waitFor('C-STORE-RQ');
  expect(await peer.store({ ...instance(), once: true }, contextOf())).toEqual({ status: 0 });
  open();
  expect(await held).toEqual({ status: 0 });
  expect(rogue.record.of('associate-rq')).toHaveLength(2);
});
