import type { Config } from './config/index.js';
import type { Opened } from './compose-parts.js';
import type { TlsOptions } from './http/index.js';

/** TLS of a listener as it is configured. */
export function tlsOf(name: string, tls: Config['http']['tls']): TlsOptions | undefined {
  if (tls === undefined) return undefined;
  const { reloadEvery: reloadMs, ca, ...rest } = tls;
  return { ...rest, name, ca, reloadMs };
}

/** When the certificates of the listeners expire. */
export function expiriesOf({
  main,
  admin,
}: Pick<Opened, 'main' | 'admin'>): { labels: { listener: string }; value: number }[] {
  return Object.entries({ http: main, admin }).flatMap(([listener, server]) => {
    const { certificate } = server ?? {};
    return certificate ? [{ labels: { listener }, value: certificate.expires / 1000 }] : [];
  });
}
