import type { RequestHandler } from 'express';

export interface CorsOptions {
  /** Origins of pages that may read what is here, as browsers name them. */
  readonly origins: readonly string[];
  /** Whether they may do so with what the browser adds by itself: a password it knows, or a certificate. */
  readonly credentials: boolean;
  /** How long a browser need not ask again. */
  readonly maxAgeSeconds: number;
}

const METHODS = 'GET, HEAD, POST, DELETE, OPTIONS';
/** What DICOMweb clients send, beside what a browser lets through anyway. */
const REQUEST_HEADERS = [
  'Accept',
  'Accept-Charset',
  'Authorization',
  'Cache-Control',
  'Content-Encoding',
  'Content-Type',
  'If-Modified-Since',
  'If-None-Match',
  'If-Range',
  'Pragma',
  'Prefer',
  'Range',
  'X-Request-Id',
  'X-Requested-With',
  'traceparent',
  'tracestate',
].join(', ');
/** What a page may read beside what a browser shows it anyway. */
const RESPONSE_HEADERS = [
  'Accept-Ranges',
  'Allow',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Length',
  'Content-Location',
  'Content-Range',
  'ETag',
  'Link',
  'Location',
  'Retry-After',
  'Server-Timing',
  'Vary',
  'WWW-Authenticate',
  'Warning',
  'X-Request-Id',
].join(', ');

/**
 * Lets pages of some origins read the answers, and answers what their browsers ask beforehand, which carries no
 * credentials. Pages of others get the answers that everybody gets, which their browsers keep from them.
 *
 * @see Fetch standard 3.2, rule R-09
 */
export function cors({ origins, credentials, maxAgeSeconds }: CorsOptions): RequestHandler {
  const known = new Set(origins);
  return (request, response, next) => {
    const { origin } = request.headers;
    if (known.size > 0) response.vary('Origin');
    if (origin === undefined || !known.has(origin)) {
      next();
      return;
    }
    response.setHeader('Access-Control-Allow-Origin', origin);
    if (credentials) response.setHeader('Access-Control-Allow-Credentials', 'true');
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
      response.setHeader('Access-Control-Expose-Headers', RESPONSE_HEADERS);
      next();
      return;
    }
    response.vary('Access-Control-Request-Method, Access-Control-Request-Headers');
    response.setHeader('Access-Control-Allow-Methods', METHODS);
    response.setHeader('Access-Control-Allow-Headers', REQUEST_HEADERS);
    response.setHeader('Access-Control-Max-Age', String(maxAgeSeconds));
    response.setHeader('Content-Length', '0');
    response.status(204).end();
  };
}

/**
 * Whether a browser says that a page of a foreign origin sends this: it could do so without asking, with what the browser
 * adds by itself. A client that is no browser says nothing of that.
 *
 * @see Fetch Metadata 2.3
 */
export function isForeignWrite(
  method: string,
  headers: { readonly origin?: string | undefined; readonly [name: string]: unknown },
  origins: readonly string[],
): boolean {
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return false;
  const site = headers['sec-fetch-site'];
  const isOwn = site === undefined || site === 'same-origin' || site === 'none';
  return !isOwn && !origins.includes(headers.origin ?? '');
}
