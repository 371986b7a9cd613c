import express, { type Request, type Response, type Router } from 'express';
import { GatewayError, type Observation } from '../core/index.js';
import {
  acceptParameter,
  parseAccept,
  parseBulkDataPath,
  parseFrameList,
  parseRetrieveTarget,
  parseSearch,
  requireUtf8,
  type RetrieveTarget,
  type SearchLevel,
} from '../dicomweb/index.js';
import type { Gateway, PartsAnswer, StoreAnswer } from '../gateway/index.js';
import { admit } from './admit.js';
import { allowedMethods } from './allowed-methods.js';
import { audited } from './audited.js';
import { capabilityRoutes, type CapabilityOptions } from './capability-routes.js';
import { networkTest } from './client-networks.js';
import { endWith } from './end-with.js';
import { commitmentRoutes } from './commitment-routes.js';
import { Exchange } from './exchange.js';
import { requireExpectation } from './expectation.js';
import { preloadRoutes } from './preload-routes.js';
import { readStoreBody, type StoreBodyLimits } from './read-store-body.js';
import { renderedRoutes } from './rendered-routes.js';
import type { Call, HttpDependencies, On } from './route.js';
import { sendList, sendParts, setWarnings, type PartSent } from './send-answer.js';
import { timed } from './server-timing.js';
import { serviceUrlOf, type ServiceUrlOptions } from './service-url.js';

export interface DicomwebOptions {
  readonly serviceUrl: ServiceUrlOptions;
  readonly emptySearch: '200-empty-list' | '204';
  readonly storeBody: StoreBodyLimits;
  /** Networks whose clients may store; anybody when left out. */
  readonly storeClients: readonly string[] | undefined;
  /** Most bytes of a request for storage commitment. */
  readonly maxCommitmentBytes: number;
  readonly capabilities: CapabilityOptions;
}

const rawQueryOf = (request: Request): string => {
  const mark = request.originalUrl.indexOf('?');
  return mark < 0 ? '' : request.originalUrl.slice(mark + 1);
};

