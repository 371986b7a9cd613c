import express, { type Router } from 'express';
import type { ConsoleData } from './console-api.js';
import type { ConsolePage } from './console-routes.js';
import type { PeerState, ReadyReport } from './readiness.js';

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
 * The peers' state is in the body of `/readyz` and does not change its status: one dead PACS must not take every
 * replica out of service.
 */
export function adminRoutes({ metrics, readiness, peers }: AdminDependencies): Router {
  const router = express.Router();
  router.get('/healthz', (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ status: 'ok' });
  });
  router.get('/readyz', (_request, response) => {
    const report = readiness();
    response
      .status(report.ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ ...report, peers: peers() });
  });
  router.get('/metrics', async (_request, response) => {
    const { contentType, body } = await metrics();
    response.set('Content-Type', contentType).end(body);
  });
  return router;
}
