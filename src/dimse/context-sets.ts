import { transferSyntax, TransferSyntaxes } from '../dicom/index.js';
import { findNegotiation, retrieveNegotiation, type QueryOptionName } from './extended-negotiation.js';
import { MAX_CONTEXTS, type ContextSet } from './negotiation.js';
import { rootedSopClasses, rootsToPropose, type RootedService } from './query-roots.js';
import { commonStorageSopClasses, storageTransferSyntaxes } from './storage-sop-classes.js';
import { SopClasses } from './uids.js';

/** What every peer can send and take: uncompressed, little endian. */
export const plainTransferSyntaxes: readonly string[] = [
  TransferSyntaxes.ExplicitVrLittleEndian.uid,
  TransferSyntaxes.ImplicitVrLittleEndian.uid,
];
const service = (abstractSyntax: string): ContextSet['contexts'][number] => ({
  abstractSyntax,
  transferSyntaxes: plainTransferSyntaxes,
});

/** Whether the contexts of a SOP class begin with the uncompressed syntaxes or end with them. */
export type ContextOrder = 'plain-first' | 'plain-last';

export function otherOrder(order: ContextOrder): ContextOrder {
  return order === 'plain-first' ? 'plain-last' : 'plain-first';
}

/** Whether datasets in a transfer syntax are never compressed. */
export function isPlain(transferSyntaxUid: string): boolean {
  return plainTransferSyntaxes.includes(transferSyntaxUid);
}

/** The SOP classes of a service in the models that are proposed. */
function rooted(of: RootedService, knowledge: ProposingKnowledge): readonly string[] {
  return rootsToPropose(knowledge, of).map((root) => rootedSopClasses[of][root]);
}

/** What is configured of the models; without it both are proposed. */
type ProposingKnowledge = Parameters<typeof rootsToPropose>[0];
const nothingKnown: ProposingKnowledge = { fixed: () => undefined };

/** For C-FIND, with the options that `wants` tells. */
export function findContexts(
  wants?: (name: QueryOptionName) => boolean,
  knowledge = nothingKnown,
): ContextSet {
  const classes = rooted('find', knowledge);
  return {
    signature: 'find',
    contexts: classes.map(service),
    extendedNegotiations: classes.map((uid) => findNegotiation(wants, uid)),
  };
}

/** For C-MOVE. */
export function moveContexts(knowledge = nothingKnown): ContextSet {
  const classes = rooted('move', knowledge);
  return {
    signature: 'move',
    contexts: classes.map(service),
    extendedNegotiations: classes.map(retrieveNegotiation),
  };
}

/** For N-ACTION of storage commitment; its associations wait `idleMs` for the N-EVENT-REPORT. @see PS3.4 J.3 */
export function commitmentContexts(idleMs: number | undefined): ContextSet {
  const contexts = [service(SopClasses.storageCommitment)];
  return { signature: 'commitment', contexts, ...(idleMs !== undefined && { idleMs }) };
}

/** Storage SOP classes of which an echo tells whether the peer takes them: pictures and reports. */
const PROBED_CLASSES = 16;

/** For C-ECHO; the services are proposed to learn which of them the peer has. */
export function echoContexts(knowledge = nothingKnown): ContextSet {
  const find = rooted('find', knowledge);
  const retrieve = [...rooted('get', knowledge), ...rooted('move', knowledge)];
  return {
    signature: 'echo',
    extendedNegotiations: [
      ...find.map((uid) => findNegotiation(undefined, uid)),
      ...retrieve.map(retrieveNegotiation),
    ],
    contexts: [
      ...[SopClasses.verification, ...find, ...retrieve, SopClasses.storageCommitment].map(service),
      ...commonStorageSopClasses.slice(0, PROBED_CLASSES).map(service),
    ],
  };
}

/** A SOP class and the transfer syntax of a dataset. */
export interface StorePair {
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
}

/**
 * For C-STORE of SOP classes, each in one transfer syntax: the bytes go out as they are, or not at all. The last
 * context of each SOP class tells whether the peer refuses the class or the syntax, because DCMTK gives the same reason
 * for both, and what it would take instead. As many as `storesAtOnce` are to be under way at one time.
 */
export function storeContexts(pairs: readonly StorePair[], storesAtOnce = 1): ContextSet {
  const classes = [...new Set(pairs.map(({ sopClassUid }) => sopClassUid))];
  const contexts = classes.flatMap((abstractSyntax) => {
    const own = pairs.flatMap((pair) =>
      pair.sopClassUid === abstractSyntax ? [pair.transferSyntaxUid] : [],
    );
    const others = plainTransferSyntaxes.filter((uid) => !own.includes(uid));
    return [
      ...own.map((uid) => ({ abstractSyntax, transferSyntaxes: [uid] })),
      ...(others.length > 0 ? [{ abstractSyntax, transferSyntaxes: others }] : []),
    ];
  });
  return { signature: 'store', contexts, storesAtOnce };
}

