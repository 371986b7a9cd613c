import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { GatewayError, toGatewayError } from '../core/index.js';
import { adminRoutes, type AdminDependencies } from './admin-routes.js';
import { allowedMethods, isResource } from './allowed-methods.js';
import { refuseForeign, type BrowserOptions } from './browsers.js';
import { cors } from './cors.js';
import { consoleApiRoutes } from './console-api.js';
import { consolePageRoutes } from './console-routes.js';
import { dicomwebRoutes, type DicomwebOptions } from './dicomweb-routes.js';
import { Exchange } from './exchange.js';
import { purgeRoute } from './purge-route.js';
import type { HttpDependencies } from './route.js';
import { securityHeaders } from './security-headers.js';

export interface AppOptions extends DicomwebOptions {
  /** Path of the default peer. */
  readonly basePath: string;
  readonly defaultPeer: string;
  readonly browsers: BrowserOptions;
  /** What Express takes: hops, addresses, or false. */
  readonly trustProxy: boolean | number | string | readonly string[];
}

function bareApp(browsers: BrowserOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.set('case sensitive routing', true);
  app.use(securityHeaders(browsers), cors(browsers));
  return app;
}

/** What Node takes although a proxy in front may have gone by another of them. @see RFC 9112 3.2 */
function refuseSeveralHosts({ door, observe }: HttpDependencies) {
  return (request: Request, response: Response, next: NextFunction): void => {
    if ((request.headersDistinct['host'] ?? []).length <= 1) {
      next();
      return;
    }
    const exchange = new Exchange(request, response, 'unmatched', observe);
    void exchange.run(async () => {
      await door.count(request);
      throw new GatewayError('bad-request', 'The request has more than one Host header.');
    });
  };
}

/** The peer or group whose service `path` belongs to. */
function peerOf(path: string, defaultPeer: string): string {
  const name = /^\/peers\/([^/]+)\/dicomweb\//.exec(path)?.[1];
  // A name that is not spelled plainly is no configured one.
  return name ?? defaultPeer;
}

/** Optional resources of the standard that no service here has, however it spells them. @see PS3.18 10.4.1.1 */
const VOLUMETRIC = /\/studies\/[^/]+(?:\/series\/[^/]+)?\/rendered(?:3d|mpr)$/i;

/** What no route has taken: an unknown path, or a method that the path does not have. @see rule S-01, H-13 */
function fallback(
  deps: HttpDependencies,
  services: Pick<AppOptions, 'basePath' | 'defaultPeer'> | undefined,
) {
  const { basePath, defaultPeer = '' } = services ?? {};
  return (request: Request, response: Response): void => {
    const exchange = new Exchange(request, response, 'unmatched', deps.observe);
    void exchange.run(async () => {
      await deps.door.count(request);
      if (!['GET', 'HEAD'].includes(request.method) && isResource(request.path, basePath)) {
        const isReadOnly = deps.gateway.isReadOnly(peerOf(request.path, defaultPeer));
        response.setHeader('Allow', allowedMethods(request.path, isReadOnly));
        throw new GatewayError('method-not-allowed', 'The resource does not have this method.');
      }
      if (VOLUMETRIC.test(request.path))
        throw new GatewayError('not-implemented', 'The gateway renders no volumes.');
      throw new GatewayError('not-found', 'There is nothing at this path.');
    });
  };
}

/** What Express itself refuses, such as a path that is not percent-encoded UTF-8. */
function refused(deps: HttpDependencies) {
  // Express tells an error handler by its four parameters.
  return (thrown: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const exchange = new Exchange(request, response, 'unmatched', deps.observe);
    void exchange.run(async () => {
      await deps.door.count(request);
      const status = thrown instanceof Error && 'status' in thrown ? thrown.status : undefined;
      const isClients = status === 400;
      throw isClients
        ? new GatewayError('bad-request', 'The path is not percent-encoded UTF-8.', { cause: thrown })
        : toGatewayError(thrown);
    });
  };
}

/** What is for operators. */
function mountAdmin(app: Express, deps: HttpDependencies, admin: AdminDependencies): void {
  app.use(adminRoutes(deps, admin), purgeRoute(deps));
  if (admin.console) app.use(consolePageRoutes(deps, admin.console), consoleApiRoutes(deps, admin.console));
}

function mountDicomweb(app: Express, deps: HttpDependencies, options: AppOptions): void {
  app.use(
    options.basePath,
    dicomwebRoutes(deps, options, () => options.defaultPeer),
  );
  app.use(
    '/peers/:peer/dicomweb',
    dicomwebRoutes(deps, options, (request) => String(request.params['peer'])),
  );
}

/** The DICOMweb services of all peers, with the operator's endpoints unless they have a listener of their own. */
export function createApp(
  deps: HttpDependencies,
  options: AppOptions,
  admin: AdminDependencies | undefined,
): Express {
  const app = bareApp(options.browsers);
  app.set('trust proxy', options.trustProxy);
  app.use(refuseSeveralHosts(deps), refuseForeign(deps, options.browsers));
  if (admin) mountAdmin(app, deps, admin);
  mountDicomweb(app, deps, options);
  app.use(fallback(deps, options));
  app.use(refused(deps));
  return app;
}

/** The operator's endpoints alone; with the console also the DICOMweb services, which its page asks. */
export function createAdminApp(
  deps: HttpDependencies,
  options: AppOptions,
  admin: AdminDependencies,
): Express {
  // The operator's listener is reached directly: nobody's word is taken for another's address.
  const app = bareApp(options.browsers);
  app.use(refuseSeveralHosts(deps), refuseForeign(deps, options.browsers));
  mountAdmin(app, deps, admin);
  const serviceUrl = { ...options.serviceUrl, trustProxy: false };
  if (admin.console) mountDicomweb(app, deps, { ...options, serviceUrl });
  app.use(fallback(deps, admin.console ? options : undefined));
  app.use(refused(deps));
  return app;
}
