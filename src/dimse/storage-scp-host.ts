import type { Clock, Observe } from '../core/index.js';
import type { Callers } from './storage-scp-callers.js';
import type { InboundEvents } from './storage-scp-events.js';
import type { MoveExpectations } from './storage-scp-expectations.js';
import type { Refusal } from './storage-scp-rejections.js';
import type { IdentityJudge } from './user-identity.js';

/** Who asks for an association, as far as its place is concerned. */
export interface InboundCaller {
  /** Address of the connection. */
  readonly remote: string;
  /** Whether it calls as a configured peer does, from where that may be. */
  readonly isKnown: boolean;
}

/** What an inbound association needs of the storage SCP. */
export interface InboundHost {
  readonly aeTitle: string;
  readonly callers: Callers;
  /** Undefined = nobody is asked who he is. */
  readonly identities: IdentityJudge | undefined;
  readonly maxPduLength: number;
  readonly timeouts: {
    /** From the connection to the A-ASSOCIATE-RQ: the ARTIM timer. @see PS3.8 9.1.4 */
    readonly associationMs: number;
    /** Silence between messages while no C-MOVE is pending. */
    readonly idleMs: number;
    /** Of an association in all; 0 = for ever. */
    readonly totalMs: number;
    /** Silence within a message; also how long one of several receivers may hold up the others. */
    readonly stallMs: number;
  };
  readonly moves: MoveExpectations;
  /** Instances are welcome: a C-MOVE is pending, or was until just now. */
  readonly welcomesInstances: () => boolean;
  /** Takes reports of storage commitment; undefined = nobody does. */
  readonly events: InboundEvents | undefined;
  /** Asked before an association is accepted. */
  readonly refuses: (caller: InboundCaller) => Refusal | undefined;
  /** Called when one is: where there are too many, another one ends. */
  readonly makeRoom: (caller: InboundCaller) => void;
  /** An instance came, was dropped or broke off. */
  readonly onReceived: () => void;
  readonly observe: Observe;
  readonly clock: Clock;
}