/** Whether it was found out with these contexts if the peer takes a SOP class in a transfer syntax. */
export function proposes({ contexts }: ContextSet, { sopClassUid, transferSyntaxUid }: StorePair): boolean {
  return contexts.some(
    ({ abstractSyntax, transferSyntaxes: [first, ...others] }) =>
      abstractSyntax === sopClassUid && first === transferSyntaxUid && others.length === 0,
  );
}

/**
 * For C-GET: one presentation context for each SOP class and transfer syntax, because an acceptor picks one syntax of
 * a context and would recompress what is stored in another (W-42). The contexts that there may be are dealt out syntax
 * by syntax; where they do not suffice, the last context of a SOP class has the next of the syntaxes that are left: a peer
 * that knows one of them still sends it as it is stored. Those that the peer is known to refuse come last, so that the
 * others get contexts of their own. Of more SOP classes than there are contexts the first are proposed.
 */
export function getContexts(
  sopClassUids: readonly string[],
  order: ContextOrder,
  transferSyntaxUids?: readonly string[],
  {
    refused = [],
    knowledge = nothingKnown,
  }: { readonly refused?: readonly string[] | undefined; readonly knowledge?: ProposingKnowledge } = {},
): ContextSet {
  const retrieve = rooted('get', knowledge);
  const room = MAX_CONTEXTS - retrieve.length;
  const wanted = sopClassUids.length > 0 ? [...new Set(sopClassUids)].sort() : commonStorageSopClasses;
  const classes = wanted.slice(0, room).map((sopClassUid) => ({
    sopClassUid,
    syntaxes: transferSyntaxUids ?? refusedLast(storageTransferSyntaxes(sopClassUid), refused),
  }));
  const counts = deal(
    room,
    classes.map(({ syntaxes }) => syntaxes.length),
  );
  const storage = classes.flatMap(({ sopClassUid, syntaxes }, index) =>
    ordered(groups(syntaxes, counts[index] ?? 0), order).map((transferSyntaxes) => ({
      abstractSyntax: sopClassUid,
      transferSyntaxes,
    })),
  );
  const named = sopClassUids.length > 0 ? wanted : [];
  return {
    signature: ['get', order, ...named, ...(transferSyntaxUids ?? [])].join(' '),
    contexts: [...retrieve.map(service), ...storage],
    roles: classes.map(({ sopClassUid }) => ({ sopClassUid, scu: false, scp: true })),
    extendedNegotiations: retrieve.map(retrieveNegotiation),
  };
}

function refusedLast(syntaxes: readonly string[], refused: readonly string[]): readonly string[] {
  const isRefused = (uid: string): boolean => refused.includes(uid);
  return [...syntaxes.filter((uid) => !isRefused(uid)), ...syntaxes.filter(isRefused)];
}

/** Whether there is a context for every transfer syntax of each class, so that a peer re-encodes nothing to send it. */
export function proposesEverySyntax(sopClassUids: readonly string[]): boolean {
  const wanted = [...new Set(sopClassUids)].map((uid) => storageTransferSyntaxes(uid).length);
  return wanted.reduce((sum, count) => sum + count, 0) <= MAX_CONTEXTS - 2;
}

/** DCMTK 3.6.7, and Orthanc with it, give up a request with more than 50 transfer syntaxes in a context; older ones take fewer. */
const MAX_GROUP = 16;

/** Deals out `room` pieces one after the other, to each as many as it can take at most. */
function deal(room: number, most: readonly number[]): readonly number[] {
  const counts = most.map(() => 0);
  let left = room;
  for (let round = 1; left > 0 && most.some((limit) => round <= limit); round += 1) {
    for (const [index, limit] of most.entries()) {
      if (left === 0 || round > limit) continue;
      counts[index] = round;
      left -= 1;
    }
  }
  return counts;
}

/** `syntaxes` in `count` groups: of one each, and the next ones in the last; of two, one is that of the plain ones. */
function groups(syntaxes: readonly string[], count: number): readonly (readonly string[])[] {
  const compressed = syntaxes.filter((uid) => !isPlain(uid));
  const isTight = count === 2 && compressed.length > 0 && compressed.length < syntaxes.length;
  if (isTight) return [syntaxes.filter(isPlain), compressed.slice(0, MAX_GROUP)];
  const singles = syntaxes.slice(0, count - 1).map((uid) => [uid]);
  return [...singles, syntaxes.slice(count - 1).slice(0, MAX_GROUP)].filter((group) => group.length > 0);
}

function ordered<T extends readonly string[]>(contexts: readonly T[], order: ContextOrder): readonly T[] {
  if (order === 'plain-first') return contexts;
  const isCompressed = (group: T): boolean => group.some((uid) => transferSyntax(uid)?.encapsulated);
  return [...contexts.filter(isCompressed), ...contexts.filter((group) => !isCompressed(group))];
}
