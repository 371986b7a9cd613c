import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, in PEM files and as they stand in them. */
export interface Pair {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** Whether tests with certificates are left out: OpenSSL's program is not installed, and need not be. */
export function withoutOpenssl(): boolean {
  const isMissing = spawnSync('openssl', ['version']).error !== undefined;
  if (!isMissing) return false;
  if (process.env['REQUIRE_PACS'] === '1') throw new Error('openssl is not installed');
  process.stderr.write('openssl is not installed: tests of TLS are skipped\n');
  return true;
}

/** An authority that signs certificates with OpenSSL's own program; all are gone when it closes. */
export class Authority {
  readonly directory: string;
  readonly caFile: string;
  readonly #caKey: string;

  constructor(name = 'Test Authority') {
    this.directory = mkdtempSync(join(tmpdir(), 'certificates-'));
    this.caFile = join(this.directory, 'ca.pem');
    this.#caKey = join(this.directory, 'ca.key');
    const made = ['-x509', '-days', '2', '-subj', `/CN=${name}`];
    openssl('req', ...made, ...NEW_KEY, '-keyout', this.#caKey, '-out', this.caFile);
  }

  get ca(): string {
    return readFileSync(this.caFile, 'utf8');
  }

  /** For 127.0.0.1; `subject` such as `/CN=viewer/O=Hospital`. */
  issue(subject: string, { days = 1 } = {}): Pair {
    const name = join(this.directory, Math.random().toString(36).slice(2));
    const [keyFile, request, certFile, extensions] = ['.key', '.csr', '.pem', '.ext'].map(
      (end) => name + end,
    ) as [string, string, string, string];
    openssl('req', '-new', '-subj', subject, ...NEW_KEY, '-keyout', keyFile, '-out', request);
    writeFileSync(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    const signer = ['-CA', this.caFile, '-CAkey', this.#caKey, '-CAcreateserial'];
    openssl(
      'x509',
      '-req',
      '-in',
      request,
      ...signer,
      '-days',
      String(days),
      '-extfile',
      extensions,
      '-out',
      certFile,
    );
    return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

const openssl = (...parameters: string[]): void => {
  execFileSync('openssl', parameters, { stdio: 'ignore' });
};

/** Puts one pair in the place of another. */
export function replacePair(place: Pair, by: Pair): void {
  copyFileSync(by.certFile, place.certFile);
  copyFileSync(by.keyFile, place.keyFile);
}
