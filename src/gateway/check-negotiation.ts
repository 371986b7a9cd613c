import type { EchoReport } from '../dimse/index.js';

/** What was negotiated with a peer, as `check --json` tells it. */
export interface CheckNegotiation {
  readonly implementationClassUid: string;
  readonly implementationVersionName?: string;
  /** Longest PDU that the peer takes, in bytes; 0 = any. */
  readonly maxPduLength: number;
  readonly informationModel: 'study-root' | 'patient-root';
  readonly contexts: readonly {
    readonly abstractSyntax: string;
    readonly accepted: boolean;
    /** Of one that was accepted. */
    readonly transferSyntax?: string;
    /** Of one that was refused. */
    readonly reason?: string;
  }[];
  /** Which services the peer accepted; `store` with the storage SOP classes that were proposed. */
  readonly services: Readonly<Record<'echo' | 'find' | 'get' | 'move' | 'store' | 'commitment', boolean>>;
  readonly options: Readonly<Record<string, boolean>>;
  readonly asyncWindow?: { readonly invoked: number; readonly performed: number };
  readonly userIdentity: 'none' | 'sent' | 'confirmed';
  readonly tls?: {
    readonly version: string;
    readonly cipher: string;
    readonly certificate?: {
      readonly subject: string;
      readonly issuer: string;
      /** ISO time. */
      readonly expiresAt: string;
      /** SHA-256. */
      readonly fingerprint: string;
    };
  };
  /** The gateway's own address on the way to the peer. */
  readonly localAddress?: string;
}

/** @see PS3.8 table 9-18 */
const reasons: Readonly<Record<number, string>> = {
  1: 'refused by the user',
  2: 'no reason',
  3: 'the SOP class is not supported',
  4: 'none of the transfer syntaxes is supported',
};

const STORAGE = '1.2.840.10008.5.1.4.1.1.';

/** What an echo showed of the negotiation. */
export function negotiationOf(echo: EchoReport): CheckNegotiation {
  const { implementationVersionName: version, negotiated, security } = echo;
  const { asyncWindow, localAddress } = negotiated;
  const contexts = negotiated.contexts.map(({ abstractSyntax, result, transferSyntaxUid }) => ({
    abstractSyntax,
    accepted: result === 0,
    ...(transferSyntaxUid === undefined
      ? { reason: reasons[result] ?? `result ${result}` }
      : { transferSyntax: transferSyntaxUid }),
  }));
  return {
    implementationClassUid: echo.implementationClassUid,
    ...(version !== undefined && { implementationVersionName: version }),
    maxPduLength: echo.maxPduLength,
    informationModel: echo.isPatientRoot ? 'patient-root' : 'study-root',
    contexts,
    services: { echo: true, ...echo.services, store: contexts.some(isStorage) },
    options: negotiated.options,
    ...(asyncWindow && { asyncWindow }),
    userIdentity: negotiated.userIdentity,
    ...(security && { tls: security }),
    ...(localAddress !== undefined && { localAddress }),
  };
}

const isStorage = (context: { readonly abstractSyntax: string; readonly accepted: boolean }): boolean =>
  context.accepted && context.abstractSyntax.startsWith(STORAGE);

/** The same in lines, for people. */
export function negotiationLines(negotiation: CheckNegotiation): readonly string[] {
  const { contexts, tls, userIdentity, asyncWindow, options } = negotiation;
  const proposed = contexts.filter(({ abstractSyntax }) => abstractSyntax.startsWith(STORAGE));
  const stores = proposed.filter(isStorage).length;
  const agreed = Object.entries(options).flatMap(([name, yes]) => (yes ? [name] : []));
  return [
    `C-STORE of ${stores} of ${proposed.length} common storage SOP classes`,
    ...(agreed.length > 0 ? [`options of searches: ${agreed.join(', ')}`] : []),
    ...(asyncWindow ? [`asynchronous operations ${asyncWindow.invoked}/${asyncWindow.performed}`] : []),
    ...(userIdentity === 'none' ? [] : [`user identity ${userIdentity}`]),
    tls ? tlsLine(tls) : 'plain text: no TLS',
  ];
}

function tlsLine({ version, cipher, certificate }: NonNullable<CheckNegotiation['tls']>): string {
  const shown = certificate
    ? `, certificate of ${certificate.subject} by ${certificate.issuer} until ${certificate.expiresAt.slice(0, 10)}`
    : '';
  return `${version}, ${cipher}${shown}`;
}
