import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect, createSecureContext, type ConnectionOptions } from 'node:tls';
import { operatorsToken } from './compose-access.js';
import type { Config } from './config/index.js';
import { GatewayError } from './core/index.js';

export interface PurgeOptions {
  readonly study?: string | undefined;
  readonly patient?: string | undefined;
  readonly all?: boolean | undefined;
  readonly peer?: string | undefined;
  /** A file with the token of one who may do all of the operator's. */
  readonly tokenFile?: string | undefined;
  /** PEM files of a client certificate, with what chains it to its authority, and of its key. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** A running gateway answers at once, unless it has to ask the PACS for a patient's studies. */
const ANSWER_MS = 60_000;
const MOST_BYTES = 64 * 1024;

interface Place {
  readonly host: string;
  readonly port: number;
  /** PEM file of the certificate that is to be met there. */
  readonly cert: string | undefined;
  /** Whether it lets nobody in without a client certificate. */
  readonly wantsCertificate: boolean;
  /** What is shown there. */
  readonly shown: Pick<ConnectionOptions, 'secureContext'>;
}

/** Where the running gateway of this configuration takes a purge. */
function placeOf({ http, admin }: Config, shown: Place['shown']): Place {
  const listener = admin.listen ? { listen: admin.listen, tls: admin.tls } : http;
  const { host, port } = listener.listen;
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const wantsCertificate = listener.tls?.clientAuth === 'required';
  return { host: reachable, port, cert: listener.tls?.cert, wantsCertificate, shown };
}

/** @throws GatewayError `bad-request` when one is missing, or cannot be read or used */
function clientCertificate({ certFile, keyFile }: PurgeOptions): Place['shown'] {
  if (certFile === undefined && keyFile === undefined) return {};
  if (certFile === undefined || keyFile === undefined)
    throw new GatewayError('bad-request', '--cert and --key belong together.');
  try {
    const [cert, key] = [readFileSync(certFile), readFileSync(keyFile)];
    return { secureContext: createSecureContext({ cert, key }) };
  } catch (cause) {
    const message = 'What --cert and --key name cannot be read, or is no certificate with its key.';
    throw new GatewayError('bad-request', message, { cause });
  }
}

/**
 * Asks the running gateway of `config` to drop instances from its cache; returns what it says.
 * @throws GatewayError when it does not run, or refuses
 */
export async function requestPurge(config: Config, options: PurgeOptions): Promise<string> {
  const { study, patient, all, peer, tokenFile } = options;
  const place = placeOf(config, clientCertificate(options));
  if (place.wantsCertificate && place.shown.secureContext === undefined) {
    const message =
      'The gateway lets nobody in without a client certificate, and this command has none. Name the files of one who may purge by --cert and --key.';
    throw new GatewayError('bad-request', message);
  }
  const token = operatorsToken(config, tokenFile);
  const headers = {
    'content-type': 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const { status, text } = await post(place, headers, JSON.stringify({ study, patient, all, peer })).catch(
    (cause: unknown) => {
      if (cause instanceof GatewayError) throw cause;
      const message = 'The gateway of this configuration does not answer. Does it run?';
      throw new GatewayError('bad-request', message, { cause });
    },
  );
  const answer = parse(text);
  if (status === 200 && answer.dropped !== undefined)
    return `${answer.dropped} instances dropped from the cache`;
  const hint =
    status === 401 || status === 403
      ? ' Name a file with the token of an admin by --token-file, or a certificate by --cert and --key.'
      : '';
  throw new GatewayError('bad-request', (answer.detail ?? `The gateway answered ${status}.`) + hint);
}

function parse(text: string): { readonly dropped?: number; readonly detail?: string } {
  try {
    return JSON.parse(text) as { readonly dropped?: number; readonly detail?: string };
  } catch {
    return {};
  }
}

async function post(
  place: Place,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const { host, port } = place;
  const signal = AbortSignal.timeout(ANSWER_MS);
  const options: RequestOptions = { host, port, path: '/cache/purge', method: 'POST', headers, signal };
  const connected = await connection(place);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = httpRequest(
      { ...options, ...(connected && { createConnection: () => connected }) },
      resolve,
    );
    sent.on('error', reject).end(body);
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new GatewayError('bad-request', 'The gateway answers with too much.');
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
}

/**
 * With TLS, a connection on which the very certificate of the configuration was met: its name need not be that of the
 * address, and nothing secret is sent before.
 */
async function connection({
  host,
  port,
  cert,
  shown,
}: Place): Promise<ReturnType<typeof connect> | undefined> {
  if (cert === undefined) return undefined;
  const expected = new X509Certificate(readFileSync(cert)).fingerprint256;
  const socket = connect({ ...shown, host, port, rejectUnauthorized: false, timeout: ANSWER_MS });
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve).once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error('no answer')));
  });
  if (socket.getPeerX509Certificate()?.fingerprint256 === expected) return socket;
  socket.destroy();
  throw new GatewayError('bad-request', 'What answers there has another certificate than the configuration.');
}
