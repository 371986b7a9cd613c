import { reportersOf } from './compose-commitment.js';
import { identityJudge } from './compose-user-identity.js';
import type { Config } from './config/index.js';
import { systemClock, type Observe } from './core/index.js';
import {
  createStorageScp,
  type CommitmentEvents,
  type KnownCaller,
  type ServerTlsOptions,
  type StorageScp,
} from './dimse/index.js';

/** The storage SCP, where the configuration has one; with `events` it takes reports of storage commitment too, with `tls` nothing in plain. */
export async function openStorageScp(
  config: Config,
  observe: Observe,
  {
    events,
    tls,
  }: { readonly events?: CommitmentEvents | undefined; readonly tls?: ServerTlsOptions | undefined } = {},
): Promise<StorageScp | undefined> {
  const { aeTitle, listen: address, advertise, maxPduLength, storageScp: limits } = config.dimse;
  if (address === undefined) return undefined;
  return createStorageScp(
    {
      aeTitle,
      listen: address,
      ...(advertise ? { advertise } : {}),
      maxPduLength,
      tls,
      callers: callersOf(config),
      identities: identityJudge(config),
      admits: limits.callers,
      maxAssociations: limits.maxAssociations,
      maxUndecided: limits.maxConnecting,
      maxPerAddress: limits.maxPerAddress,
      associationMs: limits.associationTimeout,
      idleMs: limits.idleTimeout,
      totalMs: limits.totalTimeout,
      ...(events && { events: { ...events, peersOf: (title: string) => reportersOf(config, title) } }),
    },
    { observe, clock: systemClock },
  );
}

/** The configured peers as those who open associations. */
function callersOf({ peers }: Config): readonly KnownCaller[] {
  return Object.entries(peers).map(([peer, { address, commitmentAeTitles, inbound }]) => ({
    peer,
    aeTitles: [address.aeTitle, ...commitmentAeTitles, ...inbound.aeTitles],
    networks: inbound.networks,
    certificates: inbound.certificates,
  }));
}
