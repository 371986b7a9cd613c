import { join } from 'node:path';
import { Generator } from './data.js';
import { withGateway } from './gateway.js';
import { meter, worstOf, type Used } from './meter.js';
import { createOrthanc } from './pacs.js';
import { shuffled } from './random.js';
import { compare, type Comparison, type Findings, type MemoryRow } from './results.js';
import { alternate } from './samples.js';
import type { Settings } from './settings.js';
import { getJson, JSON_TYPE } from './viewer.js';
import { wrk } from './wrk.js';

const CONNECTIONS = 8;
const TO_REACH = 1;
/** Searches of each kind that are read and checked before the rate is measured: they find one study. */
const CHECKED = 20;

/** Searches for one study, another each time, in requests per second against Orthanc's own QIDO-RS. */
export async function benchQido(settings: Settings): Promise<Findings> {
  const { directory, studies, runs, seed, loadSeconds } = settings;
  const generator = new Generator(seed);
  const order = shuffled(
    Array.from({ length: studies }, (_, index) => index + 1),
    seed,
  );
  const searches = {
    StudyInstanceUID: order.map((study) => generator.ctSeries(study, 1).studyInstanceUid),
    PatientID: order.map((study) => `BENCH${study}`),
  };
  const pacs = await createOrthanc(join(directory, 'qido-orthanc'), { dicomWeb: true });
  const comparisons: Comparison[] = [];
  const memory: MemoryRow[] = [];
  try {
    await pacs.start('nodelay');
    for (const study of order) {
      const file = generator.smallStudy(study);
      await pacs.post({ length: file.length, chunks: () => [file] });
    }
    for (const [key, values] of Object.entries(searches)) {
      const queries = values.map((value) => `/studies?${key}=${value}`);
      const what = `one of ${studies} studies by ${key}, ${CONNECTIONS} connections`;
      const rate = (service: string): Promise<number> => {
        const { origin, pathname } = new URL(service);
        const paths = queries.map((query) => pathname + query);
        return wrk(origin, {
          paths,
          accept: JSON_TYPE,
          connections: CONNECTIONS,
          seconds: loadSeconds,
          directory,
        });
      };
      const check = async (service: string): Promise<void> => {
        for (const query of queries.slice(0, CHECKED)) await getJson(service + query, 1);
      };
      await withGateway(pacs, directory, async (gateway) => {
        await check(gateway.service);
        await check(pacs.service);
        const used: Used[] = [];
        const samples = await alternate(runs, [
          async (into) => {
            const measured = await meter(gateway);
            into.add('gateway', await rate(gateway.service));
            used.push(await measured());
          },
          async (into) => {
            into.add('Orthanc', await rate(pacs.service));
          },
        ]);
        const place = { against: "Orthanc's own QIDO-RS", peer: pacs.kind, sockets: 'nodelay' };
        const row = { what, ...place, unit: 'requests/s', toReach: TO_REACH } as const;
        comparisons.push(compare(row, samples.of('gateway'), samples.of('Orthanc')));
        memory.push({ what, peer: pacs.kind, seconds: loadSeconds, ...worstOf(used) });
      });
    }
    return { comparisons, memory };
  } finally {
    await pacs.stop();
  }
}
