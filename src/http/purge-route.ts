import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import { requireUid } from '../dicomweb/index.js';
import type { PurgeTarget } from '../gateway/index.js';
import { admit } from './admit.js';
import { tellToGoOn } from './expectation.js';
import { auditPurge, type AuditedPurge } from './audited.js';
import { Exchange } from './exchange.js';
import { refuseAllButPost } from './post-only.js';
import type { HttpDependencies } from './route.js';

/** A purge names a UID or an id: more than this is something else. */
const MOST_BYTES = '4kb';
const FORM =
  'The body must be JSON: { "study": UID }, { "patient": ID } or { "all": true }, and perhaps a "peer".';

/** @throws GatewayError `bad-request` for anything but one target */
function parsePurge(body: unknown, peers: readonly string[], groups: readonly string[]): AuditedPurge {
  if (typeof body !== 'object' || body === null) throw new GatewayError('bad-request', FORM);
  const { peer, study, patient, all, ...rest } = body as Partial<Record<string, unknown>>;
  const named = [study, patient, all].filter((value) => value !== undefined);
  if (named.length !== 1 || Object.keys(rest).length > 0) throw new GatewayError('bad-request', FORM);
  if (peer !== undefined && !(typeof peer === 'string' && [...peers, ...groups].includes(peer))) {
    throw new GatewayError('not-found', 'No peer of this name is configured.');
  }
  return { peers: peer === undefined ? peers : [peer], target: targetOf(study, patient, all) };
}

function targetOf(study: unknown, patient: unknown, all: unknown): PurgeTarget {
  if (typeof study === 'string') {
    return { kind: 'study', studyInstanceUid: requireUid(study, 'Study Instance UID') };
  }
  const isId = typeof patient === 'string' && /^[^\\*?\p{Cc}]{1,64}$/u.test(patient);
  if (isId && patient.trim() !== '') return { kind: 'patient', patientId: patient.trim() };
  if (all === true) return { kind: 'all' };
  throw new GatewayError('bad-request', FORM);
}

/**
 * `POST /cache/purge`: drops a study, a patient's studies or everything from the cache, of one peer, those of a group, or all.
 *
 * Only `application/json` is taken: no page of another origin can send that without asking first.
 */
export function purgeRoute(deps: HttpDependencies): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  const json = express.json({ limit: MOST_BYTES });
  router.post('/cache/purge', (request, response) => {
    const exchange = new Exchange(request, response, '/cache/purge', deps.observe);
    const concerns = auditPurge(exchange, request, deps);
    void exchange.run(async () => {
      const refusal = deps.refuse();
      if (refusal) throw refusal;
      await admit(exchange, request, deps.door, { permission: 'admin' });
      tellToGoOn(request);
      await bodyOf(json, request, response);
      if (!request.is('application/json')) throw new GatewayError('unsupported-media-type', FORM);
      const { peerNames, groupNames } = deps.gateway;
      const { peers, target } = parsePurge(request.body, peerNames, groupNames);
      concerns({ peers, target });
      const dropped = await purgeAll(deps, peers, target, exchange.context);
      response.set('Cache-Control', 'no-store').json({ dropped });
    });
  });
  refuseAllButPost(router, '/cache/purge', deps.observe);
  return router;
}

/** Reads the body into the request. @throws GatewayError `payload-too-large`, `bad-request` */
function bodyOf(parse: RequestHandler, request: Request, response: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    void parse(request, response, (thrown?: unknown) => {
      const status = thrown instanceof Error && 'status' in thrown ? thrown.status : undefined;
      if (thrown === undefined) resolve();
      else if (status === 413) reject(new GatewayError('payload-too-large', 'The body is too large.'));
      else reject(new GatewayError('bad-request', 'The body is not JSON.', { cause: thrown }));
    });
  });
}

async function purgeAll(
  { gateway }: HttpDependencies,
  peers: readonly string[],
  target: PurgeTarget,
  context: OperationContext,
): Promise<number> {
  let dropped = 0;
  let failure: GatewayError | undefined;
  for (const peer of peers) {
    // One peer that does not answer must not keep a patient's images at the others.
    try {
      dropped += await gateway.purge({ peer, target }, context);
    } catch (thrown) {
      failure ??= toGatewayError(thrown);
    }
  }
  if (failure) throw failure;
  return dropped;
}
