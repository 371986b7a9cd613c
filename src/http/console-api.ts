import express, { type Request, type Response, type Router } from 'express';
import { GatewayError, toGatewayError, type OperationContext, type Permission } from '../core/index.js';
import type { CheckReport, CheckStep } from '../gateway/index.js';
import { admit } from './admit.js';
import { auditLogin } from './audited.js';
import { Exchange } from './exchange.js';
import { PULLS, sendPulls } from './console-pulls.js';
import { refuseAllButPost } from './post-only.js';
import type { PeerState } from './readiness.js';
import type { HttpDependencies } from './route.js';

/** A peer as the console shows it. */
export interface ConsolePeer extends PeerState {
  /** `AE@host:port`. */
  readonly address: string;
  /** Most associations that are opened now, and as configured. */
  readonly limit: number;
  readonly configuredLimit: number;
  /** Most requests that wait. */
  readonly queue: number;
  /** What was learnt of it, and what is configured in its place, in words. */
  readonly facts: readonly string[];
  readonly configured: readonly string[];
  readonly isReadOnly: boolean;
}

/** What the PACS has to be told of the gateway. */
export interface ConsoleSelf {
  readonly aeTitle: string;
  /** Where the PACS sends to for C-MOVE; undefined where nothing listens. */
  readonly host?: string | undefined;
  readonly port?: number | undefined;
}

export interface ConsoleOverview {
  readonly self: ConsoleSelf;
  readonly peers: readonly ConsolePeer[];
  readonly groups: readonly {
    readonly name: string;
    readonly members: readonly string[];
    readonly isReadOnly: boolean;
  }[];
}

/** What the console asks beside DICOMweb. */
export interface ConsoleData {
  readonly overview: () => ConsoleOverview;
  /** @throws GatewayError `not-found` for a peer that is not configured */
  readonly echo: (peer: string, context: OperationContext) => Promise<CheckStep>;
  /** Tells each step as it ends. @throws GatewayError `not-found`, or `overloaded` while a check of the peer runs */
  readonly check: (
    peer: string,
    tell: (step: CheckStep) => void,
    context: OperationContext,
  ) => Promise<CheckReport>;
  /** How long a client may take nothing. */
  readonly stallMs: number;
}

const JSON_TYPE = 'application/json';

/** No page of another origin can send this type without asking first. */
function requireJson(request: Request): void {
  if (!request.is(JSON_TYPE))
    throw new GatewayError('unsupported-media-type', `The body must be ${JSON_TYPE}; {} will do.`);
}

/** Peers, checks and pulls for the console, for operators. */
export function consoleApiRoutes(deps: HttpDependencies, data: ConsoleData): Router {
  const router = express.Router({ caseSensitive: true });
  const on = (
    method: 'get' | 'post',
    path: string,
    permission: Permission,
    handler: (request: Request, response: Response, exchange: Exchange) => Promise<void>,
  ): void => {
    router[method](`/console/api${path}`, (request, response) => {
      const exchange = new Exchange(request, response, `/console/api${path}`, deps.observe);
      auditLogin(exchange, request, { peers: [] }, deps);
      void exchange.run(async () => {
        const refusal = deps.refuse();
        if (refusal) throw refusal;
        await admit(exchange, request, deps.door, { permission });
        if (method === 'post') requireJson(request);
        response.setHeader('Cache-Control', 'no-store');
        await handler(request, response, exchange);
      });
    });
  };
  on('get', '/peers', 'metrics', (_request, response) => {
    response.json(data.overview());
    return Promise.resolve();
  });
  on('post', '/peers/:peer/echo', 'admin', async (request, response, { context }) => {
    response.json(await data.echo(String(request.params['peer']), context));
  });
  on('post', '/peers/:peer/check', 'admin', (request, response, { context }) =>
    sendCheck(response, data, String(request.params['peer']), context),
  );
  for (const path of ['echo', 'check'])
    refuseAllButPost(router, `/console/api/peers/:peer/${path}`, deps.observe);
  on('get', '/pulls', PULLS.permission, (request, response, exchange) =>
    sendPulls(request, response, { deps, exchange, stallMs: data.stallMs }),
  );
  return router;
}

/** A line of JSON for each step as it ends, and one for what came of it. */
async function sendCheck(
  response: Response,
  data: ConsoleData,
  peer: string,
  context: OperationContext,
): Promise<void> {
  // A report has six steps at most, each of them a line.
  const tell = (line: object): void => {
    if (!response.headersSent) {
      response.setHeader('Content-Type', 'application/x-ndjson');
      response.setHeader('X-Accel-Buffering', 'no');
    }
    if (!response.destroyed) response.write(`${JSON.stringify(line)}\n`);
  };
  try {
    const report = await data.check(
      peer,
      (step) => {
        tell({ step });
      },
      context,
    );
    tell({ report });
  } catch (thrown) {
    const { code, message } = toGatewayError(thrown);
    if (!response.headersSent) throw thrown;
    tell({ error: { code, detail: message } });
  }
  response.end();
}
