import type { Request } from 'express';
import {
  GatewayError,
  type AuditedStudy,
  type AuditEvent,
  type AuditKind,
  type Principal,
} from '../core/index.js';
import { parseRetrieveTarget, parseWadoTarget, type RetrieveTarget } from '../dicomweb/index.js';
import type { PurgeTarget, StoredAbout } from '../gateway/index.js';
import { withoutPort } from './client-key.js';
import type { Exchange, ExchangeEnd } from './exchange.js';
import type { HttpDependencies } from './route.js';

/** What of a request the audit trail goes by. */
interface Route {
  /** Its pattern. */
  readonly path: string;
  readonly peer: string;
}

type Params = Readonly<Record<string, string | undefined>>;
type Audited = Pick<HttpDependencies, 'audit' | 'gateway'>;
type Transaction = Extract<AuditKind, 'search' | 'retrieve' | 'wado-uri' | 'store' | 'preload'>;

const SEARCH = /(?:^|\/)(?:studies|series|instances)$/;
const OWN_RESOURCE = /\/preload$|^\/commitment-requests\/|^\/openapi\.json$/;

/** The transaction that a request is, where it is one that shows or changes what the PACS holds. */
function transactionOf(method: string, path: string): Transaction | undefined {
  if (method === 'POST' && path.endsWith('/preload')) return 'preload';
  if (OWN_RESOURCE.test(path)) return undefined;
  if (method === 'POST') return 'store';
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  if (path === '/wado') return 'wado-uri';
  return SEARCH.test(path) ? 'search' : 'retrieve';
}

const REFUSALS: Readonly<Record<number, AuditKind>> = { 401: 'login-failure', 403: 'access-denied' };

const nothing: StoredAbout = { studies: [], patients: [], isPartialList: false };

/**
 * Has the audit trail told of a request when it has ended, once: of a search with what was asked, of a retrieve and a
 * preload with the study and the patient whose the PACS says it is, of a store with what came. The function returned tells what a store is about.
 */
export function audited(
  exchange: Exchange,
  request: Request,
  { path, peer }: Route,
  { audit, gateway }: Audited,
): (about: () => StoredAbout) => void {
  const kind = transactionOf(request.method, path);
  const params = { ...(request.params as Params) };
  let about = (): StoredAbout => nothing;
  if (kind === undefined) auditLogin(exchange, request, { peers: [peer] }, { audit });
  if (audit === undefined || kind === undefined || audit.refusal()) return () => undefined;
  exchange.onEnd = (end) => {
    const study = kind === 'search' ? undefined : studyOf(request, params);
    const known = study && kind !== 'store' ? gateway.patientsOf(peer, study.studyInstanceUid) : [];
    const { studies, patients, isPartialList } = about();
    audit.record({
      ...endOf(exchange, request, end, kind),
      kind: end.status === 401 ? 'login-failure' : kind,
      peers: [peer],
      studies: studies.length > 0 ? studies : study ? [study] : [],
      patients: [...known, ...patients],
      ...(isPartialList && { isPartialList }),
    });
  };
  return (tell) => {
    about = tell;
  };
}

/**
 * Has the audit trail told of a request of which it does not tell otherwise, where that is not believed to be who it says, or
 * may not do what it asks.
 *
 * @see PS3.15 A.5.3.11 for the use of what is restricted
 */
export function auditLogin(
  exchange: Exchange,
  request: Request,
  { peers }: { readonly peers: readonly string[] },
  { audit }: Pick<Audited, 'audit'>,
): void {
  if (audit === undefined) return;
  exchange.onEnd = (end) => {
    const kind = REFUSALS[end.status];
    if (kind !== undefined) audit.record({ ...endOf(exchange, request, end), kind, peers });
  };
}

/** Has the audit trail told of a password or token that was wrong where that changes nothing but what is shown. */
export function auditFailedLogin(
  request: Request,
  { requestId, claimed }: Pick<Exchange, 'requestId' | 'claimed'>,
  { audit }: Pick<Audited, 'audit'>,
): void {
  audit?.record({
    kind: 'login-failure',
    outcome: 'minor',
    requestor: requestorOf(request, undefined, claimed),
    requestId,
    request: requestOf(request),
  });
}

