import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { eventually } from '../../helpers/patience.js';
import { final, until } from '../../helpers/rogue-peer.js';
import { allRows, anyStudy, contextOf, withRoguePeers } from './peer-setup.js';

const start = withRoguePeers();

const ROUNDS = 60;
/** What each association reads into. */
const READ_BYTES = 256 * 1024;

test('an association that has ended is kept by none that was opened meanwhile', async () => {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  const held: (() => void)[] = [];
  const { peer, rogue } = await start({
    onFind: () => [until(() => new Promise<void>((resolve) => held.push(resolve))), final()],
  });
  const find = (): Promise<unknown> => allRows(peer.find('STUDY', anyStudy(), contextOf()));
  const untilSo = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise(setImmediate);
  };
  let last = find();
  await untilSo(() => held.length === 1);
  collect();
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < ROUNDS; round += 1) {
    // The next one is opened beside the last one, which ends then.
    const next = find();
    await untilSo(() => held.length === 2);
    held.shift()?.();
    await last;
    const [old] = rogue.open;
    old?.drop();
    await untilSo(() => peer.stats.associations.idle === 0);
    last = next;
  }
  // A collection gives buffers back beside the program, not before it returns.
  await eventually(() => {
    collect();
    const kept = process.memoryUsage().arrayBuffers - before;
    expect(kept).toBeLessThan((ROUNDS / 4) * READ_BYTES);
  });
  held.shift()?.();
  await last;
});
