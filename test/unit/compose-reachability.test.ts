import { expect, test } from '@jest/globals';
import { watchReachability } from '../../src/compose-reachability.js';
import { loadConfig } from '../../src/config/index.js';
import type { Observation } from '../../src/core/index.js';

const config = loadConfig({ file: 'peers: { main: { address: PACS@127.0.0.1:104 } }\n', env: {} });

type Event = Extract<Observation, { kind: 'association' }>['event'];

const association = (event: Event, direction: 'in' | 'out' = 'out', peer = 'main'): Observation => ({
  kind: 'association',
  peer,
  event,
  direction,
  associationId: 'a1',
});

const echo = (outcome: 'success' | 'failure' | 'aborted', status?: number): Observation => ({
  kind: 'dimse',
  peer: 'main',
  operation: 'C-ECHO',
  associationId: 'a1',
  outcome,
  durationMs: 1,
  ...(status !== undefined && { status }),
});

test.each<[string, readonly Observation[], 'up' | 'down' | undefined]>([
  ['nothing', [], undefined],
  ['an association', [association('opened')], 'up'],
  ['one that ended', [association('opened'), association('released')], 'up'],
  ['one that was refused', [association('opened'), association('rejected')], 'down'],
  ['one that could not be opened', [association('failed')], 'down'],
  ['one that nobody waited for any more', [association('opened'), association('abandoned')], 'up'],
  ['one of its own', [association('failed'), association('opened', 'in')], 'down'],
  [
    'no more associations, and an answer on those that are there',
    [association('rejected'), echo('success', 0)],
    'up',
  ],
  ['an answer that is a failure', [association('failed'), echo('failure', 0x0122)], 'up'],
  ['no answer', [association('failed'), echo('aborted')], 'down'],
  ['something of another peer', [association('opened', 'out', 'other')], undefined],
])('of a peer of which was heard %s', (_, heard, state) => {
  const passed: Observation[] = [];
  const [watching, reachable] = watchReachability(config, (observation) => passed.push(observation));
  heard.forEach(watching);
  expect(reachable.get('main')).toBe(state);
  expect(reachable.has('other')).toBe(false);
  // Others are told all the same.
  expect(passed).toEqual(heard);
});
