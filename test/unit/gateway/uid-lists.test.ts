import { expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import type { Outcome } from '../../../src/gateway/fetch-outcome.js';
import type { PeerBinding } from '../../../src/gateway/ports.js';
import { UidLists } from '../../../src/gateway/uid-lists.js';

const completed = (failed: number): Outcome => ({
  kind: 'completed',
  gaveUp: false,
  completion: {
    status: 0xa702,
    completed: 0,
    failed,
    warning: 0,
    received: 0,
    failedSopInstanceUids: [],
    cancelled: false,
  },
});

test.each<[string, Outcome, number]>([
  ['counts every UID of it as failed: the list was understood', completed(40), 50],
  ['counts one as failed', completed(1), 1],
  ['counts none', completed(0), 1],
  [
    'answers with a failure',
    { kind: 'failed', gaveUp: false, error: new GatewayError('peer-failed', 'The peer failed.') },
    1,
  ],
])('after a list of which nothing came, by a peer that %s', (_, outcome, most) => {
  let learnt: number | undefined;
  // What it uses of a peer and its settings, no more.
  const binding = {
    peer: { knowledge: { get: () => learnt, learn: (_name: string, value: number) => (learnt = value) } },
    retrieve: { relearnMs: 1000 },
  } as unknown as PeerBinding;
  const lists = new UidLists(binding);
  lists.refused(outcome, 40);
  expect(lists.most(50)).toBe(most);
});
