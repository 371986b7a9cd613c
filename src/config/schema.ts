import { z } from 'zod';
import { choice, duration, durationOrOff, integer, key, size, text } from './kind.js';
import { access } from './schema-access.js';
import { audit } from './schema-audit.js';
import { certificates } from './schema-certificates.js';
import { commitment } from './schema-commitment.js';
import { console_ } from './schema-console.js';
import { dimse } from './schema-dimse.js';
import { group } from './schema-group.js';
import { admin, http } from './schema-http.js';
import { peer } from './schema-peer.js';
import { search } from './schema-search.js';
import { store } from './schema-store.js';
import { tracing } from './schema-tracing.js';
import { transcode } from './schema-transcode.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;

const directory = text(/^[^\0]+$/, 'a directory');

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
  refusalExpiry: key(
    duration,
    'How long it is remembered at most that the peer listed an instance and did not deliver it: five seconds at first, and twice as long each time that it happens again.',
  ).prefault('5m'),
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
  answerWithin: key(
    durationOrOff,
    'How long the answer to a new preload waits for the PACS to say whether it has the study, which is 404 where it does not; then it is 202 all the same. 0 means that the PACS is not asked before.',
  ).prefault('2s'),
  keep: key(duration, 'How long it is told how a preload ended.').prefault('10m'),
});

const disk = z.strictObject({
  directory: key(
    directory,
    'Where cached instances are kept, also from one start to the next. It belongs to one process at a time.',
  ),
  exposed: key(
    choice('warn', 'refuse'),
    'What becomes of the start when others than the user of the gateway may write to the directory or list it: a line in the log, or its end.',
  ).prefault('warn'),
  size: key(size(MIB), 'Most bytes on disk.').prefault('10 GiB'),
  keepFree: key(
    size(0),
    'Bytes that the file system keeps for others: the cache takes less, and gives back, when fewer are left.',
  ).prefault('1 GiB'),
  maxAge: key(durationOrOff, 'How long an instance is kept at most, also over restarts.').prefault('168h'),
  writeAfter: key(
    durationOrOff,
    'How long an instance that has come is in memory alone at most: then it is copied to disk, where the next start finds it though the process was killed. 0 means as long as memory has room for it; a process that ends in order writes it in any case.',
  ).prefault('2s'),
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
  reopenAfter: key(
    durationOrOff,
    'The same for who opens a study or series (its instances, metadata, pictures or archive): never longer than `cache.revalidateAfter`.',
  ).prefault('1s'),
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
  console: console_.prefault({}),
  access: access.prefault({}),
  certificates: certificates.prefault({}),
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
  audit: audit.prefault({}),
  log: log.prefault({}),
  tracing: tracing.prefault({}),
});

/** What the schema makes of a file, before the rules between keys. */
export type ParsedConfig = z.output<typeof configSchema>;
