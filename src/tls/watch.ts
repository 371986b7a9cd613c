import { GatewayError, toGatewayError, type Clock, type Observe } from '../core/index.js';
import { readMaterial, type CertificateFiles, type CertificateMaterial } from './material.js';

/** Files that are read again, and who uses them. */
export interface CertificateOptions {
  /** Who uses them, in metrics and log lines: such as `http`, `dimse`, `peer:main`. */
  readonly listener: string;
  /** The part of the configuration that names the files, such as `dimse.tls`. */
  readonly what: string;
  readonly files: CertificateFiles;
}

/** Certificates that are renewed while they are in use. */
export interface WatchedCertificates {
  readonly listener: string;
  /** What is to be used for the next connection. */
  readonly current: CertificateMaterial;
  /** Calls `listener` with what is in the files, each time that it is something new and good. */
  onRenewed(listener: (material: CertificateMaterial) => void): void;
}

export interface CertificateDependencies {
  readonly observe: Observe;
  readonly clock: Clock;
  /** How often the files are looked at, in milliseconds; 0 = only when `reload` is called. */
  readonly intervalMs: number;
}

/**
 * All certificates of a gateway. Files are read, not watched: of mounted secrets and of files over a network no event
 * comes. What has changed and is good takes the place of what was there; what is not good is told once, counted, and
 * what was there goes on being used.
 */
export class Certificates {
  readonly #dependencies: CertificateDependencies;
  /** As many as the configuration names. */
  readonly #watched: Watched[] = [];
  #cancel: () => void = () => undefined;
  #reading: Promise<void> | undefined;
  #isClosed = false;

  constructor(dependencies: CertificateDependencies) {
    this.#dependencies = dependencies;
    this.#schedule();
  }

  /** Reads files, and keeps an eye on them from now on. @throws GatewayError `internal` when they are not good */
  async watch(options: CertificateOptions): Promise<WatchedCertificates> {
    const { observe } = this.#dependencies;
    const watched = new Watched(options, await readMaterial(options.files, options.what), observe);
    this.#watched.push(watched);
    return watched;
  }

  /** When the first certificate of each own chain ends, in seconds since 1970. */
  get expiries(): readonly { readonly listener: string; readonly seconds: number }[] {
    return this.#watched.flatMap(({ listener, current: { expiresAt } }) =>
      expiresAt === undefined ? [] : [{ listener, seconds: expiresAt / 1000 }],
    );
  }

  /** Reads all files again, now. Never rejects: what is not good is told. */
  reload(): Promise<void> {
    this.#reading ??= this.#reloadAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Nothing is read any more. */
  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  async #reloadAll(): Promise<void> {
    for (const watched of this.#watched) await watched.reload();
  }

  #schedule(): void {
    const { clock, intervalMs } = this.#dependencies;
    if (intervalMs === 0) return;
    this.#cancel = clock.after(intervalMs, () => {
      void this.reload().then(() => {
        if (!this.#isClosed) this.#schedule();
      });
    });
  }
}

class Watched implements WatchedCertificates {
  readonly listener: string;
  readonly #options: CertificateOptions;
  readonly #observe: Observe;
  readonly #listeners: ((material: CertificateMaterial) => void)[] = [];
  /** Why the files could not be used when they were read last. */
  #refusal: string | undefined;
  current: CertificateMaterial;

  constructor(options: CertificateOptions, material: CertificateMaterial, observe: Observe) {
    this.listener = options.listener;
    this.#options = options;
    this.#observe = observe;
    this.current = material;
    this.#tell('loaded');
  }

  onRenewed(listener: (material: CertificateMaterial) => void): void {
    this.#listeners.push(listener);
  }

  async reload(): Promise<void> {
    const { files, what } = this.#options;
    try {
      const material = await readMaterial(files, what);
      if (!isSame(material, this.current)) {
        const before = this.current;
        this.current = material;
        this.#apply(material, before);
        this.#tell('renewed');
      }
      this.#refusal = undefined;
    } catch (thrown) {
      const error = toGatewayError(thrown);
      // Files that stay broken are told once, not at every look.
      if (this.#refusal === error.message) return;
      this.#refusal = error.message;
      this.#tell('refused', error);
    }
  }

  /** What one of those who use it cannot use, none is to use. */
  #apply(material: CertificateMaterial, before: CertificateMaterial): void {
    try {
      for (const listener of this.#listeners) listener(material);
    } catch (cause) {
      this.current = before;
      for (const listener of this.#listeners) listener(before);
      throw new GatewayError('internal', `${this.#options.what} cannot be used.`, { cause });
    }
  }

  #tell(event: 'loaded' | 'renewed' | 'refused', error?: GatewayError): void {
    const { expiresAt } = this.current;
    this.#observe({
      kind: 'certificate',
      listener: this.listener,
      event,
      ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
      ...(expiresAt !== undefined && expiresAt < Date.now() && { expired: true as const }),
      ...(error && { error }),
    });
  }
}

function isSame(one: CertificateMaterial, other: CertificateMaterial): boolean {
  return (['cert', 'key', 'ca', 'crl'] as const).every((name) => {
    const [left, right] = [one[name], other[name]];
    return left && right ? left.equals(right) : left === right;
  });
}
