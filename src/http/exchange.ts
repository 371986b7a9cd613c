import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Request, Response } from 'express';
import type { Admission } from '../access/index.js';
import {
  GatewayError,
  toGatewayError,
  type Observation,
  type Observe,
  type OperationContext,
  type Principal,
} from '../core/index.js';
import { sendProblem } from './problem.js';
import { resetConnection } from './reset-connection.js';
import { statusOf } from './status.js';

/** Ids of requests that come from outside go into logs and headers, so they are taken only if they are plain. */
const PLAIN_ID = /^[\w.:-]{1,64}$/;

/** @see W3C Trace Context 3.2.2 */
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The trace that a proxy which is believed (`http.trustProxy`) put the request in: a stranger must not choose what is traced. */
function traceparentOf(request: Request): string | undefined {
  // What Express has made of the setting.
  const trusts = request.app.get('trust proxy fn') as (address: string | undefined, hop: number) => boolean;
  if (!trusts(request.socket.remoteAddress, 0)) return undefined;
  const given = request.get('traceparent');
  return given !== undefined && TRACEPARENT.test(given) ? given : undefined;
}

/** How a request ended. */
export type ExchangeEnd = Extract<Observation, { kind: 'http-request' }>;

/** One request and its response, from the first header to the last byte or the reset. */
export class Exchange {
  readonly requestId: string;
  #context: OperationContext;
  readonly #request: Request;
  readonly #response: Response;
  readonly #observe: Observe;
  readonly #route: string;
  readonly #started = performance.now();
  readonly #controller = new AbortController();
  readonly #bytesBefore: number;
  #error: GatewayError | undefined;
  #firstByteMs: number | undefined;
  #isFollowed = false;
  /** The name that somebody gave who was not believed, for the audit trail alone. */
  claimed: string | undefined;
  /** Is called before the head of the answer is written, once, with the time so far. */
  onHead: (elapsedMs: number) => void = () => undefined;
  /** Hears how it ended. */
  onEnd: (end: ExchangeEnd) => void = () => undefined;

  constructor(request: Request, response: Response, route: string, observe: Observe) {
    this.#request = request;
    this.#response = response;
    this.#route = route;
    this.#observe = observe;
    const given = request.get('x-request-id');
    this.requestId = given !== undefined && PLAIN_ID.test(given) ? given : randomUUID();
    // As many wait for it as the request has instances on their way.
    setMaxListeners(0, this.#controller.signal);
    this.#context = { requestId: this.requestId, signal: this.#controller.signal };
    this.#bytesBefore = request.socket.bytesWritten;
    const traceparent = traceparentOf(request);
    const { requestId } = this;
    observe({
      kind: 'http-started',
      requestId,
      method: request.method,
      route,
      ...(traceparent !== undefined && { traceparent }),
    });
    response.setHeader('X-Request-Id', this.requestId);
    this.#watchFirstByte();
    const gone = (): void => {
      this.#controller.abort(new GatewayError('cancelled', 'The client has gone.'));
      response.destroy();
      // One that waits for its turn on the connection has no socket, and Node tells nobody that it is over.
      if (!response.socket) response.emit('close');
    };
    // Of pipelined requests Node tells only the one that is being answered that the socket has gone.
    request.socket.once('close', gone);
    response.on('error', () => undefined); // what fails is told to whoever writes
    response.once('close', () => {
      request.socket.off('close', gone);
      this.#onClose();
    });
  }

  get context(): OperationContext {
    return this.#context;
  }

  /** It is known who asks, and not yet whether that one may. */
  identified(principal: Principal): void {
    this.#context = { ...this.#context, principal };
  }

  /** Who asks may: whatever is done from now on is done for that one. */
  admitted({ principal, restriction }: Admission): void {
    this.#context = { ...this.#context, principal, ...(restriction && { restriction }) };
  }

  /** The answer tells of what goes on, for as long as the client likes: who leaves it has broken nothing off. */
  followed(): void {
    this.#isFollowed = true;
  }

  /** Runs a handler; what it throws becomes a problem document, or a reset once the body has begun. */
  async run(handler: () => Promise<void> | void): Promise<void> {
    try {
      await handler();
    } catch (thrown) {
      this.#fail(toGatewayError(thrown));
    }
  }

  /** Node tells of the last byte, not of the first: the head goes out with it. */
  #watchFirstByte(): void {
    const response = this.#response;
    const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => Response;
    response.writeHead = (...args: unknown[]) => {
      if (this.#firstByteMs === undefined) {
        this.#firstByteMs = performance.now() - this.#started;
        this.onHead(this.#firstByteMs);
      }
      return writeHead(...args);
    };
  }

  #fail(error: GatewayError): void {
    this.#error = error;
    if (this.#response.destroyed || this.#response.writableEnded) return;
    if (!this.#response.headersSent) {
      sendProblem(this.#response, error, this.requestId);
      return;
    }
    // A body that ends early must be seen to be broken, also behind a proxy that talks HTTP/1.0 to us, to which an
    // ordinary close is a complete answer.
    resetConnection(this.#request.socket);
  }

  /** Whether the client has left what it followed, and nothing else ended it. */
  #wasLeft(): boolean {
    const isLeaving = this.#error === undefined || this.#error.code === 'cancelled';
    return this.#isFollowed && isLeaving && this.#response.headersSent;
  }

  #onClose(): void {
    const isFinished = this.#response.writableFinished;
    if (!isFinished) this.#controller.abort(new GatewayError('cancelled', 'The client has gone.'));
    const wasLeft = this.#wasLeft();
    const complete = isFinished || wasLeft;
    const error = wasLeft ? undefined : this.#error;
    const cutOff = error === undefined && !complete;
    const end: ExchangeEnd = {
      kind: 'http-request',
      requestId: this.requestId,
      method: this.#request.method,
      route: this.#route,
      status: cutOff && !this.#response.headersSent ? statusOf.cancelled : this.#response.statusCode,
      ...(this.#firstByteMs !== undefined && { firstByteMs: this.#firstByteMs }),
      durationMs: performance.now() - this.#started,
      bytesOut: this.#request.socket.bytesWritten - this.#bytesBefore,
      complete,
      ...(this.#isFollowed && { isFollowed: true }),
      ...(error ? { errorCode: error.code, error } : {}),
    };
    this.#observe(end);
    this.onEnd(end);
  }
}
