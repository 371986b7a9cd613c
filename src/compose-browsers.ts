import type { Config } from './config/index.js';
import type { BrowserOptions } from './http/index.js';

/** What browsers are told by a listener. */
export function browsersOf({ http, admin }: Config, listener: 'http' | 'admin'): BrowserOptions {
  const { cors, crossOrigin } = http;
  const { tls } = listener === 'http' ? http : admin;
  return {
    origins: cors.origins,
    credentials: cors.credentials,
    maxAgeSeconds: Math.round(cors.maxAge / 1000),
    ...crossOrigin,
    frameAncestors: cors.origins,
    isEncrypted: tls !== undefined,
  };
}
