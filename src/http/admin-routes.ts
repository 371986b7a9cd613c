import { randomUUID } from 'node:crypto';
import express, { type Request, type Response, type Router } from 'express';
import { admit } from './admit.js';
import { auditFailedLogin, auditLogin } from './audited.js';
import type { ConsoleData } from './console-api.js';
import type { ConsolePage } from './console-routes.js';
import { Exchange } from './exchange.js';
import type { PeerState, ReadyReport } from './readiness.js';
import type { HttpDependencies } from './route.js';

/** What the operator's endpoints show. */
export interface AdminDependencies {
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
  readonly readiness: () => ReadyReport;
  readonly peers: () => readonly PeerState[];
  /** Undefined where it is switched off. */
  readonly console?: (ConsolePage & ConsoleData) | undefined;
}

/**
 * `/healthz` (the process answers), `/readyz` (it should get requests) and `/metrics`.
 *
 * Anybody may ask for the first two: what probes them has no credentials. The peers' state is in the body of `/readyz` for
 * those who may read the metrics, and does not change its status: one dead PACS must not take every replica out of
 * service.
 */
export function adminRoutes(
  deps: HttpDependencies,
  { metrics, readiness, peers }: AdminDependencies,
): Router {
  // A proxy that closes a path closes it as it is spelt here.
  const router = express.Router({ caseSensitive: true, strict: true });
  router.get('/healthz', (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ status: 'ok' });
  });
  router.get('/readyz', async (request, response) => {
    const report = readiness();
    const shown = (await maySeePeers(deps, request)) ? { ...report, peers: peers() } : report;
    response
      .status(report.ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json(shown);
  });
  router.get('/metrics', (request: Request, response: Response) => {
    const exchange = new Exchange(request, response, '/metrics', deps.observe);
    auditLogin(exchange, request, { peers: [] }, deps);
    void exchange.run(async () => {
      await admit(exchange, request, deps.door, { permission: 'metrics' });
      const { contentType, body } = await metrics();
      response.set('Content-Type', contentType).set('Cache-Control', 'no-store').end(body);
    });
  });
  return router;
}

async function maySeePeers({ door, audit }: HttpDependencies, request: Request): Promise<boolean> {
  const controller = new AbortController();
  const gone = (): void => {
    controller.abort();
  };
  request.socket.once('close', gone);
  try {
    const requestId = randomUUID();
    let name: string | undefined;
    const claimed = (given: string): void => {
      name = given;
    };
    const asking = { requestId, signal: controller.signal, claimed };
    return await door.wouldAdmit(request, { permission: 'metrics' }, asking, ({ code }) => {
      if (code === 'unauthenticated') auditFailedLogin(request, { requestId, claimed: name }, { audit });
    });
  } finally {
    request.socket.off('close', gone);
  }
}
