/** Why associations are not taken now. */
export type Refusal = 'full' | 'crowded' | 'closing';

/** An A-ASSOCIATE-RJ, and what is told of it. */
export interface Rejection {
  readonly result: 1 | 2;
  readonly source: 1 | 2 | 3;
  readonly reason: number;
  readonly text: string;
}

/** @see PS3.8 table 9-21 */
export const Rejections = {
  protocolVersion: { result: 1, source: 2, reason: 2, text: 'protocol version not supported' },
  applicationContext: { result: 1, source: 1, reason: 2, text: 'application context not supported' },
  calledAeTitle: { result: 1, source: 1, reason: 7, text: 'called AE title is not the one of the gateway' },
  unknownCaller: {
    result: 1,
    source: 1,
    reason: 3,
    text: 'calling AE title is not one of a configured peer',
  },
  wrongAddress: {
    result: 1,
    source: 1,
    reason: 3,
    text: 'calling AE title comes from an address that is not its own',
  },
  wrongCertificate: {
    result: 1,
    source: 1,
    reason: 3,
    text: 'calling AE title comes with a certificate that is not its own',
  },
  noIdentity: { result: 1, source: 1, reason: 1, text: 'no user identity came' },
  wrongIdentity: { result: 1, source: 1, reason: 1, text: 'the user identity is not one that is known' },
  stranger: {
    result: 1,
    source: 1,
    reason: 3,
    text: 'calling AE title is not one under which a peer reports storage commitment',
  },
  unexpected: { result: 2, source: 1, reason: 1, text: 'no C-MOVE is pending' },
  closing: { result: 2, source: 3, reason: 1, text: 'the gateway is shutting down' },
  full: { result: 2, source: 3, reason: 2, text: 'too many inbound associations' },
  crowded: { result: 2, source: 3, reason: 2, text: 'too many inbound associations from one address' },
} as const satisfies Record<string, Rejection>;
