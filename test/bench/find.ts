import { join } from 'node:path';
import { search } from './client.js';
import { Generator } from './data.js';
import { withGateway } from './gateway.js';
import { meter } from './meter.js';
import { createOrthanc } from './pacs.js';
import { compare, summarise, type Findings } from './results.js';
import { alternate } from './samples.js';
import type { Settings } from './settings.js';
import { findscu, type ToolContext } from './tools.js';

/** A list of all studies as DICOM JSON against findscu of the same keys, which prints them or writes them to files. */
export async function benchFind(settings: Settings): Promise<Findings> {
  const { directory, studies, runs } = settings;
  const generator = new Generator(settings.seed);
  const pacs = await createOrthanc(join(directory, 'find-orthanc'));
  try {
    await pacs.start('nodelay');
    for (let study = 1; study <= studies; study += 1) {
      const file = generator.smallStudy(study);
      await pacs.post({ length: file.length, chunks: () => [file] });
    }
    const found: Findings[] = [];
    for (const sockets of ['default', 'nodelay'] as const) {
      await pacs.start(sockets);
      found.push(await measure({ pacs, sockets, directory }, studies, runs));
    }
    return {
      comparisons: found.flatMap(({ comparisons }) => comparisons),
      memory: found.flatMap(({ memory }) => memory),
    };
  } finally {
    await pacs.stop();
  }
}

function measure(tools: ToolContext, studies: number, runs: number): Promise<Findings> {
  const { pacs, sockets, directory } = tools;
  return withGateway(pacs, directory, async (gateway) => {
    const { service, usage } = gateway;
    const rest = usage();
    const first = await search(service, studies);
    const used = await meter(gateway, rest);
    const samples = await alternate(runs, [
      async (into) => {
        into.add('search', await search(service, studies));
      },
      async (into) => {
        into.add('findscu', await findscu(tools, studies, { extract: false }));
        into.add('findscu -X', await findscu(tools, studies, { extract: true }));
      },
    ]);
    const gatewayUsed = await used();
    const what = `C-FIND of ${studies} studies`;
    const place = { peer: pacs.kind, sockets };
    const searches = samples.of('search');
    return {
      comparisons: [
        compare({ what, against: 'findscu', ...place }, searches, samples.of('findscu')),
        compare({ what, against: 'findscu -X', toReach: 1, ...place }, searches, samples.of('findscu -X')),
        compare(
          { what: `${what}, first after start`, against: 'findscu', ...place },
          [first],
          samples.of('findscu'),
        ),
      ],
      memory: [
        {
          what: `${what}, sockets ${sockets}`,
          peer: pacs.kind,
          seconds: summarise(searches).median,
          ...gatewayUsed,
          cpuSeconds: gatewayUsed.cpuSeconds / runs,
        },
      ],
    };
  });
}
