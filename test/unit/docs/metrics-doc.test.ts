import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readProject, tableRows } from '../../helpers/markdown.js';
import { peerYaml, startTestGateway } from '../../helpers/test-gateway.js';

test('the metrics page lists every metric of a gateway with its type, and no other', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'metrics-'));
  const audit = `audit: { lines: "${join(directory, 'lines')}", spool: { directory: "${directory}" } }`;
  const gateway = await startTestGateway(peerYaml('NOBODY@127.0.0.1:1', audit));
  const { body } = await gateway.telemetry.metrics();
  await gateway.close();
  rmSync(directory, { recursive: true });
  const types = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]);
  const page = readProject('docs/metrics.md');
  const rows = tableRows(page, ['Metric', 'Type', 'Labels', 'What it says']);
  const own = types.filter(([name]) => name?.startsWith('dicomgw_'));
  expect(rows.map(([name, type]) => [name, type]).sort()).toEqual(own.sort());
  const defaults = types.filter(([name]) => !name?.startsWith('dicomgw_'));
  expect(defaults.filter(([name]) => !page.includes(`\`${name ?? ''}\``))).toEqual([]);
});
