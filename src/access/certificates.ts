import type { AccessSettings, ClientCertificate, Known } from './contract.js';

/** A name whose attributes stand in any order, one to a line; commas or lines between, and a backslash before those that are none. */
function normalizedSubject(text: string): string {
  const parts = text.split(/(?<!\\)[,\n]/).map((part) => part.trim().replace(/\\(.)/g, '$1'));
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      const [type = '', ...value] = part.split('=');
      return `${type.trim().toUpperCase()}=${value.join('=').trim()}`;
    })
    .sort()
    .join('\n');
}

const normalizedFingerprint = (text: string): string => text.replaceAll(':', '').toUpperCase();

/** Who is known by this certificate: it has all that is configured of one of them, and nothing more in its subject. */
export function ownerOf(
  known: AccessSettings['certificates'],
  certificate: ClientCertificate,
): Known | undefined {
  const subject = normalizedSubject(certificate.subject);
  const fingerprint = normalizedFingerprint(certificate.fingerprint256);
  return known.find((one) => {
    const isSubject = one.subject === undefined || normalizedSubject(one.subject) === subject;
    const isOne = one.fingerprint === undefined || normalizedFingerprint(one.fingerprint) === fingerprint;
    return isSubject && isOne && (one.subject ?? one.fingerprint) !== undefined;
  });
}
