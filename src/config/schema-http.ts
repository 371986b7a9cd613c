import { z } from 'zod';
import { duration, hostPort, integer, key, size, text, webUrl } from './kind.js';
import { trustProxy } from './trust-proxy.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** A path of unreserved characters: it stands in routes and in URLs that are sent out, so it needs no escaping. */
const basePath = text(/^(?:\/[A-Za-z0-9._~-]+)+$/, 'a path such as /dicomweb, without a slash at its end');

/** The listener of DICOMweb. */
export const http = z.strictObject({
  listen: key(hostPort, 'Where DICOMweb is served. Port 0 takes any free one.').prefault('127.0.0.1:8080'),
  basePath: key(
    basePath,
    'Path of the default peer; any peer or group is also at `/peers/{name}/dicomweb`.',
  ).prefault('/dicomweb'),
  publicUrl: key(
    webUrl,
    'Origin (and path prefix) that clients use, for RetrieveURL and BulkDataURI. Beyond loopback this or `http.trustProxy` must be set.',
  ).exactOptional(),
  trustProxy: key(
    trustProxy,
    'Whose `X-Forwarded-*` headers are believed: how many proxies stand in front, or their addresses.',
  ).prefault(false),
  headersTimeout: key(duration, "How long a request's line and headers may take to arrive.").prefault('30s'),
  bodyTimeout: key(duration, "How long a request's body may pause.").prefault('60s'),
  keepAliveTimeout: key(
    duration,
    'How long an idle connection is kept; longer than the idle time of a proxy in front, commonly 60 s.',
  ).prefault('75s'),
  maxHeaderBytes: key(size(KIB, MIB), "Most bytes of a request's line and headers.").prefault('32 KiB'),
  maxBodyBytes: key(size(KIB), "Most bytes of a request's body, as it comes and decoded.").prefault('64 GiB'),
  maxBodyRatio: key(
    integer(1, 100_000),
    "Most bytes that a request's body with a Content-Encoding becomes for each byte of it, once it has become 64 MiB.",
  ).prefault(200),
  maxConnections: key(integer(1, 100_000), 'Most client connections at once; more are closed.').prefault(
    2000,
  ),
  drainTimeout: key(duration, 'How long running requests may take to end after SIGTERM.').prefault('30s'),
});

/** The operator's listener. */
export const admin = z.strictObject({
  listen: key(
    hostPort,
    'Moves `/healthz`, `/readyz`, `/metrics` and the console to a listener of their own.',
  ).exactOptional(),
});
