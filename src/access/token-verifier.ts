import { decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose';
import { GatewayError } from '../core/index.js';
import type { Issuer } from './contract.js';
import { IssuerKeys } from './issuer-keys.js';

/** Why a token is none that counts: of a few words, for metrics and the client. */
export class BadToken extends Error {
  readonly reason: TokenFault;

  constructor(reason: TokenFault) {
    super(reason);
    this.name = 'BadToken';
    this.reason = reason;
  }
}

export type TokenFault =
  | 'malformed'
  | 'unknown'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not-yet-valid'
  | 'algorithm'
  | 'key'
  | 'signature'
  | 'claims';

/** What a token says that was verified. */
export interface VerifiedToken {
  readonly issuer: Issuer;
  readonly claims: JWTPayload;
}

/** Verifies tokens of several issuers. @see RFC 7519, RFC 8725, RFC 9068 4 */
export class TokenVerifier {
  readonly #issuers = new Map<string, { readonly issuer: Issuer; readonly keys: IssuerKeys }>();

  constructor(issuers: readonly Issuer[], now: () => number) {
    for (const issuer of issuers)
      this.#issuers.set(issuer.issuer, { issuer, keys: new IssuerKeys(issuer, now) });
  }

  /** @throws BadToken, or GatewayError `identity-unavailable` */
  async verify(token: string): Promise<VerifiedToken> {
    const known = this.#issuers.get(issuerIn(token));
    if (known === undefined) throw new BadToken('issuer');
    const { issuer, keys } = known;
    try {
      const { payload } = await jwtVerify(token, keys.get, {
        issuer: issuer.issuer,
        audience: [...issuer.audience],
        algorithms: [...issuer.algorithms],
        clockTolerance: issuer.clockSkewMs / 1000,
        requiredClaims: ['exp'],
        ...(issuer.maxAgeMs > 0 && { maxTokenAge: issuer.maxAgeMs / 1000 }),
      });
      return { issuer, claims: payload };
    } catch (thrown) {
      throw faultOf(thrown);
    }
  }
}

/** Whose the token says to be, which nobody has verified yet. @throws BadToken */
function issuerIn(token: string): string {
  try {
    return decodeJwt(token).iss ?? '';
  } catch {
    throw new BadToken('malformed');
  }
}

function faultOf(thrown: unknown): BadToken | GatewayError {
  if (thrown instanceof GatewayError || thrown instanceof BadToken) return thrown;
  if (thrown instanceof errors.JWTExpired) return new BadToken('expired');
  if (thrown instanceof errors.JWTClaimValidationFailed) return new BadToken(claimFault(thrown.claim));
  if (thrown instanceof errors.JOSEAlgNotAllowed || thrown instanceof errors.JOSENotSupported)
    return new BadToken('algorithm');
  if (thrown instanceof errors.JWSSignatureVerificationFailed) return new BadToken('signature');
  if (thrown instanceof errors.JWKSNoMatchingKey || thrown instanceof errors.JWKSMultipleMatchingKeys)
    return new BadToken('key');
  if (thrown instanceof errors.JWSInvalid || thrown instanceof errors.JWTInvalid)
    return new BadToken('malformed');
  // A key set that cannot be read, or with keys that cannot be used, is the issuer's fault.
  const message = 'The keys of the issuer of the token cannot be used.';
  return new GatewayError('identity-unavailable', message, { cause: thrown, retryAfterSeconds: 5 });
}

function claimFault(claim: string): TokenFault {
  if (claim === 'aud') return 'audience';
  if (claim === 'iss') return 'issuer';
  return claim === 'nbf' ? 'not-yet-valid' : 'claims';
}
