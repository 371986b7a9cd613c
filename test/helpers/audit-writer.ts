/** A process that records one event after the other, to be started by a test, and killed by it. */
import { createAudit, SyslogSink } from '../../src/audit/index.js';
import { systemClock } from '../../src/core/index.js';

const [directory = '', port = ''] = process.argv.slice(2);
const source = {
  sourceId: 'writer',
  hostName: 'host',
  processId: String(process.pid),
  aeTitle: 'WRITER',
  peers: new Map(),
};
const audit = await createAudit({
  directory,
  limit: 2 ** 26,
  sync: 'off',
  onFull: 'count',
  sinks: [new SyslogSink({ host: '127.0.0.1', port: Number(port), source, clock: systemClock })],
  clock: systemClock,
  observe: () => undefined,
});
for (let count = 0; ; count += 1) {
  audit.record({
    kind: 'search',
    outcome: 'success',
    requestId: String(count),
    request: `GET /${process.pid}`,
  });
  await new Promise((resolve) => setTimeout(resolve, 1));
}
