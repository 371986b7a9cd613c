import type { GatewayError } from './errors.js';
import type { Principal } from './principal.js';

/** What somebody did, or what became of the gateway, as far as an audit trail tells of it. */
export type AuditKind =
  | 'search'
  | 'retrieve'
  | 'wado-uri'
  | 'store'
  | 'login-failure'
  | 'access-denied'
  | 'preload'
  | 'purge'
  | 'configuration-change'
  | 'application-start'
  | 'application-stop'
  | 'recording-stopped'
  | 'recording-started';

/** A patient by the identifier that the PACS has. */
export interface PatientIdentity {
  readonly id: string;
  readonly issuer?: string;
}

/** A study, or what of it was asked for. */
export interface AuditedStudy {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
}

/**
 * One event of the audit trail. It may hold identifiers of patients and the values of queries, which nothing else that
 * the gateway tells may: it goes to an `AuditTrail` alone, never to an observation or an error.
 */
export interface AuditEvent {
  readonly kind: AuditKind;
  /** `minor`: not all of it, or not as it was asked; `serious`: denied, or failed. */
  readonly outcome: 'success' | 'minor' | 'serious';
  /** Why it is no success: a status and a code. */
  readonly reason?: string;
  /** Missing for what the gateway does of its own accord. */
  readonly requestor?: { readonly principal: Principal; readonly address?: string };
  readonly requestId?: string;
  /** Configured names of the peers or the group that it was about. */
  readonly peers?: readonly string[];
  /** Method and target as the client sent them, without credentials. */
  readonly request?: string;
  readonly studies?: readonly AuditedStudy[];
  readonly patients?: readonly PatientIdentity[];
  /** There were more studies and patients than are named. */
  readonly isPartialList?: true;
  /** Bytes of the answer. */
  readonly bytes?: number;
  /** Of `recording-started`: events that were lost since it stopped. */
  readonly lost?: number;
}

/** Takes events of the audit trail. */
export interface AuditTrail {
  /** Keeps the event; never throws and never waits. */
  record(event: AuditEvent): void;
  /** Why nothing may be done now that could not be recorded; undefined while there is room, or where that is let pass. */
  refusal(): GatewayError | undefined;
}
