import { describe, expect, jest, test } from '@jest/globals';
import { GatewayError, type Observation } from '../../../src/core/index.js';
import { createTelemetry, type LogLevel, type Telemetry } from '../../../src/telemetry/index.js';

interface Subject extends Telemetry {
  readonly lines: readonly Record<string, unknown>[];
  readonly text: () => string;
  readonly body: () => Promise<string>;
}

function telemetry(level: LogLevel = 'debug', peers: readonly string[] = ['main']): Subject {
  const lines: Record<string, unknown>[] = [];
  const destination = {
    write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  };
  const subject = createTelemetry({ level, version: '1.2.3', peers, destination });
  return {
    ...subject,
    lines,
    text: () => JSON.stringify(lines),
    body: async () => (await subject.metrics()).body,
  };
}

const request: Observation = {
  kind: 'http-request',
  requestId: 'r1',
  method: 'GET',
  route: '/studies/:study',
  status: 200,
  durationMs: 1500,
  bytesOut: 1000,
  complete: true,
};
const operation: Observation = {
  kind: 'dimse',
  peer: 'main',
  operation: 'C-FIND',
  associationId: 'a1',
  requestId: 'r1',
  status: 0xa700,
  outcome: 'failure',
  durationMs: 20,
};

describe('log lines', () => {
  test('ready is one line with msg ready and the URLs', () => {
    const { observe, lines } = telemetry('info');
    observe({ kind: 'ready', urls: ['http://127.0.0.1:8080/dicomweb'], storageScp: 'GATEWAY@0.0.0.0:11112' });
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        urls: ['http://127.0.0.1:8080/dicomweb'],
        storageScp: 'GATEWAY@0.0.0.0:11112',
        msg: 'ready',
      },
    ]);
  });

  test('one id leads from the HTTP request to the association', () => {
    const { observe, lines } = telemetry();
    observe({
      kind: 'association',
      peer: 'main',
      event: 'opened',
      direction: 'out',
      associationId: 'a1',
      requestId: 'r1',
    });
    observe(operation);
    observe(request);
    expect(lines.map(({ requestId }) => requestId)).toEqual(['r1', 'r1', 'r1']);
    expect(lines[1]).toMatchObject({
      level: 'warn',
      associationId: 'a1',
      operation: 'C-FIND',
      status: 'A700',
    });
  });

  test('the level says who should look: our failures, cut bodies, the rest', () => {
    const { observe, lines } = telemetry();
    observe(request);
    observe({ ...request, status: 404 });
    observe({ ...request, complete: false });
    observe({ ...request, status: 502 });
    observe({ kind: 'stopped', openAssociations: 0 });
    observe({ kind: 'stopped', openAssociations: 1 });
    expect(lines.map(({ level }) => level)).toEqual(['info', 'info', 'warn', 'error', 'info', 'warn']);
  });

  test('an association that ends while nothing is under way on it is nothing to look at', () => {
    const { observe, lines } = telemetry();
    const ended = { kind: 'association', peer: 'main', event: 'aborted', direction: 'out' } as const;
    observe({ ...ended, associationId: 'a1', idle: true });
    observe({ ...ended, associationId: 'a2' });
    expect(lines).toMatchObject([
      { level: 'debug', msg: 'association aborted while idle', associationId: 'a1' },
      { level: 'warn', msg: 'association aborted', associationId: 'a2' },
    ]);
  });

  test('a disk that fails the cache is told and counted, though no request may have failed by it', async () => {
    const { observe, lines, metrics } = telemetry();
    expect((await metrics()).body).toContain('dicomgw_cache_disk_failures_total 0');
    observe({ kind: 'cache-disk-failed', part: 'journal', error: new GatewayError('cache-failed', 'Full.') });
    expect(lines).toMatchObject([{ level: 'error', msg: 'The cache journal failed.' }]);
    expect((await metrics()).body).toContain('dicomgw_cache_disk_failures_total 1');
  });

  test('lines below the level are not written, and what comes by the thousand has no line', () => {
    const { observe, lines } = telemetry('warn');
    observe(request);
    observe({ kind: 'log', level: 'info', message: 'x' });
    observe({ kind: 'cache', event: 'hit', tier: 'memory' });
    observe({ kind: 'dimse-bytes', peer: 'main', sent: 1, received: 2 });
    expect(lines).toEqual([]);
  });

  test('an error is shown by its code and its causes by theirs', () => {
    const { observe, lines } = telemetry();
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:104'), {
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: '127.0.0.1',
      port: 104,
    });
    const cause = new AggregateError([refused], 'all failed');
    const error = new GatewayError('peer-unreachable', 'The peer cannot be reached.', {
      cause,
      peer: 'main',
      dimseStatus: 0x122,
    });
    observe({ ...request, status: 503, error });
    expect(lines[0]?.['error']).toMatchObject({
      code: 'peer-unreachable',
      message: 'The peer cannot be reached.',
      peer: 'main',
      dimseStatus: '0122',
      causes: [
        { name: 'AggregateError' },
        { code: 'ECONNREFUSED', syscall: 'connect', address: '127.0.0.1', port: 104 },
      ],
    });
  });

  test('R-04: what a foreign error quotes is not logged, the place where it was thrown is', () => {
    const { observe, text, lines } = telemetry();
    const quoting = (): unknown => JSON.parse('{"PatientName": DOE^JOHN}');
    let cause: unknown;
    try {
      quoting();
    } catch (error) {
      cause = error;
    }
    observe({
      ...request,
      status: 500,
      error: new GatewayError('internal', 'The gateway failed.', { cause }),
    });
    observe({ kind: 'log', level: 'error', message: 'x', error: 'DOE^JOHN' });
    observe({ kind: 'log', level: 'error', message: 'x', error: { name: 'DOE^JOHN' } });
    observe({
      kind: 'log',
      level: 'error',
      message: 'x',
      error: new TypeError("Cannot use 'DOE^JOHN'\n at line two"),
    });
    expect(text()).not.toContain('DOE');
    expect(lines[0]?.['error']).toMatchObject({
      causes: [
        { name: 'SyntaxError', stack: expect.arrayContaining([expect.stringContaining('telemetry.test')]) },
      ],
    });
  });

  test('a chain of causes that bites its tail is cut', () => {
    const { observe, text } = telemetry();
    const error = new Error('a');
    error.cause = error;
    observe({ kind: 'log', level: 'error', message: 'x', error });
    expect(text().length).toBeLessThan(20_000);
  });

  test('observing never throws, and what could not be written is counted', async () => {
    const { observe, metrics } = createTelemetry({
      level: 'info',
      version: '1',
      peers: [],
      destination: {
        write: () => {
          throw new Error('disk full');
        },
      },
    });
    observe(request);
    expect((await metrics()).body).toContain('dicomgw_log_lines_dropped_total 1');
  });

  test.each([
    ['cut', false],
    ['stuck', true],
  ])(
    'flush does not wait for ever for an output that takes nothing: it was %s',
    async (says, holdsUpExit) => {
      jest.useFakeTimers();
      try {
        const destination = { write: () => undefined, flush: () => undefined, holdsUpExit };
        const flushed = createTelemetry({ level: 'info', version: '1', peers: [], destination }).flush();
        jest.advanceTimersByTime(2000);
        expect(await flushed).toBe(says);
        expect(jest.getTimerCount()).toBe(0);
      } finally {
        jest.useRealTimers();
      }
    },
  );

  test('flush resolves for a destination with and without a flush of its own', async () => {
    await telemetry().flush();
    let flushed = false;
    const destination = {
      write: () => undefined,
      flush: (callback: () => void) => {
        flushed = true;
        callback();
      },
    };
    expect(await createTelemetry({ level: 'info', version: '1', peers: [], destination }).flush()).toBe(
      'whole',
    );
    expect(flushed).toBe(true);
  });
});

