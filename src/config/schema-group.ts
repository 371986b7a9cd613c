import { z } from 'zod';
import { choice, key, list, text } from './kind.js';
import { storeMembers } from './store-members.js';

const peerName = text(/./, 'the name of a peer');

/** Several peers that are addressed as one. */
export const group = z.strictObject({
  members: key(
    list(peerName, 'a list of names of peers such as [main, archive]'),
    'The peers, in the order in which they are believed where they differ.',
  ),
  onMemberFailure: key(
    choice('fail', 'warn'),
    'When a member fails before the answer begins: its error is the answer (fail), or the others answer with a Warning that names it (warn).',
  ).prefault('fail'),
  store: key(
    storeMembers,
    'The member that gets what is stored, or several of them, of which all must have taken an instance, or any, for it to count as stored; without it the group takes nothing. In the environment `main,archive` or `any:main,archive`.',
  ).exactOptional(),
});
