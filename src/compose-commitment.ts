import { join } from 'node:path';
import { lockDirectory } from './cache/index.js';
import { commitmentFiles } from './commitment-files.js';
import type { Opened } from './compose-parts.js';
import type { Config } from './config/index.js';
import { systemClock, type Observe } from './core/index.js';
import type { CommitmentEvents } from './dimse/index.js';
import { Commitments } from './gateway/index.js';

const LOCKED = { name: 'directory of storage commitments', code: 'internal' } as const;

/**
 * Requests for storage commitment with what an earlier process left; undefined without a place for them, which is locked
 * until `unlockCommitments` is called.
 * @throws GatewayError `internal`
 */
export async function openCommitments(
  config: Config,
  observe: Observe,
  opened: Pick<Opened, 'unlockCommitments'>,
): Promise<Commitments | undefined> {
  const { commitment, cache } = config;
  const directory = commitment.directory ?? (cache.disk && join(cache.disk.directory, 'commitments'));
  if (directory === undefined) return undefined;
  opened.unlockCommitments = await lockDirectory(directory, systemClock, LOCKED);
  const settings = {
    most: commitment.maxTransactions,
    resultMs: commitment.resultTimeout,
    keepMs: commitment.keepResults,
    answerMs: commitment.answerWithin,
    maxInstances: commitment.maxInstances,
  };
  return Commitments.open(settings, { files: commitmentFiles(directory), observe, clock: systemClock });
}

/** How reports of peers are taken; undefined where nobody asks for commitment. */
export function commitmentEvents(
  { commitment }: Config,
  commitments: Commitments | undefined,
): CommitmentEvents | undefined {
  return commitments && { listener: commitments.listener, maxBytes: commitment.maxBytes };
}

/** Names of the peers that report under an AE title. */
export function reportersOf({ peers }: Config, aeTitle: string): readonly string[] {
  return Object.entries(peers)
    .filter(([, peer]) => [peer.address.aeTitle, ...peer.commitmentAeTitles].includes(aeTitle))
    .map(([name]) => name);
}
