import { join } from 'node:path';
import { download } from './client.js';
import { Generator } from './data.js';
import { withGateway } from './gateway.js';
import { meter } from './meter.js';
import { scrape } from './metrics.js';
import { createOrthanc, load } from './pacs.js';
import { megabytes, type Findings } from './results.js';
import type { Settings } from './settings.js';

/** Many clients that ask for one study at once that no cache holds: how often the PACS has to send each instance. */
export async function benchCrowd({ seed, directory, crowd, crowdSlices }: Settings): Promise<Findings> {
  const series = new Generator(seed).ctSeries(1, crowdSlices);
  const pacs = await createOrthanc(join(directory, 'crowd-orthanc'));
  try {
    await pacs.start('nodelay');
    await load(pacs, series);
    return await withGateway(pacs, directory, async (gateway) => {
      const used = await meter(gateway);
      const from = performance.now();
      const reads = await Promise.allSettled(
        Array.from({ length: crowd }, () => download(gateway.service, series, { level: 'study' })),
      );
      const seconds = (performance.now() - from) / 1000;
      const bytes = reads.reduce(
        (sum, read) => sum + (read.status === 'fulfilled' ? read.value.bytes : 0),
        0,
      );
      const gatewayUsed = await used();
      const arrived = (await scrape(gateway.service)).sum('dicomgw_instances_arrived_total', {
        peer: 'main',
      });
      const what = `${crowd} clients at once of one cold study of ${series.count} slices`;
      const failed = reads.filter(({ status }) => status === 'rejected').length;
      return {
        comparisons: [],
        counts: [
          {
            what: `${what}: instances that the PACS sent for each one in the study`,
            peer: pacs.kind,
            value: arrived / series.count,
            toReach: 1,
          },
          { what: `${what}: clients that did not get all of it`, peer: pacs.kind, value: failed, toReach: 0 },
        ],
        memory: [{ what, peer: pacs.kind, megabytesMoved: megabytes(bytes), seconds, ...gatewayUsed }],
      };
    });
  } finally {
    await pacs.stop();
  }
}