describe('metrics', () => {
  test('count HTTP requests by route and status, with time, bytes and cut bodies', async () => {
    const { observe, body } = telemetry();
    observe({ ...request, firstByteMs: 30 });
    observe({ ...request, status: 502, complete: false, errorCode: 'peer-failed' });
    const text = await body();
    expect(text).toContain(
      'dicomgw_http_requests_total{method="GET",route="/studies/:study",status="200"} 1',
    );
    expect(text).toContain(
      'dicomgw_http_requests_total{method="GET",route="/studies/:study",status="502"} 1',
    );
    expect(text).toContain(
      'dicomgw_http_request_duration_seconds_sum{method="GET",route="/studies/:study"} 3',
    );
    expect(text).toContain(
      'dicomgw_http_time_to_first_byte_seconds_bucket{le="0.05",method="GET",route="/studies/:study"} 1',
    );
    expect(text).toContain(
      'dicomgw_http_time_to_first_byte_seconds_sum{method="GET",route="/studies/:study"} 0.03',
    );
    expect(text).toContain('dicomgw_http_response_bytes_total{route="/studies/:study"} 2000');
    expect(text).toContain('dicomgw_http_incomplete_bodies_total{route="/studies/:study"} 1');
    expect(text).toContain('dicomgw_http_errors_total{route="/studies/:study",code="peer-failed"} 1');
  });

  test('count DIMSE operations, associations, bytes both ways and instances by peer', async () => {
    const { observe, body } = telemetry();
    observe(operation);
    observe({ kind: 'association', peer: 'main', event: 'opened', direction: 'out', associationId: 'a1' });
    observe({ kind: 'dimse-bytes', peer: 'main', sent: 10, received: 20 });
    observe({ kind: 'instance-arrived', peer: 'main', bytes: 500, outcome: 'complete' });
    observe({ kind: 'part-sent', peer: 'main', item: 'frame', bytes: 70 });
    const text = await body();
    expect(text).toContain(
      'dicomgw_dimse_operations_total{peer="main",operation="C-FIND",outcome="failure"} 1',
    );
    expect(text).toContain(
      'dicomgw_dimse_operation_duration_seconds_count{peer="main",operation="C-FIND",outcome="failure"} 1',
    );
    expect(text).toContain('dicomgw_association_events_total{peer="main",direction="out",event="opened"} 1');
    expect(text).toContain('dicomgw_dimse_bytes_total{peer="main",direction="sent"} 10');
    expect(text).toContain('dicomgw_dimse_bytes_total{peer="main",direction="received"} 20');
    expect(text).toContain('dicomgw_instances_arrived_total{peer="main",outcome="complete"} 1');
    expect(text).toContain('dicomgw_instance_bytes_total{peer="main",outcome="complete"} 500');
    expect(text).toContain('dicomgw_parts_sent_total{peer="main",item="frame"} 1');
    expect(text).toContain('dicomgw_part_bytes_sent_total{peer="main",item="frame"} 70');
  });

  test('count what the cache does by tier, refusals and resets', async () => {
    const { observe, body } = telemetry();
    for (const event of ['hit', 'miss', 'join', 'overflow'] as const) {
      observe({ kind: 'cache', event, tier: 'disk', bytes: 7 });
    }
    observe({ kind: 'cache', event: 'evicted', tier: 'disk', reason: 'age', bytes: 7 });
    observe({ kind: 'inbound-refused', reason: 'unexpected', remote: '127.0.0.1' });
    observe({ kind: 'reader-reset', reason: 'stalled' });
    const text = await body();
    for (const event of ['hit', 'miss', 'join', 'evicted', 'overflow']) {
      expect(text).toContain(`dicomgw_cache_events_total{tier="disk",event="${event}"} 1`);
    }
    expect(text).toContain('dicomgw_cache_event_bytes_total{tier="disk",event="evicted"} 7');
    expect(text).toContain('dicomgw_cache_evictions_total{tier="disk",reason="age"} 1');
    expect(text).toContain('dicomgw_inbound_refused_total{reason="unexpected"} 1');
    expect(text).toContain('dicomgw_reader_resets_total{reason="stalled"} 1');
  });

  test('gauges are read when metrics are, and several readers of one are added up', async () => {
    const { collect, body } = telemetry();
    let open = 2;
    collect('associations', () => [{ labels: { peer: 'main', state: 'busy' }, value: open }]);
    collect('associations', () => [{ labels: { peer: 'other', state: 'idle' }, value: 1 }]);
    collect('inbound_associations', () => 3);
    collect('inbound_associations', () => 4);
    const text = await body();
    expect(text).toContain('dicomgw_associations{peer="main",state="busy"} 2');
    expect(text).toContain('dicomgw_associations{peer="other",state="idle"} 1');
    expect(text).toContain('dicomgw_inbound_associations 7');
    open = 5;
    expect(await body()).toContain('dicomgw_associations{peer="main",state="busy"} 5');
  });

  test('a gauge that nobody feeds is not shown as 0', async () => {
    expect(await telemetry().body()).not.toContain('dicomgw_cache_instances');
  });

  test('the process is measured: memory, CPU and event loop delay', async () => {
    const { metrics } = telemetry();
    const { body, contentType } = await metrics();
    expect(contentType).toContain('text/plain');
    expect(body).toContain('process_resident_memory_bytes');
    expect(body).toContain('nodejs_eventloop_lag_p99_seconds');
    expect(body).toContain('dicomgw_build_info{version="1.2.3"} 1');
  });

  test('R-03: strangers cannot make time series', async () => {
    const { observe, body } = telemetry('silent');
    for (let i = 0; i < 1000; i += 1) {
      observe({ ...request, method: `M${i}`, route: `/r${i}` });
      observe({
        kind: 'association',
        peer: `AE${i}`,
        event: 'rejected',
        direction: 'in',
        associationId: 'x',
      });
      observe({ kind: 'inbound-refused', reason: `because ${i}`, remote: 'x' });
    }
    const text = await body();
    expect(text).toContain(
      'dicomgw_association_events_total{peer="other",direction="in",event="rejected"} 1000',
    );
    expect(text).toContain('method="other",route="other"');
    expect(text).not.toContain('M17');
    expect(text.split('\n').length).toBeLessThan(4000);
  });
});
