import { GatewayError } from '../core/index.js';
import type { TokenFault } from './token-verifier.js';

const REALM = 'realm="dicomweb-gateway"';

/** How one may say who one is. */
export interface Ways {
  readonly bearer: boolean;
  readonly basic: boolean;
}

const WORDS: Readonly<Record<TokenFault, string>> = {
  malformed: 'The token cannot be read',
  unknown: 'The token is not known here',
  issuer: 'The token is of an issuer that is not trusted here',
  audience: 'The token is for somebody else',
  expired: 'The token has expired',
  'not-yet-valid': 'The token is not valid yet',
  algorithm: 'The token is signed in a way that is not taken here',
  key: 'The issuer has no such key',
  signature: 'The signature of the token is wrong',
  claims: 'The token lacks a claim, or is too old',
};

const challengesOf = ({ bearer, basic }: Ways, parameters: readonly string[]): readonly string[] => [
  ...(bearer ? [['Bearer ' + REALM, ...parameters].join(', ')] : []),
  ...(basic ? [`Basic ${REALM}, charset="UTF-8"`] : []),
];

/** Nobody has said who asks; without an error, for nothing was tried. @see RFC 6750 3.1 */
export const saysNothing = (ways: Ways): GatewayError =>
  new GatewayError('unauthenticated', 'The gateway wants to know who asks.', {
    challenges: challengesOf(ways, []),
  });

/** @see RFC 6750 3.1 */
export function badToken(ways: Ways, fault: TokenFault): GatewayError {
  const parameters = ['error="invalid_token"', `error_description="${WORDS[fault]}"`];
  return new GatewayError('unauthenticated', `${WORDS[fault]}.`, {
    challenges: challengesOf(ways, parameters),
  });
}

export const badPassword = (ways: Ways): GatewayError =>
  new GatewayError('unauthenticated', 'No user has this name and password.', {
    challenges: challengesOf(ways, []),
  });

/** It is known who asks. @see RFC 6750 3.1 */
export const notEnough = (ways: Ways): GatewayError =>
  new GatewayError('forbidden', 'Who asks may not do that here.', {
    challenges: challengesOf({ ...ways, basic: false }, ['error="insufficient_scope"']),
  });
