import type { RequestHandler } from 'express';
import { GatewayError } from '../core/index.js';
import { isForeignWrite, type CorsOptions } from './cors.js';
import { Exchange } from './exchange.js';
import type { HttpDependencies } from './route.js';
import type { SecurityHeaderOptions } from './security-headers.js';

/** What browsers are told of what pages may do. */
export type BrowserOptions = CorsOptions & SecurityHeaderOptions;

/** Refuses what a page of a foreign origin would have its browser change here. */
export function refuseForeign({ observe }: HttpDependencies, { origins }: CorsOptions): RequestHandler {
  return (request, response, next) => {
    if (!isForeignWrite(request.method, request.headers, origins)) {
      next();
      return;
    }
    const exchange = new Exchange(request, response, 'foreign', observe);
    void exchange.run(() => {
      throw new GatewayError(
        'forbidden',
        'Pages of this origin may not do that: it is none of http.cors.origins.',
      );
    });
  };
}
