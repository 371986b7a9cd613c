import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** Which pages of other origins may do what with what is here; in the words of the headers. */
export interface SecurityHeaderOptions {
  /** Cross-Origin-Resource-Policy: who may embed an answer without asking. */
  readonly resourcePolicy: 'same-origin' | 'same-site' | 'cross-origin';
  readonly openerPolicy: 'same-origin' | 'same-origin-allow-popups' | 'unsafe-none';
  readonly embedderPolicy: 'require-corp' | 'credentialless' | 'unsafe-none';
  /** Origins whose pages may show an answer in a frame. */
  readonly frameAncestors: readonly string[];
  /** Whether browsers are told to come by https alone from then on. */
  readonly isEncrypted: boolean;
}

/** A year. */
const HSTS_SECONDS = 365 * 24 * 3600;

/**
 * The headers that tell a browser how to treat what is here. Nothing of it is to run anything; what is shown as a page has
 * a policy of its own.
 *
 * @see rule R-08
 */
export function securityHeaders(options: SecurityHeaderOptions): RequestHandler {
  const { resourcePolicy, openerPolicy, embedderPolicy, frameAncestors, isEncrypted } = options;
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        frameAncestors: ["'self'", ...frameAncestors],
        baseUri: ["'none'"],
        formAction: ["'none'"],
      },
    },
    crossOriginResourcePolicy: { policy: resourcePolicy },
    crossOriginOpenerPolicy: { policy: openerPolicy },
    crossOriginEmbedderPolicy: { policy: embedderPolicy },
    strictTransportSecurity: isEncrypted && { maxAge: HSTS_SECONDS, includeSubDomains: false },
    referrerPolicy: { policy: 'no-referrer' },
    // `frame-ancestors` says it, and of several origins.
    xFrameOptions: false,
  });
}
