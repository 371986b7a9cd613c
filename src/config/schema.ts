import { z } from 'zod';
import {
  aeTitle,
  boolean,
  choice,
  duration,
  durationOrOff,
  hostPort,
  integer,
  key,
  size,
  text,
  webUrl,
} from './kind.js';
import { commitment } from './schema-commitment.js';
import { group } from './schema-group.js';
import { peer } from './schema-peer.js';
import { store } from './schema-store.js';
import { transcode } from './schema-transcode.js';
import { trustProxy } from './trust-proxy.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** A path of unreserved characters: it stands in routes and in URLs that are sent out, so it needs no escaping. */
const basePath = text(/^(?:\/[A-Za-z0-9._~-]+)+$/, 'a path such as /dicomweb, without a slash at its end');
const directory = text(/^[^\0]+$/, 'a directory');

const http = z.strictObject({
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

const admin = z.strictObject({
  listen: key(
    hostPort,
    'Moves `/healthz`, `/readyz` and `/metrics` to a listener of their own.',
  ).exactOptional(),
});

const access = z.strictObject({
  anonymous: key(
    boolean,
    'Whether anybody who reaches the listener may read and store. Implied on loopback; elsewhere it must be said.',
  ).prefault(false),
});

const storageScp = z.strictObject({
  maxAssociations: key(integer(1, 1000), 'Most inbound associations at once; more are rejected.').prefault(
    16,
  ),
  associationTimeout: key(
    duration,
    'How long a connection may take to send its association request.',
  ).prefault('10s'),
  idleTimeout: key(duration, 'How long an inbound association may be silent.').prefault('60s'),
});

const dimse = z.strictObject({
  aeTitle: key(aeTitle, 'The AE title of the gateway, towards every peer.').prefault('GATEWAY'),
  listen: key(
    hostPort,
    'Where peers send instances (C-MOVE) and report storage commitment; leave out if every peer does C-GET, and reports on the association of the request or not at all.',
  ).exactOptional(),
  advertise: key(
    hostPort,
    'What the PACS must be told where NAT or a Service stands between; `dimse.listen` if left out.',
  ).exactOptional(),
  maxPduLength: key(
    size(4 * KIB, MIB),
    'Largest PDU that peers may send. DCMTK and Orthanc send up to 128 KiB.',
  ).prefault('128 KiB'),
  storageScp: storageScp.prefault({}),
});

const search = z.strictObject({
  maxResults: key(
    integer(1, 1_000_000),
    'Most results of one search; a Warning says when there are more.',
  ).prefault(50_000),
  maxUnlimited: key(
    integer(0, 1_000_000),
    'The same of a search without a limit, which is then answered as with this one; 0 means that it gets all there are, row by row.',
  ).prefault(0),
  lookAhead: key(
    integer(0, 1_000_000),
    'How many results beyond the limit are counted to say how many remain; and how many of an answer without a limit are waited for before the first is sent.',
  ).prefault(1000),
  lookAheadTime: key(
    durationOrOff,
    'How long after its first result an answer without limit and offset is waited for, once it is more than 100; 0 means until there are `search.lookAhead` results.',
  ).prefault('50ms'),
  emptyResponse: key(
    choice('200-empty-list', '204'),
    'What a search without results is answered with.',
  ).prefault('200-empty-list'),
  keepAnswers: key(
    durationOrOff,
    "How long the PACS's answer to a search is given to others who search for the same; 0 means only while it comes.",
  ).prefault(0),
  maxScan: key(
    integer(0, 10_000_000),
    'How many rows beside the times of a search by date and time are passed over, before the peer is asked for narrower slices where it can be (`peers.*.dateTime.plan`). And how many rows of all studies that a peer lists in vain, because it is not relied upon to match a key (`peers.*.profile.trustedKeys`), are looked through: more are answered 413.',
  ).prefault(10_000),
  maxSlices: key(
    integer(1, 1_000_000),
    'Most C-FINDs that a search by date is divided into when the peer cuts its answers; beyond it the answer is 413.',
  ).prefault(1000),
  order: key(
    choice('sorted', 'peer'),
    'Results of a search with a limit that finds no more than `search.lookAhead` are sorted (newest studies first, then by number and UID), so that its pages fit together; of one without, no more than 100, unless `search.lookAheadTime` is 0. Or they stay as the PACS lists them, as larger ones do.',
  ).prefault('sorted'),
  complete: key(
    choice('page', 'off'),
    'Whether modalities and counts that the PACS does not return are found out from the series, or instances, of the results that are sent; and whether a search by them is filtered so.',
  ).prefault('page'),
  completeWithin: key(
    duration,
    'How long a result waits for that; then this and all others of the search are sent as the PACS gave them, with a Warning.',
  ).prefault('5s'),
  completeInstances: key(
    integer(0, 1_000_000),
    'Most instances that one search lists to count them, where the PACS counts neither those of a study nor of a series.',
  ).prefault(10_000),
  maxPatients: key(
    integer(1, 1_000_000),
    'How many patients one search asks for their studies at most, at a peer that offers the Patient Root model alone; where more match it is answered 413.',
  ).prefault(2000),
  maxLookups: key(
    integer(1, 1_000_000),
    'Most studies of one search whose series are looked at because it is by ModalitiesInStudy (or the like) and the PACS does not return that; more are answered 413.',
  ).prefault(2000),
  joinConcurrency: key(integer(1, 100), 'How many lower-level queries of one search run at once.').prefault(
    2,
  ),
});

const retrieve = z.strictObject({
  batchInstances: key(
    integer(1, 1000),
    'How many instances one retrieve asks for when a series is spread over associations.',
  ).prefault(25),
  maxInstances: key(
    integer(1, 10_000_000),
    'Most instances of one retrieve; more are answered 413 (retrieve series by series).',
  ).prefault(100_000),
  backgroundInstances: key(
    integer(1, 1000),
    'How many instances one such retrieve asks for: the longest that a person may have to wait behind it.',
  ).prefault(5),
  cancelDelay: key(
    duration,
    'How long a retrieve goes on that nobody waits for any more, so that a reload does not start it anew.',
  ).prefault('5s'),
  headStart: key(
    durationOrOff,
    'When the listing of a series or study names nothing for so long beyond the time in which the peer can answer, the whole of it is asked for by C-GET meanwhile.',
  ).prefault('10ms'),
  retryAfter: key(
    duration,
    'What a client is told to wait whose images are still being fetched from a nearline archive.',
  ).prefault('30s'),
  refusalExpiry: key(duration, 'How long it is remembered that the peer refused an instance.').prefault('5m'),
  prefetch: key(
    choice('series', 'off'),
    'What follows when somebody opens an instance or a frame: the rest of its series, in the background, with what lies next to it first; or nothing.',
  ).prefault('series'),
  inlineBytes: key(
    size(0, MIB),
    'Binary values up to this stand in the metadata itself, larger ones behind a BulkDataURI.',
  ).prefault('4 KiB'),
});

const json = z.strictObject({
  numericStrings: key(
    choice('numbers', 'strings'),
    'How IS, DS, SV and UV stand in DICOM JSON, in results and in metadata: as numbers where a number says exactly the same (else as text), or always as text, spelled as the PACS spells it.',
  ).prefault('numbers'),
});

const preload = z.strictObject({
  parallel: key(integer(1, 100), 'How many preloads of one peer run at once; the others wait.').prefault(1),
  queue: key(integer(0, 10_000), 'Most preloads of one peer that wait; more are answered 503.').prefault(100),
  keep: key(duration, 'How long it is told how a preload ended.').prefault('10m'),
});

const disk = z.strictObject({
  directory: key(
    directory,
    'Where cached instances are kept, also from one start to the next. It belongs to one process at a time.',
  ),
  size: key(size(MIB), 'Most bytes on disk.').prefault('10 GiB'),
  keepFree: key(
    size(0),
    'Bytes that the file system keeps for others: the cache takes less, and gives back, when fewer are left.',
  ).prefault('1 GiB'),
  maxAge: key(durationOrOff, 'How long an instance is kept at most, also over restarts.').prefault('168h'),
});

const cache = z.strictObject({
  memory: key(size(MIB), 'Most bytes of instances in memory, arriving and finished.').prefault('96 MiB'),
  metadata: key(
    size(0),
    'Most bytes of metadata documents of studies and series that are kept as they were sent, also compressed.',
  ).prefault('16 MiB'),
  frames: key(
    size(0),
    'Most bytes of frames that are asked for again and again, kept in memory beside their instances; 0 for none.',
  ).prefault('16 MiB'),
  rendered: key(
    size(0),
    'Most bytes of pictures that were rendered, kept in memory beside their instances; 0 for none.',
  ).prefault('16 MiB'),
  disk: disk.exactOptional(),
  revalidateAfter: key(
    durationOrOff,
    'How long what the PACS said of a study is believed before it is asked again; what is cached is served only while it agrees.',
  ).prefault('10s'),
  relistAfter: key(
    durationOrOff,
    'How long the list of the instances of a study or series is believed when that is opened again (0: not at all). An instance that was replaced by another does not show in the counts.',
  ).prefault('10s'),
  stallTimeout: key(
    duration,
    'When the cache is full of what slow readers still need, a reader that took nothing for so long is cut off.',
  ).prefault('60s'),
});

const rendered = z.strictObject({
  maxPixels: key(
    integer(64, 16_384),
    'Most pixels of a picture in each direction, where the client says how large it is to be; more are answered 400.',
  ).prefault(4096),
  thumbnailPixels: key(
    integer(16, 2048),
    'Pixels of a thumbnail in each direction at most, where the client does not say; no image is made larger than it is.',
  ).prefault(256),
});

const limits = z.strictObject({
  depth: key(integer(1, 1000), 'Deepest nesting of sequences in a dataset.').prefault(64),
  elements: key(integer(1000, 1_000_000_000), 'Most elements in a dataset.').prefault(5_000_000),
  collectedBytes: key(size(64 * KIB, 2 ** 28), 'Most bytes of one value that is held as a whole.').prefault(
    '1 MiB',
  ),
});

const log = z.strictObject({
  level: key(
    choice('silent', 'error', 'warn', 'info', 'debug'),
    'The least important lines that are written.',
  ).prefault('info'),
});

/** The configuration as a whole: sections in the order in which they are printed. */
export const configSchema = z.strictObject({
  http: http.prefault({}),
  admin: admin.prefault({}),
  access: access.prefault({}),
  dimse: dimse.prefault({}),
  peers: z.record(z.string(), peer).prefault({}),
  groups: z.record(z.string(), group).prefault({}),
  defaultPeer: key(
    text(/./, 'the name of a peer or group'),
    'The peer or group behind `http.basePath`; the only peer if there is one.',
  ).exactOptional(),
  search: search.prefault({}),
  retrieve: retrieve.prefault({}),
  json: json.prefault({}),
  preload: preload.prefault({}),
  store: store.prefault({}),
  commitment: commitment.prefault({}),
  cache: cache.prefault({}),
  transcode: transcode.prefault({}),
  rendered: rendered.prefault({}),
  limits: limits.prefault({}),
  log: log.prefault({}),
});

/** What the schema makes of a file, before the rules between keys. */
export type ParsedConfig = z.output<typeof configSchema>;
