import express, { type Request, type Response, type Router } from 'express';
import { GatewayError } from '../core/index.js';
import { jsonFile, type ConsoleFile, type ConsoleFiles } from './console-files.js';
import { Exchange } from './exchange.js';
import type { HttpDependencies } from './route.js';

/** What the page knows before anybody has logged in. Nothing of it is secret. */
export interface ConsoleSettings {
  readonly version: string;
  readonly defaultPeer: string;
  /** What viewers call the gateway, where that is configured: the page may stand on the operator's listener. */
  readonly publicUrl?: string | undefined;
  readonly viewers: readonly { readonly name: string; readonly url: string }[];
  readonly grafanaUrl?: string | undefined;
  readonly oidc?:
    { readonly issuer: string; readonly clientId: string; readonly scopes: readonly string[] } | undefined;
}

export interface ConsolePage {
  /** Undefined where the page was not built. */
  readonly files: ConsoleFiles | undefined;
  readonly settings: ConsoleSettings;
  /** Origins that the page may ask to log in. */
  readonly loginOrigins: readonly string[];
  /** Names of attributes by tag, as JSON. */
  readonly dictionary: () => string;
}

const YEAR_SECONDS = 31_536_000;

/** Nothing inline and nothing from outside, but for the issuer of tokens. @see W3C Content Security Policy Level 3 */
function policyOf(loginOrigins: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "media-src 'self' blob:",
    "frame-src 'self' blob:",
    ["connect-src 'self'", ...loginOrigins].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

function send(request: Request, response: Response, file: ConsoleFile): void {
  const there = (['br', 'gzip'] as const).filter((name) => file.encoded[name] !== undefined);
  const accepted = there.length > 0 && request.acceptsEncodings(there);
  const encoding = there.find((name) => name === accepted);
  const encoded = encoding && file.encoded[encoding];
  response.setHeader('Content-Type', file.type);
  response.vary('Accept-Encoding');
  if (encoding) response.setHeader('Content-Encoding', encoding);
  const body = encoded ?? file.plain;
  response.setHeader('Content-Length', body.length);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/**
 * The page at `/` and what it is made of, for anybody: it holds no data. All its URLs are relative, so that it works
 * below whatever path a proxy has for it.
 */
export function consolePageRoutes({ observe }: HttpDependencies, page: ConsolePage): Router {
  const { files, settings, loginOrigins, dictionary } = page;
  const router = express.Router({ caseSensitive: true, strict: true });
  const policy = policyOf(loginOrigins);
  const on = (path: string, handler: (request: Request, response: Response) => void): void => {
    router.get(path, (request, response) => {
      const exchange = new Exchange(request, response, path, observe);
      void exchange.run(() => {
        response.setHeader('Referrer-Policy', 'no-referrer');
        handler(request, response);
        return Promise.resolve();
      });
    });
  };
  on('/', (request, response) => {
    if (!files) throw new GatewayError('not-found', 'The console was not built: npm run build does that.');
    response.setHeader('Content-Security-Policy', policy);
    response.setHeader('X-Frame-Options', 'DENY');
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cache-Control', 'no-cache');
    send(request, response, files.page);
  });
  on('/console/settings.json', (_request, response) => {
    response.set('Cache-Control', 'no-store').json(settings);
  });
  let names: ConsoleFile | undefined;
  on('/console/dictionary.json', (request, response) => {
    names ??= jsonFile(dictionary());
    response.setHeader('Cache-Control', 'private, max-age=86400');
    send(request, response, names);
  });
  for (const [name, file] of files?.assets ?? []) {
    on(`/console/${name}`, (request, response) => {
      response.setHeader('Cache-Control', `public, max-age=${YEAR_SECONDS}, immutable`);
      send(request, response, file);
    });
  }
  return router;
}
