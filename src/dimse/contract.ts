import type { AeAddress, GatewayError, OperationContext, Priority, QueryOptions } from '../core/index.js';
import type { Dataset } from '../dicom/index.js';
import type { BreakerState } from './breaker.js';
import type { FixedFacts } from './peer-facts.js';
import type { UserIdentity } from './user-identity.js';
import type { NegotiatedOptions } from './extended-negotiation.js';
import type { ContextOutcome } from './negotiation.js';
import type { LinkSecurity, TlsClient } from './secure-link.js';
import type { PeerKnowledge } from './peer-knowledge.js';

/** Value of (0008,0052); there is no PATIENT level in the Study Root model. @see PS3.4 C.6.1, C.6.2 */
export type QueryRetrieveLevel = 'PATIENT' | 'STUDY' | 'SERIES' | 'IMAGE';

/** Milliseconds; 0 switches a limit off. */
export interface PeerTimeouts {
  /** TCP connection. */
  readonly connectMs: number;
  /** A-ASSOCIATE and A-RELEASE, each. */
  readonly associationMs: number;
  /** From a request to the first response, or the first byte of a sub-operation. */
  readonly firstResponseMs: number;
  /** The same for C-GET and C-MOVE, for nearline archives take minutes; as `firstResponseMs` when left out. */
  readonly firstSubOperationMs?: number;
  /** Between any two things heard from the peer; time that the gateway itself holds the peer up does not count. */
  readonly betweenResponsesMs: number;
  /** A whole operation. */
  readonly totalMs: number;
  /** Waiting for a free association. */
  readonly queueMs: number;
}

/** A remote application entity with its limits. */
export interface PeerOptions {
  readonly name: string;
  readonly address: AeAddress;
  readonly callingAeTitle: string;
  readonly retrieve: 'auto' | 'get' | 'move';
  /** Most associations at once, of all kinds; one is kept for searches when there is more than one. */
  readonly associations: number;
  /** Most associations that transfers of the priorities `prefetch` and `bulk` hold at once; 1 when left out. */
  readonly backgroundAssociations?: number;
  /** Most associations at once that store; 1 when left out. Instances that can be read once only have others. */
  readonly storeAssociations?: number;
  /** Most C-STOREs under way at one time that are proposed for an association; 1 when left out. @see PS3.7 D.3.3.3 */
  readonly storesAtOnce?: number;
  /** Whether the next C-STORE may begin while the response to the one before comes; true when left out. */
  readonly storesAhead?: boolean;
  /** Most requests that wait for an association. */
  readonly queue: number;
  /** Longest P-DATA-TF that the peer may send, in bytes. */
  readonly maxPduLength: number;
  /** How long an association is kept open unused. */
  readonly idleMs: number;
  readonly timeouts: PeerTimeouts;
  /** When to stop asking a peer that keeps failing, and for how long; never when left out. */
  readonly breaker?: { readonly failures: number; readonly openForMs: number };
  /** Send (0008,0005) empty, as a return key: some peers name their character set only when asked. */
  readonly characterSetReturnKey: boolean;
  /** How text of a match reads that names no character set; the default repertoire when left out. */
  readonly fallbackCharacterSet?: string;
  /** How long an association waits for the report of storage commitment; as `idleMs` when left out. */
  readonly commitmentIdleMs?: number;
  /** How long what is learnt of the peer is believed, in milliseconds; then it is found out again. */
  readonly relearnMs: number;
  /** Whether options are negotiated (PS3.7 D.3.3.5); `auto` when left out: with every peer that bears it. */
  readonly extendedNegotiation?: 'auto' | 'off';
  /** Plain if left out; what is refused by TLS is never tried without. @see PS3.15 B.12 */
  readonly tls?: TlsClient;
  /**
   * Who each association is opened for: asked anew, for tickets and tokens do not last. Nobody if left out.
   * @throws GatewayError `internal` when it cannot be read
   */
  readonly userIdentity?: (signal: AbortSignal) => Promise<UserIdentity>;
  /** What is known of the peer, and need not be learnt. */
  readonly fixed?: FixedFacts;
}

/** How a C-FIND ended. Failures are thrown instead. */
export interface FindCompletion {
  readonly status: number;
  /** The peer ended in FE00 although nobody cancelled: it caps its answers, and this one is not whole. */
  readonly truncated: boolean;
}

/** Sub-operations of a C-GET or C-MOVE as the peer counts them; what it leaves out is counted here. */
export interface RetrieveProgress {
  readonly remaining?: number;
  readonly completed: number;
  readonly failed: number;
  readonly warning: number;
}

