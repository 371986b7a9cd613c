import { GatewayError } from '../core/index.js';
import type { InstanceReceiver } from './contract.js';

/** A C-MOVE whose sub-operations may come. */
export interface MoveExpectation {
  /** Configured name of the peer that was asked. */
  readonly peer: string;
  /** Called AE title of the C-MOVE: mostly the one under which the instances come, but peers may have several. */
  readonly peerAeTitle: string;
  /** Calling AE title and Message ID of the C-MOVE: (0000,1030) and (0000,1031) of its sub-operations. */
  readonly originatorAeTitle: string;
  readonly messageId: number;
  /** What was asked for; an empty list or nothing means any. */
  readonly studyInstanceUids: readonly string[];
  readonly seriesInstanceUids: readonly string[];
  readonly sopInstanceUids: readonly string[];
  readonly receiver: InstanceReceiver;
  /** Bytes of a sub-operation came. */
  readonly onActivity: () => void;
  /** The gateway itself holds the peer up, until the returned function is called. */
  readonly onHold: () => () => void;
}

/** What a C-STORE request says of where it belongs. */
export interface StoreOrigin {
  readonly callingAeTitle: string;
  readonly sopInstanceUid: string;
  readonly originatorAeTitle?: string | undefined;
  readonly originatorMessageId?: number | undefined;
}

/** The part of a dataset that says where it belongs. */
export interface DatasetIdentity {
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
}

/** A sub-operation being received, as its move sees it. */
export interface Reception {
  /** The association that it comes on. */
  readonly association: object;
  cancel(error: GatewayError): void;
}

/** Sub-operation counters are 16 bits wide, PS3.7 9.1.4.1: a move brings no more instances than this. */
const MAX_INSTANCES = 0xffff;

/** One registered C-MOVE: counts what arrives for it. */
export class ExpectedMove {
  readonly expectation: MoveExpectation;
  readonly #forget: (move: ExpectedMove) => void;
  readonly #sopInstanceUids: ReadonlySet<string>;
  readonly #studyInstanceUids: ReadonlySet<string>;
  readonly #seriesInstanceUids: ReadonlySet<string>;
  /** Distinct instances taken; at most `MAX_INSTANCES`. */
  readonly #taken = new Set<string>();
  /** Those that were not taken; as many at most. */
  readonly #refused = new Set<string>();
  readonly #running = new Set<Reception>();
  /** Associations that have brought something and are still open. */
  readonly #associations = new Set<object>();
  readonly #waiters = new Set<() => void>();
  #ended = false;

  constructor(expectation: MoveExpectation, forget: (move: ExpectedMove) => void) {
    this.expectation = expectation;
    this.#forget = forget;
    this.#sopInstanceUids = new Set(expectation.sopInstanceUids);
    this.#studyInstanceUids = new Set(expectation.studyInstanceUids);
    this.#seriesInstanceUids = new Set(expectation.seriesInstanceUids);
  }

  /** Distinct instances that came whole and were taken. */
  get received(): number {
    return this.#taken.size;
  }

  /** Instances that are on their way in. */
  get running(): number {
    return this.#running.size;
  }

  /** Whether it names its instances one by one. */
  get isListed(): boolean {
    return this.#sopInstanceUids.size > 0;
  }

  /** Nothing is taken for it any more. */
  get isOver(): boolean {
    return this.#ended;
  }

  lists(sopInstanceUid: string): boolean {
    return this.#sopInstanceUids.has(sopInstanceUid);
  }

