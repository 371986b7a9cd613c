import {
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { Observation } from '../core/index.js';

export interface TracingOptions {
  /** Where spans go by OTLP over HTTP; what `OTEL_EXPORTER_OTLP_ENDPOINT` says when left out. */
  readonly endpoint?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly serviceName: string;
  readonly version: string;
  /** Of the requests that no caller has decided about, the part that is traced. */
  readonly ratio: number;
}

/** Makes spans of observations. */
export interface Tracing {
  readonly observe: (observation: Observation) => void;
  /** The trace of a request that runs, where it is sampled. */
  readonly traceOf: (requestId: string) => string | undefined;
  /** Sends what waits, for some seconds at most. */
  readonly close: () => Promise<void>;
}

/** Requests that run at the same time and are traced, some 500 bytes each; more are not traced. */
const MOST_REQUESTS = 10_000;
/** Spans that wait to be sent; more are dropped. */
const MOST_WAITING = 2048;
const EXPORT_MS = 5000;

interface Request {
  readonly span: Span;
  readonly context: Context;
}

/** Opens the exporter. Spans hold what observations hold: no identifiers of patients, no UIDs, no paths. */
export function createTracing(options: TracingOptions): Tracing {
  const { endpoint, headers, serviceName, version, ratio } = options;
  const exporter = new OTLPTraceExporter({
    ...(endpoint !== undefined && { url: `${endpoint}/v1/traces` }),
    ...(headers && { headers }),
    timeoutMillis: EXPORT_MS,
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [
      new BatchSpanProcessor(exporter, { maxQueueSize: MOST_WAITING, exportTimeoutMillis: EXPORT_MS }),
    ],
  });
  const spans = new RequestSpans(provider.getTracer('dicomweb-gateway', version));
  return {
    observe: (observation) => {
      spans.observe(observation);
    },
    traceOf: (requestId) => spans.traceOf(requestId),
    close: () => provider.shutdown(),
  };
}

/** A span for each request that runs, and one below it for each thing that it waited for. */
class RequestSpans {
  readonly #tracer: Tracer;
  readonly #requests = new Map<string, Request>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  traceOf(requestId: string): string | undefined {
    const { span } = this.#requests.get(requestId) ?? {};
    return span?.isRecording() ? span.spanContext().traceId : undefined;
  }

  observe(observation: Observation): void {
    if (observation.kind === 'http-started') this.#begin(observation);
    else if (observation.kind === 'http-request') this.#end(observation);
    else {
      const part = partOf(observation);
      if (part) this.#add(part);
    }
  }

  #begin({ requestId, method, route, traceparent }: Extract<Observation, { kind: 'http-started' }>): void {
    // The id may be the client's own, and then not the only one.
    if (this.#requests.size >= MOST_REQUESTS || this.#requests.has(requestId)) return;
    const attributes = { 'http.request.method': method, 'http.route': route, 'request.id': requestId };
    const parent = parentOf(traceparent);
    const span = this.#tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, parent);
    this.#requests.set(requestId, { span, context: trace.setSpan(parent, span) });
  }

  #end(ended: Extract<Observation, { kind: 'http-request' }>): void {
    const request = this.#requests.get(ended.requestId);
    if (request === undefined) return;
    this.#requests.delete(ended.requestId);
    const { span } = request;
    const { status, bytesOut, complete, errorCode, firstByteMs, durationMs } = ended;
    span.setAttributes({
      'http.response.status_code': status,
      'http.response.body.size': bytesOut,
      'dicomgw.complete': complete,
      ...(errorCode !== undefined && { 'error.type': errorCode }),
    });
    if (firstByteMs !== undefined) span.addEvent('first byte', {}, Date.now() - durationMs + firstByteMs);
    if (status >= 500 || (errorCode !== undefined && status < 400))
      span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }

  /** Something that is over: it began so long ago as it took. */
  #add({ requestId, name, kind, durationMs, attributes, failed }: Part): void {
    const request = this.#requests.get(requestId);
    if (!request?.span.isRecording()) return;
    const now = Date.now();
    const start = { kind, attributes, startTime: now - durationMs };
    const span = this.#tracer.startSpan(name, start, request.context);
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(now);
  }
}

interface Part {
  readonly requestId: string;
  readonly name: string;
  readonly kind: SpanKind;
  readonly durationMs: number;
  readonly attributes: Attributes;
  readonly failed: boolean;
}

/** The part of a request that an observation tells of. */
function partOf(observation: Observation): Part | undefined {
  if (observation.kind === 'dimse') return ofOperation(observation);
  if (observation.kind === 'association') return ofAssociation(observation);
  if (observation.kind !== 'stage') return undefined;
  const { stage, requestId, durationMs, peer } = observation;
  const attributes = peer === undefined ? {} : { 'dicomgw.peer': peer };
  return { requestId, name: stage, kind: SpanKind.INTERNAL, durationMs, attributes, failed: false };
}

function ofOperation(told: Extract<Observation, { kind: 'dimse' }>): Part | undefined {
  const { requestId, operation, peer, outcome, status, results, associationId, durationMs } = told;
  if (requestId === undefined) return undefined;
  const attributes = {
    'dicomgw.peer': peer,
    'dicomgw.association': associationId,
    'dicomgw.outcome': outcome,
    ...(status !== undefined && { 'dicomgw.dimse_status': status }),
    ...(results !== undefined && { 'dicomgw.results': results }),
  };
  const failed = outcome === 'failure' || outcome === 'aborted';
  return { requestId, name: operation, kind: SpanKind.CLIENT, durationMs, attributes, failed };
}

function ofAssociation(told: Extract<Observation, { kind: 'association' }>): Part | undefined {
  const { requestId, event, peer, associationId, durationMs = 0 } = told;
  const isOpening = ['opened', 'failed', 'rejected', 'abandoned'].includes(event);
  if (requestId === undefined || !isOpening) return undefined;
  const attributes = { 'dicomgw.peer': peer, 'dicomgw.association': associationId };
  const name = 'open association';
  return { requestId, name, kind: SpanKind.CLIENT, durationMs, attributes, failed: event !== 'opened' };
}

/** @see W3C Trace Context 3.2.2 */
function parentOf(traceparent: string | undefined): Context {
  const [, traceId = '', spanId = '', flags = ''] = traceparent?.split('-') ?? [];
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}
