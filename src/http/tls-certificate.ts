import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { GatewayError, type Observe } from '../core/index.js';

/** TLS of a listener. */
export interface TlsOptions {
  /** Names it in the log. */
  readonly name: string;
  /** PEM files. */
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
  readonly clientAuth: 'none' | 'optional' | 'required';
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** How often the files are looked at. */
  readonly reloadMs: number;
}

/** What the files hold. */
export interface TlsMaterial {
  readonly context: SecureContextOptions;
  /** When the certificate expires, in milliseconds since 1970-01-01. */
  readonly expires: number;
  /** Tells whether anything has changed. */
  readonly digest: string;
}

/** Suites of TLS 1.2 with forward secrecy and authenticated encryption; those of 1.3 all are. @see RFC 9325 (BCP 195) 4.2 */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Reads the files of a listener. @throws GatewayError `internal` for what cannot be read, or does not fit together */
function readTls({ name, cert, key, ca, minVersion }: TlsOptions): TlsMaterial {
  try {
    const files = [cert, key, ...(ca === undefined ? [] : [ca])].map((file) => readFileSync(file));
    const [certBytes = Buffer.alloc(0), keyBytes = Buffer.alloc(0), caBytes] = files;
    const context: SecureContextOptions = {
      cert: certBytes,
      key: keyBytes,
      ...(caBytes && { ca: caBytes }),
      minVersion,
      ciphers: CIPHERS,
      honorCipherOrder: true,
    };
    // Throws when the key is not that of the certificate.
    createSecureContext(context);
    const expires = Date.parse(new X509Certificate(certBytes).validTo);
    const digest = createHash('sha256');
    for (const bytes of files) digest.update(`${bytes.length}\n`).update(bytes);
    return { context, expires, digest: digest.digest('base64') };
  } catch (cause) {
    const message = `The files of ${name}.tls cannot be used: ${cert} and ${key} must be readable PEM files of one certificate and its key.`;
    throw new GatewayError('internal', message, { cause });
  }
}

/** The certificate of a listener, which another may replace while it runs. */
export class TlsCertificate {
  readonly #options: TlsOptions;
  readonly #observe: Observe;
  #material: TlsMaterial;
  /** What a failure was told of last, so that it is told once. */
  #failed: string | undefined;
  #apply: (context: SecureContextOptions) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @throws GatewayError as `readTls` */
  constructor(options: TlsOptions, observe: Observe) {
    this.#options = options;
    this.#observe = observe;
    this.#material = readTls(options);
  }

  get context(): SecureContextOptions {
    return this.#material.context;
  }

  /** In milliseconds since 1970-01-01. */
  get expires(): number {
    return this.#material.expires;
  }

  /** Looks at the files from time to time; connections that are made from then on get what `apply` is given. */
  watch(apply: (context: SecureContextOptions) => void): void {
    this.#apply = apply;
    this.#timer = setInterval(() => {
      this.reload();
    }, this.#options.reloadMs);
    this.#timer.unref();
  }

  /** Looks at the files now. A pair that cannot be used leaves the one before in its place. */
  reload(): void {
    const { name } = this.#options;
    try {
      const material = readTls(this.#options);
      this.#failed = undefined;
      if (material.digest === this.#material.digest) return;
      this.#apply(material.context);
      this.#material = material;
      const until = new Date(material.expires).toISOString();
      const message = `${name}: another certificate is used from now on, until ${until}`;
      this.#observe({ kind: 'log', level: 'info', message });
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      const what = cause instanceof Error ? cause.message : '';
      if (this.#failed === what) return;
      this.#failed = what;
      const message = `${name}: the certificate is not replaced, because its files cannot be used`;
      this.#observe({ kind: 'log', level: 'error', message, error });
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
