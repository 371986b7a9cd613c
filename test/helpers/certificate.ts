import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate of 127.0.0.1 that signs itself, with its key, in files. */
export interface Certificate {
  readonly certPath: string;
  readonly keyPath: string;
  readonly pem: string;
  remove(): void;
}

/** Makes one with openssl, for a day. */
export function makeCertificate(): Certificate {
  const directory = mkdtempSync(join(tmpdir(), 'certificate-'));
  const certPath = join(directory, 'server.crt');
  const keyPath = join(directory, 'server.key');
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];
  execFileSync(
    'openssl',
    ['req', '-x509', ...key, ...subject, '-days', '1', '-keyout', keyPath, '-out', certPath],
    { stdio: 'pipe' },
  );
  return {
    certPath,
    keyPath,
    pem: readFileSync(certPath, 'utf8'),
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
