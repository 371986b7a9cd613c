import { createHash } from 'node:crypto';
import type { Response } from 'express';
import { GatewayError } from '../core/index.js';
import { negotiateTypes, noneMatchNames } from '../dicomweb/index.js';
import { JSON_TYPE, type ApiRoute } from './api-route.js';
import { operatorRoutes, serviceRoutes, WADL_TYPE } from './api-routes.js';
import { openApiOf } from './openapi.js';
import type { Call, HttpDependencies, On } from './route.js';
import type { WaysIn } from './security-schemes.js';
import { wadlJsonOf, wadlXmlOf } from './wadl.js';

/** A service has one URL, or one for each name that a proxy has; where that is of the Host header, clients choose it. */
const MOST_DOCUMENTS = 16;

/** Those of a peer that nobody may store at. */
export const readOnlyRoutes = serviceRoutes.filter(({ stores = false }) => !stores);

/** Remembers what `make` made for the last few service URLs. */
export function memo(
  make: (serviceUrl: string, routes: readonly ApiRoute[]) => string,
): (serviceUrl: string, routes: readonly ApiRoute[]) => string {
  const made = new Map<string, string>();
  return (serviceUrl, routes) => {
    const key = `${routes === readOnlyRoutes ? 'r' : 'w'} ${serviceUrl}`;
    const text = made.get(key) ?? make(serviceUrl, routes);
    made.delete(key);
    made.set(key, text);
    for (const oldest of made.keys()) {
      if (made.size <= MOST_DOCUMENTS) break;
      made.delete(oldest);
    }
    return text;
  };
}

export interface CapabilityOptions {
  readonly version: string;
  /** Whether the operator's endpoints are on the same listener. */
  readonly hasOperator: boolean;
  readonly ways: WaysIn;
}

/**
 * What the service can do: in WADL (`OPTIONS` of its base), and in OpenAPI.
 *
 * A browser's preflight of that path is another matter, and told apart by its headers before it comes here.
 *
 * @see PS3.18 8.9, rules
 */
export function capabilityRoutes(on: On, { gateway }: HttpDependencies, options: CapabilityOptions): void {
  const routesOf = ({ common }: Call): readonly ApiRoute[] => {
    if (![...gateway.peerNames, ...gateway.groupNames].includes(common.peer))
      throw new GatewayError('not-found', 'No peer of this name is configured.');
    const isReadOnly = gateway.isReadOnly(common.peer);
    return isReadOnly ? readOnlyRoutes : serviceRoutes;
  };
  on('options', '/', 'anybody', (call) => {
    const { common, response } = call;
    const { mediaType, multipart } = negotiateTypes([WADL_TYPE, JSON_TYPE], common.accept);
    if (multipart)
      throw new GatewayError('not-acceptable', `The description is ${WADL_TYPE} or ${JSON_TYPE}.`);
    response.setHeader('Allow', 'OPTIONS');
    const write = mediaType === JSON_TYPE ? wadlJsonOf : wadlXmlOf;
    send(response, mediaType, write(common.serviceUrl, routesOf(call)));
    return Promise.resolve();
  });
  const { version, hasOperator, ways } = options;
  const operator = hasOperator ? operatorRoutes : [];
  const described = memo((serviceUrl: string, service: readonly ApiRoute[]) =>
    JSON.stringify(openApiOf({ version, serviceUrl, ways, service, operator })),
  );
  on('get', '/openapi.json', 'anybody', (call) => {
    const routes = routesOf(call);
    send(call.response, JSON_TYPE, described(call.common.serviceUrl, routes));
    return Promise.resolve();
  });
}

function send(response: Response, mediaType: string, text: string): void {
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  response.setHeader('ETag', tag);
  response.vary('Accept');
  response.setHeader('Cache-Control', 'no-cache');
  if (noneMatchNames(response.req.get('if-none-match'), tag)) {
    response.status(304).end();
    return;
  }
  response.setHeader('Content-Type', mediaType);
  response.end(response.req.method === 'HEAD' ? undefined : text);
}