/** What to retrieve: hierarchical unique keys, and the SOP classes that may come. */
export interface RetrieveRequest {
  readonly level: QueryRetrieveLevel;
  readonly identifier: Dataset;
  /** Decides which presentation contexts a C-GET proposes; empty = the common ones. */
  readonly sopClassUids: readonly string[];
  readonly onProgress?: (progress: RetrieveProgress) => void;
  /** The peer is being asked: there was an association for it. May be called again when it is asked in another way. */
  readonly begun?: () => void;
  /** Dataset transfer syntaxes to propose in a C-GET, in this order, in place of the gateway's own list. */
  readonly transferSyntaxUids?: readonly string[];
  /** @see PS3.7 E.1, Priority; peers mostly pass it over. */
  readonly priority?: 'low' | 'medium' | 'high';
  /**
   * When it aborts the peer is told to stop, as by the context's signal, but what is arriving is taken to its end, and
   * so is one more instance that the peer may have begun before it heard of it. With the next the association is aborted.
   */
  readonly stop?: AbortSignal;
}

/** How a retrieve ended; whole only if nothing failed and as many were received as the caller expected. */
export interface RetrieveCompletion extends RetrieveProgress {
  /**
   * 0000, B000, FE00 where it was cancelled or the peer cancelled by itself, or a failure that says no more than that
   * sub-operations failed (A702): all that the peer announced is counted. Other failures are thrown.
   */
  readonly status: number;
  /** Instances that came and were taken. */
  readonly received: number;
  readonly failedSopInstanceUids: readonly string[];
  readonly cancelled: boolean;
}

/** An instance that a peer has begun to send. */
export interface IncomingInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
}

/** Where the dataset of one incoming instance goes. Exactly one of `end` and `fail` is called, once, as the last. */
export interface InstanceWriter {
  /** `chunk` is valid until this returns, or its promise resolves; the promise pauses the peer. */
  write(chunk: Buffer): void | Promise<void>;
  /** The whole dataset came; returns the DIMSE status of the C-STORE response, which goes out then. */
  end(): number | Promise<number>;
  /** The rest will not come. */
  fail(error: GatewayError): void;
}

/** Asked once for every instance that comes. What it throws refuses that instance with A700. */
export type InstanceReceiver = (instance: IncomingInstance) => InstanceWriter;

/** One instance to store, its dataset encoded in `transferSyntaxUid`. */
export interface StoreRequest {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly bytes: AsyncIterable<Buffer>;
  /** The bytes can be read once only, so that nothing can be sent again. */
  readonly once?: boolean;
}

/**
 * What the peer said of a stored instance: its C-STORE status, 0122 when it refused the SOP class in the
 * negotiation, C122 when it refused the transfer syntax.
 */
export interface StoreCompletion {
  readonly status: number;
  /** Of a refusal in the negotiation: the uncompressed transfer syntaxes in which the peer takes the SOP class. */
  readonly takes?: readonly string[];
}

/** An instance as storage commitment names it. */
export interface SopReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

/** What a peer is asked to commit itself to keep. */
export interface CommitmentRequest {
  /** Of this request alone: the report comes under it. */
  readonly transactionUid: string;
  readonly references: readonly SopReference[];
}

/** What a peer says of a request for storage commitment; SOP classes are empty where it names none. @see PS3.4 J.3.3 */
export interface CommitmentReport {
  readonly transactionUid: string;
  readonly committed: readonly SopReference[];
  readonly failed: readonly (SopReference & { readonly failureReason: number })[];
}

/**
 * Who takes reports. Resolves with the status of the N-EVENT-REPORT response, which goes out then, or rejects for a
 * processing failure.
 * @param peers configured names of those that the report may be of
 */
export type CommitmentListener = (report: CommitmentReport, peers: readonly string[]) => Promise<number>;

/** How reports are taken. */
export interface CommitmentEvents {
  readonly listener: CommitmentListener;
  /** Most bytes of one report. */
  readonly maxBytes: number;
}

/** What a C-ECHO showed of a peer. */
export interface EchoReport {
  readonly status: number;
  /** Of the C-ECHO alone. */
  readonly durationMs: number;
  readonly implementationClassUid: string;
  readonly implementationVersionName: string | undefined;
  /** Longest P-DATA-TF that the peer takes; 0 = any. */
  readonly maxPduLength: number;
  /** Which services the peer accepted a presentation context for. */
  readonly services: Readonly<Record<'find' | 'get' | 'move' | 'commitment', boolean>>;
  /** Services that it has in the Patient Root model alone are among them. */
  readonly isPatientRoot: boolean;
  /** What TLS agreed on; missing without. */
  readonly security?: LinkSecurity;
  readonly negotiated: NegotiationReport;
}

