import { GatewayError } from './errors.js';

/** Where an application entity is reached: `AE@host:port`. */
export interface AeAddress {
  readonly aeTitle: string;
  readonly host: string;
  readonly port: number;
}

/** Default repertoire without backslash and control characters, not all spaces, 16 at most. */
const AE_TITLE = /^(?! *$)[\x20-\x5b\x5d-\x7e]{1,16}$/;
const HOST_PORT = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<host>[^:[\]\s@/]+)):(?<port>\d{1,5})$/;

/** Whether `text` is an AE title: 1 to 16 characters of the default repertoire. @see PS3.5 6.2 (AE) */
export function isAeTitle(text: string): boolean {
  return AE_TITLE.test(text);
}

/**
 * Reads `host:port`; IPv6 addresses stand in brackets.
 * @throws GatewayError `bad-request` that says what the text should look like
 */
export function parseHostPort(text: string): { readonly host: string; readonly port: number } {
  const groups = HOST_PORT.exec(text)?.groups;
  const host = groups?.['v6'] ?? groups?.['host'];
  const port = Number(groups?.['port']);
  if (host === undefined || !(port <= 65535)) {
    throw new GatewayError('bad-request', `"${text}" is not host:port (IPv6 as [::1]:port).`);
  }
  return { host, port };
}

/**
 * Reads `AE@host:port`.
 * @throws GatewayError `bad-request` that says what the text should look like
 */
export function parseAeAddress(text: string): AeAddress {
  const at = text.lastIndexOf('@');
  const aeTitle = text.slice(0, Math.max(at, 0)).trim();
  if (!isAeTitle(aeTitle)) {
    throw new GatewayError(
      'bad-request',
      `"${text}" is not AE@host:port with an AE title of 1 to 16 characters.`,
    );
  }
  return { aeTitle, ...parseHostPort(text.slice(at + 1)) };
}

/** The text that `parseAeAddress` reads. */
export function formatAeAddress({ aeTitle, host, port }: AeAddress): string {
  return `${aeTitle}@${host.includes(':') ? `[${host}]` : host}:${port}`;
}
