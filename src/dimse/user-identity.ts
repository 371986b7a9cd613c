/** The forms of user identity. @see PS3.7 table D.3-14 */
export const UserIdentityTypes = { username: 1, passcode: 2, kerberos: 3, saml: 4, jwt: 5 } as const;

/** Who an association is opened for. @see PS3.7 D.3.3.7.1 */
export interface UserIdentity {
  /** See `UserIdentityTypes`. */
  readonly type: number;
  /** Whether the acceptor is to confirm it. */
  readonly responseRequested: boolean;
  /** User name, ticket, assertion or token. */
  readonly primary: Buffer;
  /** The passcode; empty but for `passcode`. */
  readonly secondary: Buffer;
}

/** The value of the sub-item 58H. */
export function encodeUserIdentity({ type, responseRequested, primary, secondary }: UserIdentity): Buffer {
  return Buffer.concat([Buffer.of(type, responseRequested ? 1 : 0), field(primary), field(secondary)]);
}

/** What the sub-item 58H says; one whose fields do not fit into it names nobody: it is of no type that there is. */
export function decodeUserIdentity(value: Buffer): UserIdentity {
  const [type = 0, responseRequested = 0] = value;
  const primary = readField(value, 2);
  const secondary = primary && readField(value, 4 + primary.length);
  return primary && secondary
    ? { type, responseRequested: responseRequested !== 0, primary, secondary }
    : NOBODY;
}

const NOBODY: UserIdentity = {
  type: 0,
  responseRequested: false,
  primary: Buffer.alloc(0),
  secondary: Buffer.alloc(0),
};

/** The value of the sub-item 59H; empty where only that the identity was taken is to be said. */
export function encodeUserIdentityResponse(response: Buffer): Buffer {
  return field(response);
}

function field(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(bytes.length >>> 8, bytes.length & 0xff), bytes]);
}

function readField(value: Buffer, at: number): Buffer | undefined {
  if (value.length < at + 2) return undefined;
  const end = at + 2 + value.readUInt16BE(at);
  return end > value.length ? undefined : value.subarray(at + 2, end);
}

/** Who may open associations to the gateway. */
export interface IdentityJudge {
  /** Whether somebody without an identity is rejected. */
  readonly isRequired: boolean;
  /** Whether it is one that is known; `signal` aborts when nobody waits for that any more. Never rejects. */
  accepts(identity: UserIdentity, signal: AbortSignal): Promise<boolean>;
}
