import { GatewayError } from '../core/index.js';

/** What an Authorization header says. */
export type Authorization =
  | { readonly scheme: 'bearer'; readonly token: string }
  | { readonly scheme: 'basic'; readonly user: string; readonly password: string }
  | { readonly scheme: 'other' };

/** Tokens with many groups of a directory in them are some kilobytes. */
export const MOST_TOKEN_CHARACTERS = 12_000;

/** @see RFC 9110 11.4 */
const FORM = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,40})(?: +([A-Za-z0-9._~+/-]+=*))?$/;

/**
 * What the Authorization headers of a request say; undefined when there are none.
 *
 * @throws GatewayError `bad-request` for several: which one is meant, proxies and servers have read differently
 * @see RFC 6750 2.1, RFC 7617 2
 */
export function parseAuthorization(headers: readonly string[]): Authorization | undefined {
  const [header, ...others] = headers;
  if (header === undefined) return undefined;
  if (others.length > 0)
    throw new GatewayError('bad-request', 'The request has more than one Authorization header.');
  const [, scheme = '', value] = FORM.exec(header.replace(/^[\t ]+|[\t ]+$/g, '')) ?? [];
  if (value === undefined) return { scheme: 'other' };
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { scheme: 'bearer', token: value };
    case 'basic':
      return parseBasic(value);
    default:
      return { scheme: 'other' };
  }
}

function parseBasic(value: string): Authorization {
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return { scheme: 'other' };
  return { scheme: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) };
}
