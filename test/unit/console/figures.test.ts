import { describe, expect, test } from '@jest/globals';
import { bytesText, secondsText } from '../../../src/console/format.js';
import { figuresBetween } from '../../../src/console/health-figures.js';
import { parseMetrics, quantileBetween, sumOf } from '../../../src/console/metrics.js';
import { PullRates } from '../../../src/console/pull-rates.js';
import { createTelemetry } from '../../../src/telemetry/index.js';

describe('metrics', () => {
  test('are read with their labels, also escaped ones', () => {
    const text = '# HELP x y\nx{a="1",b="q\\"\\\\"} 2.5\nx 1e3 1700000000\ny NaN\n';
    expect(parseMetrics(text)).toEqual([
      { name: 'x', labels: { a: '1', b: 'q"\\' }, value: 2.5 },
      { name: 'x', labels: {}, value: 1000 },
      { name: 'y', labels: {}, value: NaN },
    ]);
    expect(sumOf(parseMetrics(text), 'x')).toBe(1002.5);
    expect(sumOf(parseMetrics(text), 'x', { a: '1' })).toBe(2.5);
  });

  const histogram = (...counts: readonly number[]): string =>
    ['0.1', '1', '+Inf'].map((le, index) => `h_bucket{le="${le}"} ${counts[index] ?? 0}`).join('\n');

  test('tell a quantile of what came between two readings, and nothing where nothing did', () => {
    const [before, after] = [parseMetrics(histogram(5, 5, 5)), parseMetrics(histogram(5, 15, 15))];
    expect(quantileBetween(before, after, 'h', 0.5)).toBeCloseTo(0.55);
    expect(quantileBetween(after, after, 'h', 0.5)).toBeUndefined();
    expect(quantileBetween(before, parseMetrics(histogram(5, 5, 25)), 'h', 0.5)).toBe(1);
  });

  test('of the gateway itself have the names that the plots go by', async () => {
    const telemetry = createTelemetry({
      level: 'silent',
      version: 'test',
      peers: ['main'],
      destination: { write: () => undefined },
    });
    const read = async (): Promise<string> => (await telemetry.metrics()).body;
    const before = { at: 0, samples: parseMetrics(await read()) };
    telemetry.observe({
      kind: 'http-request',
      requestId: 'x',
      method: 'GET',
      route: '/studies',
      status: 200,
      firstByteMs: 20,
      durationMs: 40,
      bytesOut: 5000,
      complete: true,
    });
    telemetry.observe({ kind: 'cache', event: 'hit', tier: 'memory' });
    const figures = figuresBetween(before, { at: 2000, samples: parseMetrics(await read()) });
    expect(figures).toMatchObject({ requests: 0.5, bytesOut: 2500, hits: 1, errors: 0 });
    expect(figures.firstByte).toBeLessThanOrEqual(0.025);
    expect(figures.latency).toBeGreaterThan(0.025);
    expect(figures.memory).toBeGreaterThan(2 ** 20);
  });

  test('that were counted anew by a gateway that was started again are no negative rate', () => {
    const before = { at: 0, samples: parseMetrics('dicomgw_http_requests_total 9') };
    const after = { at: 1000, samples: parseMetrics('dicomgw_http_requests_total 1') };
    expect(figuresBetween(before, after).requests).toBeUndefined();
  });
});

describe('the rate of a pull', () => {
  test('is that of the last seconds, and says how long the rest takes', () => {
    const rates = new PullRates();
    expect(rates.told('a', { at: 0, bytes: 0, done: 0 }, 10)).toEqual({
      bytesPerSecond: 0,
      remaining: undefined,
    });
    expect(rates.told('a', { at: 2000, bytes: 4000, done: 4 }, 6)).toEqual({
      bytesPerSecond: 2000,
      remaining: 3,
    });
    rates.told('a', { at: 7500, bytes: 4000, done: 4 }, 6);
    expect(rates.told('a', { at: 8000, bytes: 4000, done: 4 }, 6)).toEqual({
      bytesPerSecond: 0,
      remaining: undefined,
    });
    rates.keep(new Set());
    expect(rates.told('a', { at: 9000, bytes: 5000, done: 5 }, 5).bytesPerSecond).toBe(0);
  });
});

test('figures are said in units that people read', () => {
  expect([0, 1536, 10 * 2 ** 20, 3 * 2 ** 40].map(bytesText)).toEqual(['0 B', '1.50 KiB', '10 MiB', '3 TiB']);
  expect([0.02, 9.25, 75, 130, 7300].map(secondsText)).toEqual([
    '20 ms',
    '9.30 s',
    '75 s',
    '2 min 10 s',
    '2 h 1 min',
  ]);
});
