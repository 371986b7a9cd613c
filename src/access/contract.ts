import type { Observe, Permission, Principal, Restriction } from '../core/index.js';

/** A client certificate whose chain was verified. */
export interface ClientCertificate {
  /** As Node gives it: a line for each attribute, such as `CN=viewer`. */
  readonly subject: string;
  /** Of SHA-256: pairs of hexadecimal digits with colons between. */
  readonly fingerprint256: string;
}

/** What a request says of who sends it. */
export interface Credentials {
  /** The Authorization headers, each as it came. */
  readonly authorization: readonly string[];
  readonly certificate?: ClientCertificate | undefined;
}

/** What a request is to do. */
export interface Need {
  readonly permission: Permission;
  /** The peer or group that it is about; of none where it is about the gateway itself. */
  readonly peer?: string;
}

/** Who sends a request that may be answered. */
export interface Admission {
  readonly principal: Principal;
  /** Which studies that is about; all when left out. */
  readonly restriction?: Restriction;
}

/** What a decision is told with and ends with. */
export interface Asking {
  readonly requestId: string;
  readonly signal: AbortSignal;
  /** Hears who asks once that is known, also of one that may not do what it asks. */
  readonly identified?: (principal: Principal) => void;
  /** Hears the name that somebody has given with a password that is not its own. */
  readonly claimed?: (name: string) => void;
}

/** Decides who may do what. */
export interface AccessControl {
  /**
   * Finds out who asks, and whether that one may do so.
   *
   * @throws GatewayError `unauthenticated` with how to ask, `forbidden` when it is known who asks and that is not enough,
   *   `bad-request` for credentials of no known form, `identity-unavailable` when an issuer does not give its keys,
   *   `overloaded` when too many passwords are being checked
   * @see RFC 6750 3, RFC 7617, rule R-01
   */
  admit(credentials: Credentials, need: Need, asking: Asking): Promise<Admission>;
  /** Whether those may do so who say nothing of who they are. */
  isOpen(need: Need): boolean;
}

/** A value with places for claims: texts, and names of claims between. */
export interface ValueTemplate {
  readonly parts: readonly (string | { readonly claim: string })[];
  /** Whether it is only how the value begins. */
  readonly isPrefix: boolean;
}

/** A test of an attribute, before the claims of a token are put in. */
export interface AttributeTemplate {
  readonly tag: number;
  readonly value: ValueTemplate;
}

/** What those may do who have it. */
export interface Role {
  readonly may: readonly Permission[];
  /** Names of peers and groups; all when left out. */
  readonly peers: readonly string[] | undefined;
  /** All of which the attributes of a study must pass. */
  readonly only: readonly AttributeTemplate[];
}

/** Somebody who is known by name. */
export interface Known {
  readonly name: string;
  readonly roles: readonly string[];
}

/** Who issues tokens. @see OpenID Connect Discovery 1.0, RFC 7517, RFC 9068 */
export interface Issuer {
  /** As it stands in the tokens. */
  readonly issuer: string;
  /** Found out by discovery when left out. */
  readonly jwksUri: string | undefined;
  /** One of which a token must be for. */
  readonly audience: readonly string[];
  readonly algorithms: readonly string[];
  readonly clockSkewMs: number;
  /** How long after it was issued a token is taken, whatever its expiry; 0 = as that says. */
  readonly maxAgeMs: number;
  /** Dots go into claims of claims. */
  readonly scopeClaim: string;
  readonly nameClaim: string;
  /** Roles that a scope gives; a scope gives the role of its own name when left out. */
  readonly scopes: Readonly<Record<string, readonly string[]>> | undefined;
  readonly keys: KeySettings;
}

/** How the keys of an issuer are got and kept, in milliseconds. */
export interface KeySettings {
  readonly timeoutMs: number;
  /** How soon they are asked for anew because of a key that is not among them. */
  readonly cooldownMs: number;
  /** After which time they are asked for anew; those that are known hold meanwhile. */
  readonly refreshMs: number;
  /** How long they hold at most. */
  readonly lifetimeMs: number;
}

export interface AccessSettings {
  /** Roles of those who say nothing of who they are; nobody gets anything then when left out. */
  readonly anonymous: readonly string[] | undefined;
  readonly roles: ReadonlyMap<string, Role>;
  readonly issuers: readonly Issuer[];
  /** With scrypt hashes of their passwords. */
  readonly users: readonly (Known & { readonly password: string })[];
  /** With the SHA-256 of their tokens in hexadecimal digits. */
  readonly tokens: readonly (Known & { readonly sha256: string })[];
  readonly certificates: readonly (Known & {
    readonly subject: string | undefined;
    readonly fingerprint: string | undefined;
  })[];
}

export interface AccessDependencies {
  readonly observe: Observe;
  /** Milliseconds that only go up. */
  readonly now: () => number;
}
