import { join } from 'node:path';
import { download } from './client.js';
import { Generator, writeSeries, type GeneratedSeries } from './data.js';
import { withGateway, type GatewayProcess } from './gateway.js';
import { startLine } from './line.js';
import { meter, worstOf, type Used } from './meter.js';
import { createDcmqrscp, createOrthanc, type Pacs } from './pacs.js';
import type { Sockets } from './process.js';
import { compare, megabytes, summarise, type Comparison, type Findings, type MemoryRow } from './results.js';
import { alternate, type Samples } from './samples.js';
import type { Settings } from './settings.js';
import { getscu, storescu, type ToolContext } from './tools.js';

/** A small study that a gateway serves before it is measured: cold is the cache, not the process. */
const WARM_UP_SLICES = 20;

/** A way between the PACS and those who ask it. */
interface Way {
  readonly name: string;
  readonly sockets: Sockets;
  /** Delay of a line between them, one way; none if left out. */
  readonly delayMs?: number;
  /** Of the gateway with the PACS, which is made to serve so many; the defaults of both if left out. */
  readonly associations?: number;
  /** Largest ratio of a cold retrieve to getscu that is good enough. */
  readonly coldToReach: number;
  readonly mostRuns: number;
}

const WAYS: readonly Way[] = [
  { name: 'default', sockets: 'default', coldToReach: 0.1, mostRuns: Infinity },
  { name: 'nodelay', sockets: 'nodelay', coldToReach: 1, mostRuns: Infinity },
  { name: 'nodelay, 20 ms line', sockets: 'nodelay', delayMs: 10, coldToReach: 0.2, mostRuns: 3 },
  {
    name: 'nodelay, 20 ms line, associations 8',
    sockets: 'nodelay',
    delayMs: 10,
    associations: 8,
    coldToReach: 0.2,
    mostRuns: 3,
  },
];

/** Largest ratio of the time to the first instance to getscu of one instance that is good enough. */
const FIRST_TO_REACH = 2;

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
      for (const way of WAYS) {
        await pacs.start(way.sockets, way.associations);
        const found = await measureOver(way, settings, pacs, { series, warmUp });
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

/** Measures with the line of a way in place, for the gateway and getscu alike. */
async function measureOver(way: Way, settings: Settings, pacs: Pacs, data: Data): Promise<Findings> {
  const { directory } = settings;
  const tools = { sockets: way.sockets, directory };
  if (way.delayMs === undefined) return measure(way, settings, { ...tools, pacs }, data);
  const line = await startLine(pacs.port, way.delayMs);
  try {
    return await measure(way, settings, { ...tools, pacs: { ...pacs, port: line.port } }, data);
  } finally {
    await line.stop();
  }
}

async function measure(
  way: Way,
  settings: Settings,
  tools: ToolContext,
  { series, warmUp }: Data,
): Promise<Findings> {
  const { pacs, directory } = tools;
  const used: Used[] = [];
  const run = <T>(use: (gateway: GatewayProcess) => Promise<T>): Promise<T> =>
    withGateway(pacs, directory, use, way);
  const throughGateway = (samples: Samples): Promise<void> =>
    run(async (gateway) => {
      const rest = gateway.usage();
      await download(gateway.service, warmUp);
      const measured = await meter(gateway, rest);
      const cold = await download(gateway.service, series);
      const warm = await download(gateway.service, series);
      samples.add('bytes', cold.bytes);
      samples.add('cold', cold.seconds);
      samples.add('first', cold.firstInstanceSeconds);
      samples.add('warm', warm.seconds);
      used.push(await measured());
    });
  const throughTool = async (samples: Samples): Promise<void> => {
    samples.add('one', await getscu(tools, series, { keep: true, one: true }));
    samples.add('getscu', await getscu(tools, series, { keep: true }));
    // dropping what arrives is its fastest way; with Nagle's waits it makes no difference and takes minutes
    if (dropsToo(way)) samples.add('getscu --ignore', await getscu(tools, series, { keep: false }));
  };
  await run(({ service }) => download(service, series));
  const samples = await alternate(Math.min(settings.runs, way.mostRuns), [throughGateway, throughTool]);
  return {
    comparisons: comparisonsOf(samples, pacs, way, series.count),
    memory: [
      {
        what: `series of ${series.count} CT slices, cold and warm, sockets ${way.name}`,
        peer: pacs.kind,
        megabytesMoved: megabytes(Math.max(...samples.of('bytes'))),
        seconds: summarise(samples.of('cold')).median,
        ...worstOf(used),
      },
    ],
  };
}

const dropsToo = ({ sockets, delayMs }: Way): boolean => sockets === 'nodelay' && delayMs === undefined;

function comparisonsOf(samples: Samples, pacs: Pacs, way: Way, slices: number): Comparison[] {
  const row = (what: string, gateway: string, tool: string, toReach?: number): Comparison => {
    const place = { peer: pacs.kind, sockets: way.name, ...(toReach === undefined ? {} : { toReach }) };
    return compare({ what, against: toolName(tool), ...place }, samples.of(gateway), samples.of(tool));
  };
  const cold = `series of ${slices} CT slices, cold`;
  return [
    row(cold, 'cold', 'getscu', way.coldToReach),
    row(`series of ${slices} CT slices, warm`, 'warm', 'getscu'),
    ...(dropsToo(way) ? [row(cold, 'cold', 'getscu --ignore')] : []),
    row('first complete instance of that series, cold', 'first', 'one', FIRST_TO_REACH),
  ];
}

const toolName = (tool: string): string => (tool === 'one' ? 'getscu of one instance' : tool);
