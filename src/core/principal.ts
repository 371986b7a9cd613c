/** Who asks, as access control found out: for audit and for restrictions, never for log lines or metrics. */
export interface Principal {
  /** How it is known who that is; `anonymous` where nobody is asked. */
  readonly kind: 'anonymous' | 'token' | 'basic' | 'certificate';
  /** The subject of the token, the user's name, or the subject of the certificate; empty for `anonymous`. */
  readonly name: string;
  /** Of a token: who issued it. */
  readonly issuer?: string;
}