  /** Whether an instance of this study and series may be part of it. */
  covers({ studyInstanceUid, seriesInstanceUid }: DatasetIdentity): boolean {
    return (
      allows(this.#studyInstanceUids, studyInstanceUid) && allows(this.#seriesInstanceUids, seriesInstanceUid)
    );
  }

  begin(reception: Reception): void {
    this.#running.add(reception);
    this.#associations.add(reception.association);
  }

  /** The instance was answered, or will not be whole. */
  finish(reception: Reception, sopInstanceUid: string, isTaken: boolean): void {
    this.#running.delete(reception);
    const uids = isTaken ? this.#taken : this.#refused;
    if (uids.size < MAX_INSTANCES) uids.add(sopInstanceUid);
    if (isTaken) this.#refused.delete(sopInstanceUid);
    this.#wake();
  }

  /** An association is over: nothing more comes on it. */
  associationEnded(association: object): void {
    if (this.#associations.delete(association)) this.#wake();
  }

  /**
   * Whether all has come: `count` instances were answered; or nothing is on its way in, and every association that
   * brought something is closed, so that what is missing will not come.
   */
  isSettled(count: number): boolean {
    if (this.#running.size > 0) return false;
    const answered = this.#taken.size + this.#refused.size;
    return answered >= count || (answered > 0 && this.#associations.size === 0);
  }

  /** Resolves when something changed that `isSettled` looks at, or when it ended. */
  changed(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.add(resolve));
  }

  /** Nothing more is expected; what is on its way in is given up with `error`. */
  end(error: GatewayError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#forget(this);
    for (const reception of [...this.#running]) reception.cancel(error);
    this.#running.clear();
    this.#associations.clear();
    this.#wake();
  }

  #wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }
}

function allows(wanted: ReadonlySet<string>, uid: string | undefined): boolean {
  return wanted.size === 0 || (uid !== undefined && wanted.has(uid));
}

/** To which moves an instance belongs; `undecided` until its study is known. */
export type Correlation =
  | { readonly kind: 'known'; readonly moves: readonly ExpectedMove[] }
  | {
      readonly kind: 'undecided';
      /** Decides; without an identity by what is left to go by. */
      readonly decide: (identity: DatasetIdentity | undefined) => readonly ExpectedMove[];
    };

const NOBODY: Correlation = { kind: 'known', moves: [] };

/** What is known of those who bring instances. */
interface Senders {
  /** Configured names of the peers that call under an AE title. */
  peersOf(aeTitle: string): readonly string[];
  /** Whether each brings what its own peer was asked for, and nothing else. */
  readonly areStrict: boolean;
}

/** An instance, and whether who brings it is the peer that a move was asked of. */
interface Origin extends StoreOrigin {
  readonly isSender: (move: ExpectedMove) => boolean;
}

/**
 * The C-MOVEs that are pending, and which of them an incoming instance is for (W-43).
 *
 * Move Originator and Message ID are optional, peers send nonsense in them, and associations count their Message IDs
 * each for itself. So they only choose among the moves that list the instance or, where none does, among those whose
 * study and series it is of, which its first bytes tell. Without these the sending AE title decides, if it has one
 * move pending.
 */
export class MoveExpectations {
  readonly #moves = new Set<ExpectedMove>();
  readonly #senders: Senders;

  constructor(senders: Senders = { peersOf: () => [], areStrict: false }) {
    this.#senders = senders;
  }

  get size(): number {
    return this.#moves.size;
  }

  /** @throws GatewayError `overloaded` when there are as many as Message IDs */
  add(expectation: MoveExpectation, onEnded: () => void = () => undefined): ExpectedMove {
    if (this.#moves.size >= MAX_INSTANCES) {
      throw new GatewayError('overloaded', 'Too many C-MOVE operations are pending.', {
        peer: expectation.peer,
      });
    }
    const move = new ExpectedMove(expectation, (ended) => {
      this.#moves.delete(ended);
      onEnded();
    });
    this.#moves.add(move);
    return move;
  }

  /** The configured name of the peer with this AE title, if a move of it is pending. */
  peerOf(aeTitle: string): string | undefined {
    const peers = this.#senders.peersOf(aeTitle);
    const moves = [...this.#moves].map(({ expectation }) => expectation);
    const found =
      moves.find(({ peerAeTitle }) => peerAeTitle === aeTitle) ??
      moves.find(({ peer }) => peers.includes(peer));
    return found?.peer;
  }

  associationEnded(association: object): void {
    for (const move of this.#moves) move.associationEnded(association);
  }

  endAll(error: GatewayError): void {
    for (const move of [...this.#moves]) move.end(error);
  }

  correlate(given: StoreOrigin): Correlation {
    const peers = this.#senders.peersOf(given.callingAeTitle);
    const isSender = ({ expectation: { peer, peerAeTitle } }: ExpectedMove): boolean =>
      peerAeTitle === given.callingAeTitle || peers.includes(peer);
    const origin = { ...given, isSender };
    const all = [...this.#moves].filter((move) => !this.#senders.areStrict || isSender(move));
    const named = all.filter(({ expectation }) => isNamed(expectation, origin));
    for (const candidates of [named, all]) {
      const listing = candidates.filter((move) => move.lists(origin.sopInstanceUid));
      const moves = ofOnePeer(listing, origin);
      if (moves.length > 0) return { kind: 'known', moves };
      if (listing.length > 0) return NOBODY;
    }
    const open = all.filter((move) => !move.isListed);
    if (open.length === 0) return NOBODY;
    return { kind: 'undecided', decide: (identity) => decide(open, origin, identity) };
  }
}

/**
 * Those of `moves` that the sender can have been asked for. Two peers may hold an instance of the same UID with other
 * contents, and each association counts its Message IDs from 1: what may belong to several peers is nobody's.
 */
function ofOnePeer(moves: readonly ExpectedMove[], origin: Origin): readonly ExpectedMove[] {
  const ofSender = moves.filter(origin.isSender);
  if (ofSender.length > 0) return ofSender;
  return new Set(moves.map(({ expectation }) => expectation.peer)).size > 1 ? [] : moves;
}

function isNamed({ originatorAeTitle, messageId }: MoveExpectation, origin: StoreOrigin): boolean {
  return origin.originatorAeTitle === originatorAeTitle && origin.originatorMessageId === messageId;
}

function decide(
  open: readonly ExpectedMove[],
  origin: Origin,
  identity: DatasetIdentity | undefined,
): readonly ExpectedMove[] {
  const named = open.filter(({ expectation }) => isNamed(expectation, origin));
  const ofSender = open.filter(origin.isSender);
  if (identity) {
    const covering = [named, ofSender, open].map((moves) => moves.filter((move) => move.covers(identity)));
    return ofOnePeer(covering.find((moves) => moves.length > 0) ?? [], origin);
  }
  if (named.length === 1) return named;
  // An instance that names another C-MOVE of ours is a late one of a move that is over: it is not for its successor.
  const isLate = open.some(({ expectation }) => expectation.originatorAeTitle === origin.originatorAeTitle);
  return ofSender.length === 1 && !isLate ? ofSender : [];
}
