import { expect, test } from '@jest/globals';
import { readProject, tableRows } from '../../helpers/markdown.js';
import { peerYaml, startTestGateway } from '../../helpers/test-gateway.js';

test('the metrics page lists every metric of a gateway with its type, and no other', async () => {
  const gateway = await startTestGateway(peerYaml('NOBODY@127.0.0.1:1'));
  const { body } = await gateway.telemetry.metrics();
  await gateway.close();
  const types = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]);
  const page = readProject('docs/metrics.md');
  const rows = tableRows(page, ['Metric', 'Type', 'Labels', 'What it says']);
  const own = types.filter(([name]) => name?.startsWith('dicomgw_'));
  expect(rows.map(([name, type]) => [name, type]).sort()).toEqual(own.sort());
  const defaults = types.filter(([name]) => !name?.startsWith('dicomgw_'));
  expect(defaults.filter(([name]) => !page.includes(`\`${name ?? ''}\``))).toEqual([]);
});
