import { GatewayError, type OperationContext } from '../core/index.js';
import { Contested, nameOf, type Group, type Member } from './group.js';
import { GroupDocuments } from './group-documents.js';
import { GroupRetrieve } from './group-retrieve.js';
import { searchGroup } from './group-search.js';
import type { GatewayDependencies, StoreAt } from './ports.js';
import type { Gateway } from './use-cases.js';

/** A group with the use cases that it has of its own. */
interface Addressed {
  readonly group: Group;
  readonly retrieve: GroupRetrieve;
  readonly documents: GroupDocuments;
  readonly store: StoreAt | undefined;
}

/** Bytes of metadata documents that one peer or group keeps. */
export const metadataShare = ({
  metadataBytes,
  peers,
  groups,
}: Pick<GatewayDependencies, 'groups' | 'peers' | 'metadataBytes'>): number =>
  metadataBytes / Math.max(1, peers.size + groups.size);

/** `peers` with groups of them beside, under names of their own. */
export function withGroups(
  peers: Gateway,
  deps: Pick<GatewayDependencies, 'groups' | 'peers' | 'metadataBytes'>,
  members: ReadonlyMap<string, Member>,
): Gateway {
  const { groups } = deps;
  if (groups.size === 0) return peers;
  const addressed = new Map<string, Addressed>();
  for (const [name, { members: names, onMemberFailure, store }] of groups) {
    const chosen = names.flatMap((member) => members.get(member) ?? []);
    const group: Group = { name, members: chosen, onMemberFailure, contested: new Contested() };
    const documents = new GroupDocuments(metadataShare(deps));
    const retrieve = new GroupRetrieve(group, peers, documents);
    addressed.set(name, { group, store, retrieve, documents });
  }
  const of = (name: string): Addressed | undefined => addressed.get(name);
  return {
    ...peers,
    groupNames: [...groups.keys()],
    patientsOf: (name, study) => {
      const names = of(name)?.group.members.map(nameOf) ?? [name];
      return names.flatMap((peer) => peers.patientsOf(peer, study));
    },
    search: async (call, context) => {
      const found = of(call.peer);
      return found ? searchGroup(found.group, call, context) : peers.search(call, context);
    },
    retrieveInstances: async (call, context) =>
      (await of(call.peer)?.retrieve.instances(call, context)) ?? peers.retrieveInstances(call, context),
    retrieveMetadata: async (call, context) =>
      (await of(call.peer)?.retrieve.metadata(call, context)) ?? peers.retrieveMetadata(call, context),
    retrieveFrames: async (call, context) => {
      const at = (peer: string) => peers.retrieveFrames({ ...call, peer }, context);
      return of(call.peer)?.retrieve.one(call, at, context) ?? at(call.peer);
    },
    retrieveBulkData: async (call, context) => {
      const at = (peer: string) => peers.retrieveBulkData({ ...call, peer }, context);
      return of(call.peer)?.retrieve.one(call, at, context) ?? at(call.peer);
    },
    retrieveValues: async (call, context) =>
      (await of(call.peer)?.retrieve.values(call, context)) ?? peers.retrieveValues(call, context),
    retrieveRendered: async (call, context) =>
      (await of(call.peer)?.retrieve.rendered(call, context)) ?? peers.retrieveRendered(call, context),
    retrieveThumbnail: async (call, context) => {
      const at = (peer: string) => peers.retrieveThumbnail({ ...call, peer }, context);
      return of(call.peer)?.retrieve.one(call, at, context) ?? at(call.peer);
    },
    purge: (call, context) =>
      purgeAll(peers, of(call.peer), call, context).finally(() => {
        dropDocuments(addressed.values(), call);
      }),
    preload: async (call, context) => peers.preload(forPreload(of(call.peer), call), context),
    preloadOf: async (call, context) => peers.preloadOf(forPreload(of(call.peer), call), context),
    ...storeAtMembers(peers, of),
  };
}

/** Stores at the members that are named for it, and asks there for what is stored there. */
function storeAtMembers(
  peers: Gateway,
  of: (name: string) => Addressed | undefined,
): Pick<Gateway, 'isReadOnly' | 'store' | 'requestCommitment' | 'commitmentOf'> {
  const at = <C extends { readonly peer: string }>(call: C): C & { readonly at?: StoreAt } => {
    const members = storeOf(of(call.peer));
    return members ? { ...call, at: members } : call;
  };
  return {
    isReadOnly: (peer) => (of(peer)?.store?.members ?? [peer]).some((member) => peers.isReadOnly(member)),
    store: (call, context) => peers.store(at(call), context),
    requestCommitment: async (call, context) => peers.requestCommitment(at(call), context),
    commitmentOf: async (call, context) => peers.commitmentOf(at(call), context),
  };
}

const namesOf = ({ group }: Addressed): string =>
  group.members.map(({ binding }) => binding.peer.name).join(', ');

/** Where a group's instances are stored. @throws GatewayError `not-implemented` when no member is configured for it */
function storeOf(addressed: Addressed | undefined): StoreAt | undefined {
  if (addressed === undefined || addressed.store !== undefined) return addressed?.store;
  throw new GatewayError(
    'not-implemented',
    `The group takes nothing to be stored: store to one of its members (${namesOf(addressed)}), or name some in groups.*.store.`,
  );
}

/** @throws GatewayError `not-implemented` for a group: whose cache it would fill depends on who has what by then */
function forPreload<C>(addressed: Addressed | undefined, call: C): C {
  if (addressed === undefined) return call;
  throw new GatewayError(
    'not-implemented',
    `A group is not preloaded: preload from its members (${namesOf(addressed)}).`,
  );
}

/** What groups keep of a patient's text goes too, of a member as of the group; of which studies is not always known here. */
function dropDocuments(groups: Iterable<Addressed>, { peer, target }: Parameters<Gateway['purge']>[0]): void {
  const study = target.kind === 'study' ? target.studyInstanceUid : undefined;
  for (const { group, documents } of groups) {
    const isConcerned =
      group.name === peer || group.members.some(({ binding }) => binding.peer.name === peer);
    if (isConcerned) documents.drop(study);
  }
}

/** One member that cannot be asked must not keep a patient's images at the others. */
async function purgeAll(
  peers: Gateway,
  addressed: Addressed | undefined,
  call: Parameters<Gateway['purge']>[0],
  context: OperationContext,
): Promise<number> {
  const names = addressed?.group.members.map(({ binding }) => binding.peer.name) ?? [call.peer];
  const results = await Promise.allSettled(names.map((peer) => peers.purge({ ...call, peer }, context)));
  let dropped = 0;
  for (const result of results) {
    if (result.status === 'rejected') throw result.reason;
    dropped += result.value;
  }
  return dropped;
}
