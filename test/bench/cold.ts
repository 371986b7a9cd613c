import { join } from 'node:path';
import { download } from './client.js';
import { Generator, writeSeries, type GeneratedSeries } from './data.js';
import { withGateway } from './gateway.js';
import { createDcmqrscp, createOrthanc, type Pacs } from './pacs.js';
import type { Sockets } from './process.js';
import { compare, megabytes, summarise, type Comparison, type Findings, type MemoryRow } from './results.js';
import { alternate, type Samples } from './samples.js';
import type { Settings } from './settings.js';
import { getscu, storescu, type ToolContext } from './tools.js';

/** A small study that a gateway serves before it is measured: cold is the cache, not the process. */
const WARM_UP_SLICES = 20;

/** Largest ratio of a cold retrieve to getscu that is good enough, by the sockets of PACS and getscu. */
const COLD_TO_REACH: Partial<Readonly<Record<Sockets, number>>> = { default: 1 };

/**
 * A series of CT slices to the last byte: cold, then warm, against getscu of the same series.
 *
 * Each cold run has a gateway of its own with an empty cache; its start and a first small series are not counted.
 */
export async function benchCold(settings: Settings): Promise<Findings> {
  const generator = new Generator(settings.seed);
  const series = generator.ctSeries(1, settings.slices);
  const warmUp = generator.ctSeries(2, WARM_UP_SLICES);
  const files = [series, warmUp].map((one, index) => {
    const directory = join(settings.directory, `cold-files-${index}`);
    writeSeries(one, directory);
    return directory;
  });
  const comparisons: Comparison[] = [];
  const memory: MemoryRow[] = [];
  const { directory } = settings;
  for (const pacs of [
    await createOrthanc(join(directory, 'cold-orthanc')),
    await createDcmqrscp(join(directory, 'cold-dcmqrscp')),
  ]) {
    try {
      await pacs.start('nodelay');
      for (const one of files) await storescu({ pacs, sockets: 'nodelay', directory }, one);
      for (const sockets of ['default', 'nodelay'] as const) {
        await pacs.start(sockets);
        const found = await measure(settings, { pacs, sockets, directory }, { series, warmUp });
        comparisons.push(...found.comparisons);
        memory.push(...found.memory);
      }
    } finally {
      await pacs.stop();
    }
  }
  return { comparisons, memory };
}

interface Data {
  readonly series: GeneratedSeries;
  readonly warmUp: GeneratedSeries;
}

async function measure(settings: Settings, tools: ToolContext, { series, warmUp }: Data): Promise<Findings> {
  const { pacs, sockets, directory } = tools;
  const throughGateway = (samples: Samples): Promise<void> =>
    withGateway(pacs, directory, async (gateway) => {
      samples.add('rest', gateway.usage().peakRssBytes);
      await download(gateway.service, warmUp);
      const before = gateway.usage().cpuSeconds;
      const cold = await download(gateway.service, series);
      samples.add('cpu', gateway.usage().cpuSeconds - before);
      const warm = await download(gateway.service, series);
      samples.add('bytes', cold.bytes);
      samples.add('cold', cold.seconds);
      samples.add('first', cold.firstInstanceSeconds);
      samples.add('warm', warm.seconds);
      samples.add('peak', gateway.usage().peakRssBytes);
    });
  const throughTool = async (samples: Samples): Promise<void> => {
    samples.add('one', await getscu(tools, series, { keep: true, one: true }));
    samples.add('getscu', await getscu(tools, series, { keep: true }));
    // dropping what arrives is its fastest way; with Nagle's waits it makes no difference and takes minutes
    if (sockets === 'nodelay') samples.add('getscu --ignore', await getscu(tools, series, { keep: false }));
  };
  await withGateway(pacs, directory, ({ service }) => download(service, series));
  const samples = await alternate(settings.runs, [throughGateway, throughTool]);
  return {
    comparisons: comparisonsOf(samples, pacs, sockets, series.count),
    memory: [memoryOf(samples, pacs, sockets, series.count)],
  };
}

function comparisonsOf(samples: Samples, pacs: Pacs, sockets: Sockets, slices: number): Comparison[] {
  const row = (what: string, gateway: string, tool: string, toReach?: number): Comparison => {
    const place = { peer: pacs.kind, sockets, ...(toReach === undefined ? {} : { toReach }) };
    return compare({ what, against: toolName(tool), ...place }, samples.of(gateway), samples.of(tool));
  };
  const cold = `series of ${slices} CT slices, cold`;
  return [
    row(cold, 'cold', 'getscu', COLD_TO_REACH[sockets]),
    row(`series of ${slices} CT slices, warm`, 'warm', 'getscu'),
    ...(sockets === 'nodelay' ? [row(cold, 'cold', 'getscu --ignore')] : []),
    row('first complete instance of that series, cold', 'first', 'one'),
  ];
}

const toolName = (tool: string): string => (tool === 'one' ? 'getscu of one instance' : tool);

function memoryOf(samples: Samples, pacs: Pacs, sockets: Sockets, slices: number): MemoryRow {
  return {
    what: `series of ${slices} CT slices, cold and warm, sockets ${sockets}`,
    peer: pacs.kind,
    megabytesMoved: megabytes(Math.max(...samples.of('bytes'))),
    seconds: summarise(samples.of('cold')).median,
    cpuSeconds: summarise(samples.of('cpu')).median,
    restRssMegabytes: megabytes(Math.max(...samples.of('rest'))),
    peakRssMegabytes: megabytes(Math.max(...samples.of('peak'))),
  };
}
