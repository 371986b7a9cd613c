import type { Request, Response } from 'express';
import { GatewayError } from '../core/index.js';
import { parseRetrieveTarget, retrieveUrl } from '../dicomweb/index.js';
import type { PreloadJob } from '../gateway/index.js';
import type { HttpDependencies, On } from './route.js';
import { preloadReport } from './preload-report.js';
import { sendPreloadEvents } from './send-preload-events.js';

const PATHS = ['/studies/:study/preload', '/studies/:study/series/:series/preload'];
const JSON_TYPE = 'application/json';
const EVENTS_TYPE = 'text/event-stream';

/** How a client wants to be told. @throws GatewayError `not-acceptable` */
function formOf(request: Request): typeof JSON_TYPE | typeof EVENTS_TYPE {
  const form = request.accepts([JSON_TYPE, EVENTS_TYPE]);
  if (form === JSON_TYPE || form === EVENTS_TYPE) return form;
  throw new GatewayError('not-acceptable', `Progress is told as ${JSON_TYPE} or ${EVENTS_TYPE}.`);
}

/** A retry of the cancelled kind is nobody's failure. */
const givenUp = (): GatewayError => new GatewayError('cancelled', 'The preload was given up by a client.');

/**
 * The gateway's own resource below a study or a series: `POST` brings it into the cache, `GET` tells how far that is, once
 * or as an event stream until it ends, `DELETE` gives it up.
 */
export function preloadRoutes(on: On, { gateway, clock }: HttpDependencies, stallMs: number): void {
  for (const path of PATHS) {
    on('post', path, 'retrieve', async ({ request, response, context, common, params, followed }) => {
      const form = formOf(request);
      const target = parseRetrieveTarget(params);
      const job = await gateway.preload({ ...common, target }, context);
      response.setHeader('Location', `${retrieveUrl(common.serviceUrl, target)}/preload`);
      if (form === EVENTS_TYPE) await sendPreloadEvents(response, job, { context, clock, stallMs, followed });
      else sendReport(response.status(202), job);
    });
    on('get', path, 'retrieve', async ({ request, response, context, common, params, followed }) => {
      const form = formOf(request);
      const job = await gateway.preloadOf({ ...common, target: parseRetrieveTarget(params) }, context);
      if (form === EVENTS_TYPE) await sendPreloadEvents(response, job, { context, clock, stallMs, followed });
      else sendReport(response, job);
    });
    on('delete', path, 'retrieve', async ({ response, context, common, params }) => {
      const job = await gateway.preloadOf({ ...common, target: parseRetrieveTarget(params) }, context);
      job.cancel(givenUp());
      sendReport(response, job);
    });
  }
}

function sendReport(response: Response, job: PreloadJob): void {
  response.setHeader('Cache-Control', 'no-store');
  response.vary('Accept');
  response.json(preloadReport(job.status));
}
