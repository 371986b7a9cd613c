import type { ParsedConfig } from './schema.js';

/** What is wrong between the keys of DIMSE security. */
export function* brokenDimseSecurity({ dimse, peers }: ParsedConfig): Generator<string> {
  if (dimse.tls) yield* brokenServerTls(dimse.tls, dimse.listen !== undefined);
  if (dimse.userIdentity && Object.keys(dimse.userIdentity.users).length === 0)
    yield 'dimse.userIdentity.users: takes at least one user, or nobody could open an association';
  for (const [name, { tls, userIdentity, inbound }] of Object.entries(peers)) {
    if (inbound.certificates.length > 0 && dimse.tls?.ca === undefined)
      yield `peers.${name}.inbound.certificates: needs dimse.tls.ca, for nobody is asked for a certificate without it`;
    if (userIdentity) yield* brokenIdentity(`peers.${name}.userIdentity`, userIdentity);
    if (tls) yield* brokenPeerTls(`peers.${name}.tls`, tls);
  }
}

function* brokenServerTls(
  { ca, crl, requireClientCertificate }: NonNullable<ParsedConfig['dimse']['tls']>,
  listens: boolean,
): Generator<string> {
  if (!listens)
    yield 'dimse.tls: needs dimse.listen, for it is of those who connect to the gateway; towards a PACS it is peers.*.tls';
  if (requireClientCertificate && ca === undefined)
    yield 'dimse.tls.ca: is needed to tell good client certificates; where nobody has any, say dimse.tls.requireClientCertificate: false';
  if (crl !== undefined && ca === undefined)
    yield 'dimse.tls.crl: needs dimse.tls.ca, for nobody is asked for a certificate without it';
}

function* brokenPeerTls(
  path: string,
  {
    cert,
    key,
    passphraseFile,
    ca,
    crl,
    checkIdentity,
    whyUnchecked,
  }: NonNullable<ParsedConfig['peers'][string]['tls']>,
): Generator<string> {
  if ((cert === undefined) !== (key === undefined)) yield `${path}: cert and key belong together`;
  if (passphraseFile !== undefined && key === undefined)
    yield `${path}.passphraseFile: is that of a key, and there is no ${path}.key`;
  if (crl !== undefined && ca === undefined)
    yield `${path}.crl: needs ${path}.ca, for the lists are of the authorities that are named there`;
  if (!checkIdentity && whyUnchecked === undefined)
    yield `${path}.checkIdentity: false needs a reason in ${path}.whyUnchecked; where the certificate is for another name, give that name in ${path}.serverName instead`;
  if (checkIdentity && whyUnchecked !== undefined)
    yield `${path}.whyUnchecked: says why the name is not checked, and it is checked`;
}

type Identity = NonNullable<ParsedConfig['peers'][string]['userIdentity']>;

/** What each type takes, and nothing else. */
const identityKeys = {
  username: [['user']],
  passcode: [['user'], ['passcode', 'passcodeFile']],
  kerberos: [['file']],
  saml: [['file']],
  jwt: [['file']],
} as const satisfies Record<Identity['type'], readonly (readonly (keyof Identity)[])[]>;

function* brokenIdentity(path: string, identity: Identity): Generator<string> {
  const wanted: readonly (readonly (keyof Identity)[])[] = identityKeys[identity.type];
  for (const names of wanted) {
    const given = names.filter((name) => identity[name] !== undefined);
    if (given.length !== 1) yield `${path}: ${identity.type} takes ${names.join(' or ')}`;
  }
  for (const name of ['user', 'passcode', 'passcodeFile', 'file'] as const) {
    if (identity[name] !== undefined && !wanted.flat().includes(name))
      yield `${path}.${name}: is nothing that ${identity.type} takes`;
  }
}
