import type { Request } from 'express';

/** How the gateway's own URLs begin. */
export interface ServiceUrlOptions {
  /** Configured origin and prefix that clients use. */
  readonly publicUrl: string | undefined;
  /** Whether the proxy in front is believed, for then its host is the public one. */
  readonly trustProxy: boolean;
  /** Origin of the listener, for when nothing else is known. */
  readonly listenOrigin: () => string;
}

/** A host, with a port or without, that can stand in a URL and a header. */
const HOST = /^(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/**
 * Whether a request was meant for this machine, or for the configured URL: a page may have a browser send it here under a
 * name of its own that it has had resolved to this machine, and read what is answered.
 */
export function isForHere(host: string | undefined, publicUrl: string | undefined): boolean {
  if (host === undefined || LOOPBACK.test(host)) return true;
  return publicUrl !== undefined && new URL(publicUrl).host === host.toLowerCase();
}

/**
 * The base URL of RetrieveURL, BulkDataURI and Content-Location, with the service's path.
 *
 * The Host header alone is not believed, except where it names loopback, which leads nobody astray.
 *
 * @see rule Q-41
 */
export function serviceUrlOf(request: Request, options: ServiceUrlOptions): string {
  return originOf(request, options) + request.baseUrl;
}

function originOf(request: Request, { publicUrl, trustProxy, listenOrigin }: ServiceUrlOptions): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/+$/, '');
  const host = trustProxy ? request.host : request.get('host');
  if (host === undefined || !(trustProxy ? HOST : LOOPBACK).test(host)) return listenOrigin();
  return `${request.protocol}://${host}`;
}
