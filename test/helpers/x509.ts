/** Certificates of a test's own: a small writer of X.509, so that no program and no key in the repository is needed. */
import { createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const der = (tag: number, ...content: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const length =
    body.length < 128
      ? Buffer.of(body.length)
      : body.length < 256
        ? Buffer.of(0x81, body.length)
        : Buffer.of(0x82, body.length >> 8, body.length & 0xff);
  return Buffer.concat([Buffer.of(tag), length, body]);
};
const sequence = (...content: readonly Buffer[]): Buffer => der(0x30, ...content);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text));
const explicit = (index: number, content: Buffer): Buffer => der(0xa0 + index, content);
const name = (text: string): Buffer => sequence(der(0x31, sequence(oid('550403'), utf8(text))));
const time = (date: Date): Buffer =>
  der(
    0x18,
    Buffer.from(
      date
        .toISOString()
        .replace(/\.\d+Z/, 'Z')
        .replace(/[-:T]/g, ''),
    ),
  );
const extension = (id: string, content: Buffer): Buffer => sequence(oid(id), der(0x04, content));

const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));
let serial = 1;

/** A certificate for `127.0.0.1` and `localhost`, signed by `issuer` or, an authority then, by itself. */
export function makeCertificate(
  subject: string,
  issuer?: Certificate & { readonly subject: string },
): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const day = 24 * 3600 * 1000;
  const isAuthority = issuer === undefined;
  const extensions = sequence(
    extension('551d13', sequence(...(isAuthority ? [der(0x01, Buffer.of(0xff))] : []))),
    extension('551d11', sequence(der(0x87, Buffer.of(127, 0, 0, 1)), der(0x82, Buffer.from('localhost')))),
  );
  const tbs = sequence(
    explicit(0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.of(serial++)),
    ECDSA_WITH_SHA256,
    name(issuer?.subject ?? subject),
    sequence(time(new Date(Date.now() - day)), time(new Date(Date.now() + day))),
    name(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, extensions),
  );
  const signer: KeyObject = issuer ? createPrivateKey(issuer.key) : privateKey;
  const signature = sign('sha256', tbs, signer);
  const bytes = sequence(tbs, ECDSA_WITH_SHA256, der(0x03, Buffer.of(0), signature));
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
