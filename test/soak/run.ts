/**
 * `npm run soak [-- --minutes N --seed N --publish]`: an hour of mixed load on a gateway in front of two real PACS, while they
 * are restarted and their lines fail. Ends with status 1 when an answer was wrong, failed for no reason, or something leaked.
 */
import { describeEnvironment } from '../bench/environment.js';
import { record } from '../bench/report.js';
import { formatResults } from '../bench/table.js';
import { faultsOf, findingsOf, writeDetails } from './report.js';
import { readSettings } from './settings.js';
import { runSoak } from './soak.js';

/** So many of what was found are printed; the file has all. */
const MOST_PRINTED = 30;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const settings = readSettings(process.argv.slice(2));
const environment = await describeEnvironment({ seed: settings.seed, scale: 1, runs: 1 });
const result = await runSoak(settings);
const details = writeDetails(result);
const part = { environment, ...findingsOf(result) };
const file = await record('soak', part, settings.publish);
console.log(formatResults({ soak: part }));
console.table(result.ledger.counts);
console.log('failures:', result.ledger.failureCodes, '\nfaults:', result.faults.counts());
const found = faultsOf(result);
for (const one of found.slice(0, MOST_PRINTED)) console.error(one);
console.log(`(${file}, ${details})`);
if (found.length > 0) {
  console.error(`the soak failed: ${found.length} findings`);
}
// Clients that never read, or were left to hang, are not waited for.
process.exit(found.length > 0 ? 1 : 0);
