import { expect, test } from '@jest/globals';
import { createTelemetry } from '../../../src/telemetry/index.js';
import { readProject, tableRows } from '../../helpers/markdown.js';

test('the metrics page lists every metric with its type, and no other', async () => {
  const telemetry = createTelemetry({ level: 'silent', version: 'test', peers: [] });
  const { body } = await telemetry.metrics();
  const types = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]);
  const page = readProject('docs/metrics.md');
  const rows = tableRows(page, ['Metric', 'Type', 'Labels', 'What it says']);
  const own = types.filter(([name]) => name?.startsWith('dicomgw_'));
  expect(rows.map(([name, type]) => [name, type]).sort()).toEqual(own.sort());
  const defaults = types.filter(([name]) => !name?.startsWith('dicomgw_'));
  expect(defaults.filter(([name]) => !page.includes(`\`${name ?? ''}\``))).toEqual([]);
});
