import { createPrivateKey, X509Certificate } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { GatewayError } from '../core/index.js';
import { checkRevocationLists, revocationListsOf } from './revocations.js';

/** PEM files; of each left out there is none. */
export interface CertificateFiles {
  /** The own certificate, with those between it and its CA behind it. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** What the key is encrypted with: the first line of this file. */
  readonly passphrase?: string | undefined;
  /** Who may have issued the other side's certificate. */
  readonly ca?: string | undefined;
  /** Which of theirs they have revoked: a list of each authority between them and the root. */
  readonly crl?: string | undefined;
}

/** What the files hold, once it is known to be good. */
export interface CertificateMaterial {
  readonly cert?: Buffer;
  /** In plain text, whatever it is in the file. */
  readonly key?: Buffer;
  readonly ca?: Buffer;
  readonly crl?: Buffer;
  /** When the first certificate of the own chain ends, in milliseconds since 1970; undefined without one. */
  readonly expiresAt?: number;
}

/** A chain of CAs is a few KiB; a bundle of all public ones some 250. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads the files and looks whether they can be used: the key belongs to the certificate, and each certificate can be
 * read. One that has expired is taken: that is told by `expiresAt`, and whoever is shown it refuses it.
 *
 * @param what the part of the configuration that names them, for texts
 * @throws GatewayError `internal` that says in words what is wrong
 */
export async function readMaterial(files: CertificateFiles, what: string): Promise<CertificateMaterial> {
  const readIf = (path: string | undefined): Promise<Buffer | undefined> =>
    path === undefined ? Promise.resolve(undefined) : read(path, what);
  const { passphrase: secretFile } = files;
  const [cert, keyFile, secret, ca, crl] = await Promise.all(
    [files.cert, files.key, secretFile, files.ca, files.crl].map(readIf),
  );
  const chain = cert && certificatesOf(cert, `${what}.cert`);
  if (ca) certificatesOf(ca, `${what}.ca`);
  if (crl) checkLists(crl, `${what}.crl`);
  const key = keyFile && plainKey(keyFile, secret, what);
  if (chain && key) checkPair(chain, key, what);
  return {
    ...(cert && { cert }),
    ...(key && { key }),
    ...(ca && { ca }),
    ...(crl && { crl }),
    ...(chain && { expiresAt: Math.min(...chain.map(({ validTo }) => Date.parse(validTo))) }),
  };
}

async function read(path: string, what: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      return await readWhole(file);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw failure(`${what}: ${path} cannot be read`, cause);
  }
}

async function readWhole(file: FileHandle): Promise<Buffer> {
  const buffer = Buffer.alloc(MAX_BYTES + 1);
  let length = 0;
  for (let last = -1; last !== 0 && length < buffer.length; length += last) {
    last = (await file.read(buffer, length, buffer.length - length)).bytesRead;
  }
  if (length > MAX_BYTES) throw new RangeError('it is larger than 1 MiB');
  return Buffer.from(buffer.subarray(0, length));
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED )?CERTIFICATE-----/g;

function certificatesOf(
  pem: Buffer,
  what: string,
): readonly [leaf: X509Certificate, ...others: X509Certificate[]] {
  const [leaf, ...others] = pem.toString('latin1').match(CERTIFICATE) ?? [];
  if (leaf === undefined) throw failure(`${what} holds no certificate in PEM form`);
  try {
    return [new X509Certificate(leaf), ...others.map((one) => new X509Certificate(one))];
  } catch (cause) {
    throw failure(`${what} holds a certificate that cannot be read`, cause);
  }
}

function checkPair(
  [leaf]: readonly [X509Certificate, ...X509Certificate[]],
  key: Buffer,
  what: string,
): void {
  const isPair = ((): boolean => {
    try {
      return leaf.checkPrivateKey(createPrivateKey(key));
    } catch (cause) {
      if (key.includes('ENCRYPTED'))
        throw failure(`${what}.key has a passphrase; name the file that holds it in ${what}.passphraseFile`);
      throw failure(`${what}.key holds no private key in PEM form`, cause);
    }
  })();
  if (!isPair) throw failure(`${what}.key is not the key of the first certificate in ${what}.cert`);
}

/** Without the end of the line, which editors and `echo` put there. @throws GatewayError when the first line is empty */
function passphraseOf(secret: Buffer, what: string): string {
  const [line = ''] = secret.toString('utf8').split(/\r?\n/);
  if (line === '') throw failure(`${what} holds no passphrase in its first line`);
  return line;
}

function plainKey(key: Buffer, secret: Buffer | undefined, what: string): Buffer {
  if (!secret) return key;
  const passphrase = passphraseOf(secret, `${what}.passphraseFile`);
  try {
    return Buffer.from(createPrivateKey({ key, passphrase }).export({ type: 'pkcs8', format: 'pem' }));
  } catch (cause) {
    throw failure(
      `${what}.key cannot be read with the passphrase in ${what}.passphraseFile, or is no private key in PEM form`,
      cause,
    );
  }
}

function checkLists(pem: Buffer, what: string): void {
  const lists = revocationListsOf(pem);
  if (lists.length === 0) throw failure(`${what} holds no certificate revocation list in PEM form`);
  try {
    checkRevocationLists(lists);
  } catch (cause) {
    throw failure(`${what} holds a certificate revocation list that cannot be read`, cause);
  }
}

function failure(text: string, cause?: unknown): GatewayError {
  const reason = cause instanceof RangeError ? `: ${cause.message}` : codeOf(cause);
  return new GatewayError('internal', `${text}${reason}.`, cause === undefined ? {} : { cause });
}

function codeOf(cause: unknown): string {
  const { code } = (cause ?? {}) as { code?: unknown };
  return typeof code === 'string' ? ` (${code})` : '';
}
