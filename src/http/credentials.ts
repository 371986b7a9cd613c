import type { Request } from 'express';
import { TLSSocket } from 'node:tls';
import type { ClientCertificate, Credentials } from '../access/index.js';

/** What the request says of who sends it. */
export function credentialsOf(request: Request): Credentials {
  const certificate = certificateOf(request);
  return {
    // Node keeps the first one alone in `headers`.
    authorization: request.headersDistinct['authorization'] ?? [],
    ...(certificate && { certificate }),
  };
}

/** Of a connection whose other end has proved by a chain that is trusted here who it is. */
function certificateOf({ socket }: Request): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerX509Certificate();
  return certificate && { subject: certificate.subject, fingerprint256: certificate.fingerprint256 };
}
