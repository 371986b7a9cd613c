import { z } from 'zod';
import { attributeTexts, keyword } from './attribute-texts.js';
import { boolean, key, list, size, text } from './kind.js';
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
export const storePolicy = {
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
