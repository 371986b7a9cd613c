import type { Restriction } from './access.js';
import type { Principal } from './principal.js';
import type { QueryOptions, QueryRoot } from './query-options.js';

/**
 * Everything that the gateway can tell about itself. Code emits these; `telemetry/` decides what to log and count.
 *
 * None of them may hold patient data: names, identifiers, dates and matching values stay out. UIDs are allowed in
 * `debug` observations alone.
 */
export type Observation =
  | { readonly kind: 'ready'; readonly urls: readonly string[]; readonly storageScp?: string }
  | { readonly kind: 'stopping'; readonly reason: string }
  | { readonly kind: 'stopped'; readonly openAssociations: number }
  | {
      /** A request has come; `http-request` follows when it has ended. */
      readonly kind: 'http-started';
      readonly requestId: string;
      readonly method: string;
      /** The route's pattern, never the path itself. */
      readonly route: string;
      /** The trace that it is part of, as a proxy that is believed says. @see W3C Trace Context 3.2 */
      readonly traceparent?: string;
    }
  | {
      /**
       * Something that a request waited for is over: its `queue` for an association, the `first-response` of an operation, a
       * `transcode` of a frame; `cache`: something was there.
       */
      readonly kind: 'stage';
      readonly stage: 'queue' | 'first-response' | 'transcode' | 'cache';
      readonly requestId: string;
      readonly peer?: string;
      readonly durationMs: number;
    }
  | {
      readonly kind: 'http-request';
      readonly requestId: string;
      readonly method: string;
      /** The route's pattern, never the path itself. */
      readonly route: string;
      readonly status: number;
      /** Until the head of the answer was written; missing when none was. */
      readonly firstByteMs?: number;
      readonly durationMs: number;
      readonly bytesOut: number;
      /** False when the body was cut off: by the client, or by the gateway because of an error. */
      readonly complete: boolean;
      /** Whether it took as long as the client followed something, which says nothing of the gateway. */
      readonly isFollowed?: boolean;
      readonly errorCode?: string;
      /** Shown in logs only: the error and its causes, without patient data. */
      readonly error?: unknown;
    }
  | {
      readonly kind: 'association';
      readonly peer: string;
      /** `abandoned`: nobody waits any more for what was being opened. */
      readonly event: 'opened' | 'released' | 'aborted' | 'rejected' | 'failed' | 'abandoned';
      readonly direction: 'out' | 'in';
      readonly associationId: string;
      readonly requestId?: string;
      readonly durationMs?: number;
      readonly detail?: string;
      /** Of one that was aborted: nothing was under way on it, and nobody broke the rules. */
      readonly idle?: true;
    }
  | {
      readonly kind: 'dimse';
      readonly peer: string;
      readonly operation: 'C-ECHO' | 'C-FIND' | 'C-GET' | 'C-MOVE' | 'C-STORE' | 'N-ACTION';
      readonly associationId: string;
      readonly requestId?: string;
      readonly status?: number;
      readonly outcome: 'success' | 'warning' | 'failure' | 'cancelled' | 'aborted';
      readonly durationMs: number;
      readonly results?: number;
    }
  | {
      readonly kind: 'dimse-bytes';
      readonly peer: string;
      readonly sent: number;
      readonly received: number;
    }
  | {
      readonly kind: 'breaker';
      readonly peer: string;
      /** `opened`: the peer kept failing and is not asked for now. `closed`: it answers again. */
      readonly event: 'opened' | 'closed';
      readonly detail?: string;
    }
  | {
      /** The peer turned out to be other than was assumed; it is treated so for `forMs` milliseconds. */
      readonly kind: 'learnt';
      readonly peer: string;
      readonly fact: string;
      readonly value: string;
      readonly forMs: number;
    }
  | {
      /** Certificates that were read: at the start, or anew and used from now on, or anew and not used. */
      readonly kind: 'certificate';
      /** Who uses them: such as `http`, `dimse`, `peer:main`. */
      readonly listener: string;
      readonly event: 'loaded' | 'renewed' | 'refused';
      /** ISO time at which the one in use ends, and whether that is over. */
      readonly expiresAt?: string;
      readonly expired?: true;
      readonly error?: unknown;
    }
  | { readonly kind: 'inbound-refused'; readonly reason: string; readonly remote: string }
  | {
      readonly kind: 'instance-arrived';
      readonly peer: string;
      readonly bytes: number;
      readonly outcome: 'complete' | 'failed' | 'duplicate';
    }
  | {
      readonly kind: 'cache';
      readonly event: 'hit' | 'miss' | 'join' | 'overflow';
      /** `metadata`: documents of studies and series as they were sent. */
      readonly tier: 'memory' | 'disk' | 'metadata';
      readonly bytes?: number;
    }
  | {
      readonly kind: 'cache';
      readonly event: 'evicted';
      readonly tier: 'memory' | 'disk';
      /**
       * There was no `room`, its `age`, it was `withdrawn` (purged, stored anew or changed at the peer), or its bytes
       * were `lost` (they did not fit, or cannot be read).
       */
      readonly reason: 'room' | 'age' | 'withdrawn' | 'lost';
      readonly bytes: number;
    }
  | {
      /** What the cache has on disk could not be written or read. */
      readonly kind: 'cache-disk-failed';
      readonly part: 'directory' | 'journal';
      readonly error: unknown;
    }
  | {
      /** Something retrieved was sent to a client, to its last byte. */
      readonly kind: 'part-sent';
      readonly peer: string;
      readonly item: 'instance' | 'frame' | 'bulkdata' | 'rendered' | 'thumbnail';
      readonly bytes: number;
    }
  | {
      /** What became of a study since it was cached. */
      readonly kind: 'revalidation';
      readonly peer: string;
      readonly outcome: 'agreed' | 'grown' | 'changed' | 'gone' | 'failed';
    }
  | {
      /** What became of a retrieve that was begun beside its listing. */
      readonly kind: 'head-start';
      readonly peer: string;
      readonly outcome: 'ahead' | 'late' | 'failed';
    }
  | {
      /** What was brought into the cache ahead of its readers, and how that ended. */
      readonly kind: 'pull';
      readonly purpose: 'prefetch' | 'preload';
      readonly peer: string;
      readonly requestId: string;
      /** `skipped`: it would have taken too much of the cache. */
      readonly state: 'complete' | 'incomplete' | 'failed' | 'cancelled' | 'skipped';
      readonly complete: number;
      readonly failed: number;
      readonly dropped: number;
      readonly bytes: number;
      readonly error?: unknown;
    }
  | {
      /**
       * What became of a request for storage commitment. `refused`: the peer did not take it; `committed`: all of it;
       * `failed`: not all of it; `overdue`: the peer has not told in time; `stray`: a report that nobody waits for.
       */
      readonly kind: 'commitment';
      readonly peer: string;
      readonly outcome: 'requested' | 'refused' | 'committed' | 'failed' | 'overdue' | 'stray';
      /** Instances that it is about, and those of them that the peer does not commit itself to. */
      readonly instances: number;
      readonly failed?: number;
      readonly requestId?: string;
    }
  | {
      /** A frame that was decoded, encoded or rendered. */
      readonly kind: 'frame';
      /** Transfer syntaxes, media types of pictures, or `native`. */
      readonly from: string;
      readonly to: string;
      /** `refused`: it is not what its dataset says; `late`: its time was up; `crashed`: the codec took its thread with it. */
      readonly outcome: 'done' | 'refused' | 'late' | 'crashed';
      readonly durationMs: number;
    }
  | {
      /** Attributes that come more than once in a dataset, of which the last one counts. */
      readonly kind: 'repeated-attributes';
      readonly peer: string;
      readonly in: 'instance' | 'match';
      /** Eight hexadecimal digits each; the first ones, when they are many. */
      readonly tags: readonly string[];
      /** Of some the first one counts, because there are too many. */
      readonly isPartial: boolean;
      readonly requestId?: string;
    }
  | { readonly kind: 'reader-reset'; readonly reason: string }
  | {
      /**
       * What became of events of the audit trail: `recorded` in the spool, `lost` because it had no room, `sent` to a sink,
       * `unreadable` because they are damaged on the disk; `failed`: an attempt to send.
       */
      readonly kind: 'audit';
      readonly event: 'recorded' | 'lost' | 'sent' | 'failed' | 'unreadable';
      readonly sink?: 'syslog' | 'lines';
      readonly count: number;
    }
  | {
      /** A request was refused because of who asks, or because it is not known who that is. */
      readonly kind: 'access-refused';
      readonly by: 'nothing' | 'token' | 'basic' | 'certificate';
      /** Of a few words that the code itself has, such as `expired` or `audience`. */
      readonly reason: string;
      readonly requestId?: string;
    }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly requestId?: string;
      readonly peer?: string;
      readonly error?: unknown;
    };

/** Takes an observation; never throws and never waits. */
export type Observe = (observation: Observation) => void;

/** Who waits: a person, a guess at what a person will want next, or a job that nobody watches. First come first. */
export type Priority = 'interactive' | 'prefetch' | 'bulk';

/** What an operation carries from the HTTP request down to the association. */
export interface OperationContext {
  /** One id for everything that a request causes. */
  readonly requestId: string;
  /** Aborts when nobody wants the result any more, or its time is up. */
  readonly signal: AbortSignal;
  /** Who asked; missing for what the gateway does of its own accord. */
  readonly principal?: Principal;
  /** Which studies that one may have to do with; all when left out. */
  readonly restriction?: Restriction;
  /** Part of something under way: waits for an association as long as `signal` allows, not as long as a newcomer. */
  readonly patient?: boolean;
  /** `interactive` when left out. */
  readonly priority?: Priority;
  /**
   * Of a search: what its identifier makes use of, of what `Peer.queryOptions` offers; `fuzzy` only where that was asked
   * for, because it changes how every name matches. The baseline when left out.
   */
  readonly planned?: QueryOptions;
  /** Of a search or retrieve: the model that its identifier is made for; the Study Root when left out. */
  readonly root?: QueryRoot;
}
