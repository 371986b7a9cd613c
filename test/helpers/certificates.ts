import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Paths of PEM files. */
export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

interface Wanted {
  /** `subjectAltName`, as OpenSSL writes it. */
  readonly names?: string;
  /** UTC times as `YYYYMMDDHHMMSSZ`. */
  readonly from?: string;
  readonly to?: string;
  /** DCMTK's tools are built for RSA everywhere; the others are made faster. */
  readonly rsa?: boolean;
}

/** An authority that issues certificates for the time of a test, by the openssl program. */
export class TestCa {
  readonly directory: string;
  /** Its own certificate. */
  readonly ca: string;
  readonly #key: string;

  private constructor(directory: string) {
    this.directory = directory;
    this.ca = join(directory, 'ca.crt');
    this.#key = join(directory, 'ca.key');
  }

  static async create({ rsa = false }: { rsa?: boolean } = {}): Promise<TestCa> {
    const made = new TestCa(mkdtempSync(join(tmpdir(), 'ca-')));
    writeFileSync(join(made.directory, 'index.txt'), '');
    writeFileSync(join(made.directory, 'ca.cnf'), caSettings(made.directory));
    await run('openssl', [
      ...['req', '-x509', ...newKey(rsa), '-nodes', '-days', '30', '-subj', '/CN=test authority'],
      ...['-addext', 'basicConstraints=critical,CA:TRUE', '-keyout', made.#key, '-out', made.ca],
    ]);
    return made;
  }

  /** A certificate for loopback that is valid now, unless something else is wanted. */
  async issue(name: string, wanted: Wanted = {}): Promise<IssuedCertificate> {
    const { names = 'DNS:localhost,IP:127.0.0.1', from = '20200101000000Z', to = '20490101000000Z' } = wanted;
    const file = (end: string): string => join(this.directory, `${name}.${end}`);
    const issued = { cert: file('crt'), key: file('key') };
    writeFileSync(file('ext'), `subjectAltName=${names}\n`);
    const request = ['-subj', `/CN=${name}`, '-keyout', issued.key, '-out', file('csr')];
    await run('openssl', ['req', ...newKey(wanted.rsa ?? false), '-nodes', ...request]);
    await run('openssl', [
      ...['ca', '-batch', '-notext', '-config', join(this.directory, 'ca.cnf'), '-extfile', file('ext')],
      ...['-cert', this.ca, '-keyfile', this.#key, '-startdate', from, '-enddate', to],
      ...['-in', file('csr'), '-out', issued.cert],
    ]);
    return issued;
  }

  /** Writes the list of those that it has revoked, `revoked` among them, to `file`. */
  async writeRevocations(file: string, ...revoked: readonly IssuedCertificate[]): Promise<void> {
    const signer = ['-config', join(this.directory, 'ca.cnf'), '-cert', this.ca, '-keyfile', this.#key];
    for (const { cert } of revoked) await run('openssl', ['ca', ...signer, '-revoke', cert]);
    await run('openssl', ['ca', ...signer, '-gencrl', '-crldays', '2', '-out', file]);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Encrypts a key with a passphrase, where it stands. */
export async function encryptKey({ key }: IssuedCertificate, passphrase: string): Promise<void> {
  const encrypted = `${key}.encrypted`;
  const how = ['-topk8', '-v2', 'aes-256-cbc', '-passout', `pass:${passphrase}`];
  await run('openssl', ['pkcs8', '-in', key, ...how, '-out', encrypted]);
  copyFileSync(encrypted, key);
}

/** Puts a renewed certificate where another one was. */
export function renew(from: IssuedCertificate, to: IssuedCertificate): void {
  copyFileSync(from.cert, to.cert);
  copyFileSync(from.key, to.key);
}

function newKey(rsa: boolean): readonly string[] {
  return rsa ? ['-newkey', 'rsa:2048'] : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
}

function caSettings(directory: string): string {
  return [
    '[ca]\ndefault_ca = own\n[own]',
    `database = ${join(directory, 'index.txt')}`,
    `new_certs_dir = ${directory}`,
    'rand_serial = yes\nunique_subject = no\ndefault_md = sha256\npolicy = any\ncopy_extensions = none',
    '[any]\ncommonName = supplied\n',
  ].join('\n');
}