/** What came of the negotiation of an association. */
export interface NegotiationReport {
  readonly contexts: readonly ContextOutcome[];
  /** Of the extended negotiation; what was not proposed is missing. */
  readonly options: NegotiatedOptions;
  /** Missing where the peer says nothing of it: one operation at a time. */
  readonly asyncWindow?: { readonly invoked: number; readonly performed: number };
  readonly userIdentity: 'none' | 'sent' | 'confirmed';
  /** The gateway's own end of the connection. */
  readonly localAddress?: string;
}

/** The state of a peer's associations and work, for metrics and the readiness report. */
export interface PeerStats {
  readonly associations: {
    readonly opening: number;
    readonly busy: number;
    readonly idle: number;
    readonly closing: number;
  };
  /** Most associations that are opened now: as configured, or as the peer has shown to take. */
  readonly associationLimit: number;
  readonly waiting: number;
  /** The same by priority. */
  readonly waitingBy: Readonly<Record<Priority, number>>;
  /** Whether the peer is asked, and in words how the latest attempt failed, if none has succeeded since. */
  readonly breaker: {
    readonly state: BreakerState;
    readonly lastError?: string;
    /** Why requests are refused, and when that is over; only while they are. */
    readonly refusal?: GatewayError;
  };
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** How `retrieve` would be done now. */
  readonly retrieve: 'get' | 'move';
}

/** A remote application entity and the operations that the gateway asks of it. */
export interface Peer {
  readonly name: string;
  /** What was learnt of it. */
  readonly knowledge: PeerKnowledge;
  /**
   * Verifies that the peer answers; for an `operator` also while the circuit breaker is open, which closes when it does.
   * @throws GatewayError @see PS3.4 annex A
   */
  echo(context: OperationContext, askedFor?: 'request' | 'operator'): Promise<EchoReport>;
  /** Opens as many associations as are configured at once, and tells how many the peer took. @throws GatewayError if none */
  probeAssociations(context: OperationContext): Promise<number>;
  /**
   * What may be asked beyond the baseline of C-FIND; a search that makes use of it says so in its context's `planned`.
   * Where nothing is known yet, the association that the search will need anyhow is opened.
   * @throws GatewayError why it could not be
   */
  queryOptions(context: OperationContext): Promise<QueryOptions>;
  /**
   * Searches; rows come as the peer sends them, and the peer is held up when nobody takes them. Ending early
   * (`return`) sends C-CANCEL. It runs on an association where the identifier means what it was planned to mean
   * (`context.planned`, the baseline when left out), and is asked by the model that it was made for (`context.root`).
   * @throws GatewayError at the place where the answer broke; before the first row `peer-changed` when the peer accepts
   *   no more what the search was planned for, or is asked by the other model: that is known then
   * @see PS3.4 C.4.1
   */
  find(
    level: QueryRetrieveLevel,
    identifier: Dataset,
    context: OperationContext,
  ): AsyncGenerator<Dataset, FindCompletion, undefined>;
  /**
   * Retrieves instances by C-GET or C-MOVE and hands each to `receiver`. When the context's signal aborts the peer
   * is told to stop: the promise resolves with `cancelled`, or rejects with the signal's reason when it does not.
   * @throws GatewayError also `peer-changed` where `context.root` is not the model that the peer is asked by
   * @see PS3.4 C.4.2, C.4.3
   */
  retrieve(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion>;
  /**
   * As `retrieve`, if that is known to go by C-GET, an association is free for it right now, and there are presentation
   * contexts for all transfer syntaxes of the SOP classes that are named; undefined if not. It is asked for once: what
   * fails is not asked for again in another way.
   */
  retrieveNow(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion> | undefined;
  /**
   * Stores one instance, in its turn. A source that throws aborts the association, so that the peer keeps no half instance.
   * @throws GatewayError when it is unknown whether the peer stored it, or whatever the source threw
   * @see PS3.4 annex B
   */
  store(request: StoreRequest, context: OperationContext): Promise<StoreCompletion>;
  /**
   * Asks for storage commitment; resolves when the peer has taken the request. The report comes to the listener that the
   * peer was created with: before this resolves, later on the same association, or on one that the peer opens.
   * @throws GatewayError `peer-unsupported`, or why it is not known whether the peer has taken it
   * @see PS3.4 J.3.2
   */
  requestCommitment(request: CommitmentRequest, context: OperationContext): Promise<void>;
  readonly stats: PeerStats;
  /** Refuses new work, lets what runs finish within `graceMs`, releases every association, aborts the rest. */
  close(graceMs: number): Promise<void>;
}
