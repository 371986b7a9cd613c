import { z } from 'zod';
import { attributeTexts, keyword } from './attribute-texts.js';
import { boolean, choice, integer, key, list, size, text } from './kind.js';
import { network } from './network.js';

const KIB = 2 ** 10;

const sopClasses = list(
  text(/^[0-9]+(?:\.[0-9]+)*(?:\.\*)?$/, 'the UID of a SOP class'),
  'a list of UIDs of SOP classes such as [1.2.840.10008.5.1.4.1.1.2, 1.2.840.10008.5.1.4.1.1.88.*]',
);

const coercion = z.strictObject({
  peers: key(
    list(text(/./, 'the name of a peer or group'), 'a list of names of peers and groups such as [main]'),
    'Peers and groups in whose URLs the rule holds; all if left out.',
  ).exactOptional(),
  when: key(
    attributeTexts,
    'Which instances: those of which each of these attributes has a value that matches, with the wildcards `*` and `?`; an empty text stands for no value. All if left out. In the environment `PatientID=A*;IssuerOfPatientID=`.',
  ).exactOptional(),
  set: key(
    attributeTexts,
    'Attributes that get this value, whatever they had; `\\` stands between several.',
  ).exactOptional(),
  prefix: key(
    attributeTexts,
    'Attributes whose values get this in front, unless they are empty or begin so already.',
  ).exactOptional(),
  remove: key(
    list(keyword, 'a list of keywords such as [InstitutionAddress]'),
    'Attributes that go.',
  ).exactOptional(),
});

/** What may be stored, and by whom. */
const storePolicy = {
  enabled: key(
    boolean,
    'Whether anything is stored at all. If not, POST is answered 405; `peers.*.readOnly` says the same of one peer.',
  ).prefault(true),
  clients: key(
    list(network, 'a list of addresses and networks such as [10.0.0.0/8, 192.0.2.7]'),
    'Clients that may store, by the address that `http.trustProxy` makes of them; others are answered 403. Anybody if left out.',
  ).exactOptional(),
  maxRequestBytes: key(
    size(KIB),
    'Most bytes of one store request; `http.maxBodyBytes` holds too, and alone if left out.',
  ).exactOptional(),
  maxPerClient: key(
    integer(0, 100_000),
    'Most store requests of one client at once, by who that is or else by its address; more are answered 429. 0 means no limit.',
  ).prefault(64),
  sopClasses: z
    .strictObject({
      allow: key(
        sopClasses,
        'SOP classes whose instances are stored; those of others fail with reason 0122. All if left out. `.*` at the end stands for all that begin so.',
      ).exactOptional(),
      deny: key(sopClasses, 'SOP classes whose instances are not stored.').exactOptional(),
    })
    .prefault({}),
  coercions: z.record(z.string(), coercion).prefault({}),
};

/** What may be stored, and how. */
export const store = z.strictObject({
  maxPartBytes: key(size(KIB), 'Most bytes of one instance to be stored.').prefault('8 GiB'),
  maxMetadataBytes: key(
    size(KIB),
    'Most bytes of metadata, in DICOM JSON or XML, that one store request has waiting for their bulk data; they are read as a whole and take a few times as much memory meanwhile.',
  ).prefault('16 MiB'),
  missingAttributes: key(
    choice('refuse', 'store'),
    'What becomes of an instance that comes as metadata and lacks attributes of type 1, which nothing in its bulk data tells: `refuse` fails it and names them in the log, `store` leaves it to the peer.',
  ).prefault('refuse'),
  maxParts: key(integer(1, 1_000_000), 'Most instances in one store request.').prefault(100_000),
  parallel: key(
    integer(1, 100),
    'On how many associations instances are sent to a peer at once, those of all requests; `peers.*.storeParallel` for one peer. More is faster on long lines; dcmqrscp was seen to lose an instance that it had called stored when two came at once.',
  ).prefault(1),
  transcode: key(
    choice('never', 'lossless'),
    'What becomes of an instance in a transfer syntax that the peer does not take: a failure with its reason, or it is decoded to, or written in, an uncompressed one that the peer takes. With never the peer gets what the client sent, byte for byte.',
  ).prefault('never'),
  ...storePolicy,
});
