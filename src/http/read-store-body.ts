import type { Request } from 'express';
import {
  abortReason,
  GatewayError,
  toGatewayError,
  type Clock,
  type OperationContext,
} from '../core/index.js';
import { MultipartReader, parseStoreContentType } from '../dicomweb/index.js';
import { bodyCoding, CODINGS, decodedBody, type InflateLimits } from './body-encoding.js';
import { BodyPace } from './body-pace.js';
import { tellToGoOn } from './expectation.js';
import type { StoreAnswer, StoreSession } from '../gateway/index.js';

export interface StoreBodyLimits extends InflateLimits {
  readonly maxParts: number;
  /** How long the client may send nothing while it is being listened to. */
  readonly bodyTimeoutMs: number;
  /** Fewest bytes in a second, over that time. */
  readonly minBodyRate: number;
}

export interface StoreBodyDependencies {
  readonly limits: StoreBodyLimits;
  readonly clock: Clock;
}

/**
 * The body's chunks, bounded in bytes and in silence. Time that the gateway itself takes does not count. Each is valid until
 * the next is asked for.
 *
 * @throws GatewayError `payload-too-large`, `bad-request` after too long a pause or when it comes too slowly, `cancelled`
 */
async function* chunksOf(
  request: Request,
  { limits, clock }: StoreBodyDependencies,
  context: OperationContext,
): AsyncGenerator<Buffer, void, undefined> {
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  let total = 0;
  const pace = new BodyPace(limits);
  try {
    for (;;) {
      const asked = clock.now();
      const next = await beforeSilence(chunks.next(), limits.bodyTimeoutMs, clock);
      if (context.signal.aborted) throw abortReason(context.signal);
      if (next.done) break;
      total += next.value.length;
      pace.took(clock.now() - asked, next.value.length);
      if (total > limits.maxBodyBytes) throw tooLarge(limits.maxBodyBytes);
      yield next.value;
    }
  } finally {
    void chunks.return?.();
  }
  if (!request.complete) throw new GatewayError('cancelled', 'The client has gone.');
}

const tooLarge = (maxBodyBytes: number): GatewayError =>
  new GatewayError('payload-too-large', `A request may hold ${maxBodyBytes} bytes at most.`);

function beforeSilence<T>(next: Promise<T>, timeoutMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => {
      reject(new GatewayError('bad-request', `The request's body paused for more than ${timeoutMs} ms.`));
    });
    next.then(resolve, reject).finally(cancel);
  });
}

/**
 * The body of a request, decoded, whose client is told to send it if it waits for that: everything before it is acceptable.
 *
 * @throws GatewayError `unsupported-media-type` for another encoding, `payload-too-large` for what is announced as too much;
 * while it is read as {@link chunksOf} and {@link decodedBody}
 */
export function bodyOf(
  request: Request,
  deps: StoreBodyDependencies,
  context: OperationContext,
): AsyncIterable<Buffer> {
  // Sent with the 415 too, where it says which would be taken.
  request.res?.setHeader('Accept-Encoding', CODINGS);
  const coding = bodyCoding(request);
  const announced = Number(request.get('content-length') ?? 0);
  if (announced > deps.limits.maxBodyBytes) throw tooLarge(deps.limits.maxBodyBytes);
  const sent = chunksOf(request, deps, context);
  tellToGoOn(request);
  return coding === undefined ? sent : decodedBody(sent, coding, deps.limits);
}

/**
 * Reads a store request's body into `session`, part by part, and resolves when the peer has answered for every part.
 *
 * A body that breaks off after whole parts is answered for those parts, with a failure for the broken one.
 *
 * @throws GatewayError `bad-request` when nothing was stored because the body is malformed @see rules S-02, S-03, S-08
 */
export async function readStoreBody(
  request: Request,
  session: StoreSession,
  deps: StoreBodyDependencies,
  context: OperationContext,
): Promise<StoreAnswer> {
  const content = parseStoreContentType(request.get('content-type'));
  session.begin(content.form);
  const chunks = bodyOf(request, deps, context);
  if (content.kind === 'single') {
    return readSingle(request.get('content-type') ?? '', chunks, session);
  }
  return readMultipart(chunks, content.boundary, session, deps);
}

async function readSingle(
  contentType: string,
  chunks: AsyncIterable<Buffer>,
  session: StoreSession,
): Promise<StoreAnswer> {
  try {
    session.beginPart(new Map([['content-type', contentType]]));
    for await (const chunk of chunks) await session.partData(chunk);
    await session.endPart();
  } catch (thrown) {
    session.abandon(toGatewayError(thrown));
    throw thrown;
  }
  return session.finish();
}

async function readMultipart(
  chunks: AsyncIterable<Buffer>,
  boundary: string,
  session: StoreSession,
  { limits }: StoreBodyDependencies,
): Promise<StoreAnswer> {
  const handler = {
    beginPart: (headers: ReadonlyMap<string, string>) => {
      session.beginPart(headers);
    },
    partData: (bytes: Buffer) => session.partData(bytes),
    endPart: () => session.endPart(),
  };
  const reader = new MultipartReader(boundary, handler, { maxParts: limits.maxParts });
  try {
    for await (const chunk of chunks) await reader.push(chunk);
    await reader.end();
  } catch (thrown) {
    const error = toGatewayError(thrown);
    if (error.code === 'cancelled') {
      session.abandon(error);
      throw error;
    }
    // Whatever was stored before must be told: then the broken rest is one failure among the others.
    const outcome = await session.breakOff(error);
    // So must what one member of a group has and another lacks, though it counts as a failure.
    if (outcome.status === 'none' && outcome.warnings.length === 0) throw error;
    return outcome;
  }
  return session.finish();
}
