import { reportersOf } from './compose-commitment.js';
import type { Config } from './config/index.js';
import { systemClock, type Observe } from './core/index.js';
import { createStorageScp, type CommitmentEvents, type StorageScp } from './dimse/index.js';

/** The storage SCP, where the configuration has one; with `events` it takes reports of storage commitment too. */
export async function openStorageScp(
  config: Config,
  observe: Observe,
  events?: CommitmentEvents,
): Promise<StorageScp | undefined> {
  const { aeTitle, listen: address, advertise, maxPduLength, storageScp: limits } = config.dimse;
  if (address === undefined) return undefined;
  return createStorageScp(
    {
      aeTitle,
      listen: address,
      ...(advertise ? { advertise } : {}),
      maxPduLength,
      maxAssociations: limits.maxAssociations,
      associationMs: limits.associationTimeout,
      idleMs: limits.idleTimeout,
      ...(events && { events: { ...events, peersOf: (title: string) => reportersOf(config, title) } }),
    },
    { observe, clock: systemClock },
  );
}
