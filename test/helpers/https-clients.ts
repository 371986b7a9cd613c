import http2 from 'node:http2';
import https from 'node:https';

/** An answer as it came, and whether it came to its end. */
export interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  readonly complete: boolean;
}

/** GETs over HTTP/1.1 or HTTP/2 from a server whose certificate is trusted by itself. */
export type Get = (url: string, headers?: Readonly<Record<string, string>>) => Promise<Received>;

export const getHttp1 =
  (ca: string): Get =>
  (url, headers = {}) =>
    new Promise((resolve, reject) => {
      const request = https.get(url, { ca, headers: { ...headers }, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => undefined);
        response.on('close', () => {
          const { statusCode: status = 0, complete } = response;
          resolve({ status, headers: response.headers, body: Buffer.concat(chunks), complete });
        });
      });
      request.on('error', reject);
    });

export const getHttp2 =
  (ca: string): Get =>
  (url, headers = {}) =>
    new Promise((resolve, reject) => {
      const { origin, pathname, search } = new URL(url);
      const session = http2.connect(origin, { ca });
      session.on('error', reject);
      const stream = session.request({ ':path': pathname + search, ...headers });
      const chunks: Buffer[] = [];
      let received: Readonly<Record<string, unknown>> = {};
      let ended = false;
      stream.on('response', (all) => (received = all));
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => (ended = true));
      stream.on('error', () => undefined);
      stream.on('close', () => {
        const complete = ended && stream.rstCode === http2.constants.NGHTTP2_NO_ERROR;
        session.destroy();
        resolve({
          status: Number(received[':status'] ?? 0),
          headers: received,
          body: Buffer.concat(chunks),
          complete,
        });
      });
    });
