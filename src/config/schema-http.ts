import { z } from 'zod';
import { boolean, choice, duration, hostPort, integer, key, list, size, text, webUrl } from './kind.js';
import { trustProxy } from './trust-proxy.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** A path of unreserved characters: it stands in routes and in URLs that are sent out, so it needs no escaping. */
const basePath = text(/^(?:\/[A-Za-z0-9._~-]+)+$/, 'a path such as /dicomweb, without a slash at its end');

const file = text(/^[^\0]+$/, 'a file');

/** TLS of a listener; its files are read again when they change (`certificates.reloadInterval`). */
const tls = z.strictObject({
  cert: key(file, 'PEM file with the certificate, and those between it and the root after it.'),
  key: key(file, 'PEM file with its private key.'),
  passphraseFile: key(
    file,
    'File whose first line is the passphrase of the key, where it has one.',
  ).exactOptional(),
  ca: key(file, 'PEM file with the authorities whose client certificates are believed.').exactOptional(),
  crl: key(
    file,
    'PEM file with the certificates that they have revoked: a list in force of each authority up to the root. Without it revocation is not looked at.',
  ).exactOptional(),
  clientAuth: key(
    choice('none', 'optional', 'required'),
    'Whether clients are asked for a certificate. `required` ends connections without one that `ca` has signed; with `optional` one that is not counts as none.',
  ).prefault('none'),
  minVersion: key(choice('TLSv1.2', 'TLSv1.3'), 'The oldest version that is spoken.').prefault('TLSv1.2'),
});

const origin = text(
  /^https?:\/\/(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/,
  'an origin such as https://viewer.example, as browsers say it: no path, no slash at its end, no * and no port that goes without saying',
);

const cors = z.strictObject({
  origins: key(
    list(origin, 'a list of origins such as [https://viewer.example]', 0),
    'Origins whose pages may read the answers. A page of the origin of the gateway itself needs none.',
  ).prefault([]),
  credentials: key(
    boolean,
    'Whether they may do so with what the browser adds by itself (passwords that it knows, certificates). Viewers that send a token do not need it.',
  ).prefault(false),
  maxAge: key(duration, 'How long a browser need not ask again whether it may send a request.').prefault(
    '2h',
  ),
});

const crossOrigin = z.strictObject({
  resourcePolicy: key(
    choice('same-origin', 'same-site', 'cross-origin'),
    'Cross-Origin-Resource-Policy: whose pages may embed pictures and the like without asking. Pages with shared memory (OHIF) that show thumbnails by an `img` of another site need cross-origin.',
  ).prefault('same-origin'),
  openerPolicy: key(
    choice('same-origin', 'same-origin-allow-popups', 'unsafe-none'),
    'Cross-Origin-Opener-Policy of what is opened as a page.',
  ).prefault('same-origin'),
  embedderPolicy: key(
    choice('require-corp', 'credentialless', 'unsafe-none'),
    'Cross-Origin-Embedder-Policy of what is opened as a page or shown in a frame.',
  ).prefault('require-corp'),
});

const rateLimit = z.strictObject({
  requests: key(
    integer(0, 10_000_000),
    'Most requests of one client within `http.rateLimit.within`, by who that is or else by its address; more are answered 429. Probes and the files of the console are not counted. 0 means no limit. A viewer asks for each frame: hundreds within a second.',
  ).prefault(0),
  within: key(duration, 'The span of time that is counted in.').prefault('10s'),
});

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
  minBodyRate: key(
    size(0, MIB),
    "Fewest bytes in a second of a request's body, over `http.bodyTimeout` that the gateway waits for them; 0 for none.",
  ).prefault(100),
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
  maxConnectionsPerClient: key(
    integer(1, 100_000),
    'Most connections of one address at once; more are closed. Behind a proxy all are of its address.',
  ).prefault(1000),
  maxPipelined: key(
    integer(1, 1000),
    'Most requests of one connection that wait for their answers, where a client sends some without waiting; with one more the connection ends.',
  ).prefault(16),
  serverTiming: key(
    choice('off', 'asked', 'always'),
    'Whether answers say in `Server-Timing` what they waited for: to clients that ask for it with `Prefer: server-timing`, always, or never.',
  ).prefault('asked'),
  drainTimeout: key(duration, 'How long running requests may take to end after SIGTERM.').prefault('30s'),
  tls: tls.exactOptional(),
  cors: cors.prefault({}),
  crossOrigin: crossOrigin.prefault({}),
  rateLimit: rateLimit.prefault({}),
});

/** The operator's listener. */
export const admin = z.strictObject({
  listen: key(
    hostPort,
    'Moves `/healthz`, `/readyz`, `/metrics` and the console to a listener of their own.',
  ).exactOptional(),
  tls: tls.exactOptional(),
});