/** What was to be purged, and where. */
export interface AuditedPurge {
  readonly peers: readonly string[];
  readonly target: PurgeTarget;
}

/**
 * Has the audit trail told of a purge when it has ended, also of one that was refused. The function returned tells what is to
 * be purged.
 */
export function auditPurge(
  exchange: Exchange,
  request: Request,
  { audit }: Pick<Audited, 'audit'>,
): (purge: AuditedPurge) => void {
  if (audit === undefined) return () => undefined;
  let purge: AuditedPurge | undefined;
  exchange.onEnd = (end) => {
    const { peers = [], target } = purge ?? {};
    audit.record({
      ...endOf(exchange, request, end),
      kind: end.status === 401 ? 'login-failure' : 'purge',
      peers,
      studies: target?.kind === 'study' ? [{ studyInstanceUid: target.studyInstanceUid }] : [],
      patients: target?.kind === 'patient' ? [{ id: target.patientId }] : [],
    });
  };
  return (told) => {
    purge = told;
  };
}

/** Who asked for what, and how it ended. */
function endOf(
  { context, requestId, claimed }: Exchange,
  request: Request,
  end: ExchangeEnd,
  kind?: AuditKind,
): Omit<AuditEvent, 'kind'> {
  // What is begun is all that was asked.
  const outcome = kind === 'preload' && end.status === 202 ? 'success' : outcomeOf(request, end);
  return {
    outcome,
    ...(outcome !== 'success' && { reason: reasonOf(end) }),
    requestor: requestorOf(request, context.principal, claimed),
    requestId,
    request: requestOf(request),
    bytes: end.bytesOut,
  };
}

/** Who it is, or said so and was not believed. A port that a proxy forwards with an address says nothing of that. */
function requestorOf(
  { ip }: Request,
  known: Principal | undefined,
  claimed: string | undefined,
): NonNullable<AuditEvent['requestor']> {
  const nobody: Principal =
    claimed === undefined ? { kind: 'anonymous', name: '' } : { kind: 'basic', name: claimed };
  return { principal: known ?? nobody, ...(ip !== undefined && { address: withoutPort(ip) }) };
}

const requestOf = ({ method, originalUrl }: Request): string =>
  `${method} ${withoutCredentials(originalUrl)}`;

const reasonOf = ({ status, errorCode, complete }: ExchangeEnd): string =>
  [status, errorCode, ...(complete ? [] : ['cut off'])].filter((word) => word !== undefined).join(' ');

/** Denied and failed is serious; what the client asked wrongly, left, or got in part is minor. */
function outcomeOf({ res }: Request, { status, complete, errorCode }: ExchangeEnd): AuditEvent['outcome'] {
  if (
    status === 403 ||
    status >= 500 ||
    (errorCode !== undefined && errorCode !== 'cancelled' && status < 400)
  )
    return 'serious';
  const isRange = res?.hasHeader('content-range') === true;
  if (!complete || status >= 400 || status === 202 || (status === 206 && !isRange)) return 'minor';
  return 'success';
}

/** A token in a query is no part of what was asked. @see RFC 6750 2.3 */
const withoutCredentials = (target: string): string =>
  target.replace(/([?&](?:access_token|token|api_key)=)[^&]*/gi, '$1');

/** What the path or the query names, where that is a study at all. */
function studyOf(request: Request, params: Params): AuditedStudy | undefined {
  try {
    return targetOf(request, params);
  } catch (thrown) {
    if (thrown instanceof GatewayError) return undefined;
    throw thrown;
  }
}

function targetOf(request: Request, params: Params): RetrieveTarget | undefined {
  if (params['study'] !== undefined) return parseRetrieveTarget(params);
  const mark = request.originalUrl.indexOf('?');
  return mark < 0 ? undefined : parseWadoTarget(request.originalUrl.slice(mark + 1));
}
