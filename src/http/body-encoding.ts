import type { Request } from 'express';
import { pipeline, Readable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { GatewayError } from '../core/index.js';

export interface InflateLimits {
  /** Most bytes, before and after. */
  readonly maxBodyBytes: number;
  /** Most bytes for each byte that came, once there are many. */
  readonly maxBodyRatio: number;
}

/** Codings of a request's body. @see RFC 9110 8.4.1 */
const decoders = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
} as const;
type Coding = keyof typeof decoders;
const isCoding = (coding: string): coding is Coding => Object.hasOwn(decoders, coding);
export const CODINGS = 'gzip, deflate';

/** Until here a body may be as small as it likes before: empty masks are real, and hurt nobody. */
const FREE_BYTES = 64 * 2 ** 20;

/** How the body is encoded; undefined when it is not. @throws GatewayError `unsupported-media-type` */
export function bodyCoding(request: Request): Coding | undefined {
  const coding = (request.get('content-encoding') ?? '').trim().toLowerCase();
  if (coding === '' || coding === 'identity') return undefined;
  if (isCoding(coding)) return coding;
  throw new GatewayError('unsupported-media-type', `A body may have one Content-Encoding of ${CODINGS}.`);
}

/**
 * What `chunks` hold once it is decoded, while it comes and no further ahead than a buffer.
 *
 * @throws GatewayError `bad-request` for what is not so encoded or ends early, `payload-too-large` for what becomes
 * too much, or what `chunks` throw
 */
export async function* decodedBody(
  chunks: AsyncIterable<Buffer>,
  coding: Coding,
  { maxBodyBytes, maxBodyRatio }: InflateLimits,
): AsyncGenerator<Buffer, void, undefined> {
  const inflater = decoders[coding]();
  // What goes wrong in either is thrown to who reads the latter.
  pipeline(Readable.from(chunks, { highWaterMark: 1 }), inflater, () => undefined);
  let total = 0;
  try {
    for await (const chunk of inflater as AsyncIterable<Buffer>) {
      total += chunk.length;
      const isBomb = total > FREE_BYTES && total > inflater.bytesWritten * maxBodyRatio;
      if (total > maxBodyBytes || isBomb)
        throw new GatewayError('payload-too-large', 'The body becomes too large when it is decoded.');
      yield chunk;
    }
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    const message = `The body is not in ${coding}, as its Content-Encoding says, or ends early.`;
    throw new GatewayError('bad-request', message, { cause: thrown });
  }
}
