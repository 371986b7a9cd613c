import type { Request, Response, Router } from 'express';
import { GatewayError, type Observe } from '../core/index.js';
import { Exchange } from './exchange.js';

/** Refuses all but POST of what is done at once and cannot be read; takes its place behind the route itself. @see rule H-13 */
export function refuseAllButPost(router: Router, path: string, observe: Observe): void {
  router.all(path, (request: Request, response: Response) => {
    const exchange = new Exchange(request, response, path, observe);
    void exchange.run(() => {
      response.setHeader('Allow', 'POST');
      throw new GatewayError('method-not-allowed', 'The resource does not have this method.');
    });
  });
}