function requireInstance(target: RetrieveTarget): Required<RetrieveTarget> {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = target;
  if (seriesInstanceUid === undefined || sopInstanceUid === undefined) {
    throw new GatewayError('internal', 'A route of an instance has no instance.');
  }
  return { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
}

/** The routes of one DICOMweb service, for the peer that `peerOf` names. @see PS3.18 10 */
export function dicomwebRoutes(
  deps: HttpDependencies,
  options: DicomwebOptions,
  peerOf: (request: Request) => string,
): Router {
  const router = express.Router({ mergeParams: true, caseSensitive: true });
  const on: On = (method, path, permission, handler) => {
    router[method](path, (request: Request, response: Response) => {
      const exchange = new Exchange(request, response, path, deps.observe);
      timed(exchange, request, response, deps.timing);
      const concerns = audited(exchange, request, { path, peer: peerOf(request) }, deps);
      void exchange.run(async () => {
        const refusal = deps.refuse();
        if (refusal) throw refusal;
        requireExpectation(request);
        const peer = peerOf(request);
        if (permission === 'anybody') await deps.door.count(request);
        else await admit(exchange, request, deps.door, { permission, peer });
        const rawQuery = rawQueryOf(request);
        const accept = parseAccept(request.get('accept'), acceptParameter(rawQuery));
        const common = {
          peer,
          accept,
          serviceUrl: serviceUrlOf(request, options.serviceUrl),
          fresh: wantsFresh(request),
        };
        const params = request.params as Readonly<Record<string, string | undefined>>;
        const { context } = exchange;
        const followed = (): void => {
          exchange.followed();
        };
        await handler({ request, response, context, common, params, rawQuery, concerns, followed });
      });
    });
  };
  optionsRoutes(router, deps, peerOf);
  searchRoutes(on, deps.gateway, options);
  retrieveRoutes(on, deps);
  storeRoutes(on, deps, options);
  preloadRoutes(on, deps, options.storeBody.bodyTimeoutMs);
  const { maxCommitmentBytes: maxBodyBytes, storeBody } = options;
  commitmentRoutes(on, deps, { ...storeBody, maxBodyBytes });
  capabilityRoutes(on, deps, options.capabilities);
  return router;
}

/** Whether the client will not have what is cached. @see RFC 9111 5.2.1.4, 5.4 */
const wantsFresh = (request: Request): boolean =>
  /(?:^|[\s,])no-(?:cache|store)(?:$|[\s,])/i.test(
    request.get('cache-control') ?? request.get('pragma') ?? '',
  );

/** The searchable resources; the level is data. @see PS3.18 Table 10.6.1-1 */
const SEARCHES: readonly (readonly [path: string, level: SearchLevel])[] = [
  ['/studies', 'STUDY'],
  ['/series', 'SERIES'],
  ['/instances', 'IMAGE'],
  ['/studies/:study/series', 'SERIES'],
  ['/studies/:study/instances', 'IMAGE'],
  ['/studies/:study/series/:series/instances', 'IMAGE'],
];

function searchRoutes(on: On, gateway: Gateway, options: DicomwebOptions): void {
  for (const [path, level] of SEARCHES) {
    on('get', path, 'search', async ({ request: http, response, context, common, params, rawQuery }) => {
      requireUtf8(rawQuery, http.get('accept-charset'));
      const request = parseSearch(level, pathOf(params), rawQuery);
      const answer = await gateway.search({ ...common, request }, context);
      if (answer.bodiless || (answer.empty && options.emptySearch === '204')) {
        setWarnings(response, answer.warnings);
        response.status(204).end();
        await answer.close();
        return;
      }
      const stallMs = options.storeBody.bodyTimeoutMs;
      await sendList(response, answer, { stallMs, compress: !answer.empty });
    });
  }
}

function pathOf({ study, series }: Call['params']): { study?: string; series?: string } {
  return { ...(study === undefined ? {} : { study }), ...(series === undefined ? {} : { series }) };
}

/** The retrievable resources. @see PS3.18 Table 10.4.1-1 */
const TARGETS: readonly string[] = [
  '/studies/:study',
  '/studies/:study/series/:series',
  '/studies/:study/series/:series/instances/:instance',
];

type Item = Extract<Observation, { kind: 'part-sent' }>['item'];

function retrieveRoutes(on: On, deps: HttpDependencies): void {
  const { gateway, observe } = deps;
  const sending =
    (peer: string, item: Item): PartSent =>
    (bytes, part) => {
      observe({ kind: 'part-sent', peer: part.peer ?? peer, item, bytes });
    };
  renderedRoutes(on, deps, sending);
  for (const path of TARGETS) {
    on('get', path, 'retrieve', async ({ response, context, common, params }) => {
      const target = parseRetrieveTarget(params);
      const answer = await gateway.retrieveInstances({ ...common, target }, context);
      await sendParts(response, answer, sending(common.peer, answer.holds ?? 'instance'));
    });
    on('get', `${path}/metadata`, 'retrieve', async (call) => {
      const { request, response, context, common, params, rawQuery } = call;
      requireUtf8(rawQuery, request.get('accept-charset'));
      const target = parseRetrieveTarget(params);
      const answer = await gateway.retrieveMetadata({ ...common, target }, context);
      await sendList(response, answer, { stallMs: 0 });
    });
    for (const values of ['bulkdata', 'pixeldata'] as const)
      on('get', `${path}/${values}`, 'retrieve', async ({ response, context, common, params }) => {
        const target = parseRetrieveTarget(params);
        const answer = await gateway.retrieveValues({ ...common, target, values }, context);
        await sendParts(response, answer, sending(common.peer, 'bulkdata'));
      });
  }
  const instance = '/studies/:study/series/:series/instances/:instance';
  const onInstance = (
    path: string,
    item: Item,
    retrieve: (call: Call, target: Required<RetrieveTarget>) => Promise<PartsAnswer>,
  ): void => {
    on('get', instance + path, 'retrieve', async (call) => {
      const target = requireInstance(parseRetrieveTarget(call.params));
      await sendParts(call.response, await retrieve(call, target), sending(call.common.peer, item));
    });
  };
  onInstance('/frames/:frames', 'frame', ({ common, params, context }, target) => {
    const frames = parseFrameList(params['frames'] ?? '');
    return gateway.retrieveFrames({ ...common, target, frames }, context);
  });
  onInstance('/bulkdata/*path', 'bulkdata', ({ common, request, context }, target) => {
    const path = parseBulkDataPath(wildcard(request.params['path']));
    return gateway.retrieveBulkData({ ...common, target, path }, context);
  });
}

const wildcard = (value: string | readonly string[] | undefined): readonly string[] =>
  typeof value === 'string' ? value.split('/') : (value ?? []);

/** What a resource can be asked for anybody may know; Express would name every method that has a route. */
function optionsRoutes(
  router: Router,
  { gateway, door, observe }: HttpDependencies,
  peerOf: (request: Request) => string,
): void {
  for (const path of ['/studies', '/studies/:study']) {
    router.options(path, (request: Request, response: Response) => {
      const exchange = new Exchange(request, response, path, observe);
      void exchange.run(async () => {
        await door.count(request);
        response.setHeader('Allow', allowedMethods(path, gateway.isReadOnly(peerOf(request))));
        response.status(204).end();
      });
    });
  }
}

const STORE_STATUS = { all: 200, some: 202, none: 409 } as const;

function storeRoutes(on: On, deps: HttpDependencies, options: DicomwebOptions): void {
  const mayStore = networkTest(options.storeClients);
  for (const path of ['/studies', '/studies/:study']) {
    on('post', path, 'store', async ({ request, response, context, common, params, concerns }) => {
      const study = params['study'] === undefined ? undefined : parseRetrieveTarget(params).studyInstanceUid;
      const isReadOnly = deps.gateway.isReadOnly(common.peer);
      if (isReadOnly) response.setHeader('Allow', allowedMethods(path, isReadOnly));
      else if (!mayStore(request.ip))
        throw new GatewayError('forbidden', 'This client may not store: it is in none of store.clients.');
      const leave = deps.door.placeToStore(request, context.principal);
      const stored = async (): Promise<StoreAnswer> => {
        const session = deps.gateway.store({ ...common, study }, context);
        concerns(() => session.about);
        return readStoreBody(request, session, { limits: options.storeBody, clock: deps.clock }, context);
      };
      const outcome = await stored().finally(leave);
      const refused = outcome.unavailable ?? outcome.malformed;
      if (refused) throw refused;
      response.status(STORE_STATUS[outcome.status]);
      response.setHeader('Content-Type', outcome.contentType);
      response.setHeader('Cache-Control', 'no-store');
      if (outcome.location !== undefined) response.setHeader('Location', outcome.location);
      setWarnings(response, [...outcome.warnings, ...outcome.unsent]);
      endWith(response, outcome.body);
    });
  }
}
