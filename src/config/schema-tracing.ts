import { z } from 'zod';
import { boolean, integer, key, text, webUrl } from './kind.js';

/** Traces of requests. */
export const tracing = z.strictObject({
  enabled: key(
    boolean,
    'Whether spans of requests are sent by OTLP over HTTP (JSON), to `tracing.endpoint` or to where `OTEL_EXPORTER_OTLP_ENDPOINT` says.',
  ).prefault(false),
  endpoint: key(
    webUrl,
    'The collector, such as http://127.0.0.1:4318; `/v1/traces` is added. Headers for it come from `OTEL_EXPORTER_OTLP_HEADERS`.',
  ).exactOptional(),
  oneIn: key(
    integer(1, 1_000_000),
    'One in so many requests is traced, where no proxy of `http.trustProxy` has decided by `traceparent`.',
  ).prefault(1),
  serviceName: key(text(/^[\x20-\x7e]{1,128}$/, 'a name'), 'The name under which spans are sent.').prefault(
    'dicomweb-gateway',
  ),
});
