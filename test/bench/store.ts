import { join } from 'node:path';
import { store } from './client.js';
import { Generator, writeSeries } from './data.js';
import { withGateway } from './gateway.js';
import { meter } from './meter.js';
import { createDcmqrscp, createOrthanc } from './pacs.js';
import { compare, megabytes, summarise, type Findings } from './results.js';
import { alternate } from './samples.js';
import type { Settings } from './settings.js';
import { storescu, type ToolContext } from './tools.js';

/**
 * A series stored by one request against storescu of the same files. Each run finds the peer in the same state: Orthanc
 * empty, dcmqrscp with the files of the run before, which it overwrites.
 */
export async function benchStore(settings: Settings): Promise<Findings> {
  const { directory, runs } = settings;
  const series = new Generator(settings.seed).ctSeries(1, settings.slices);
  const source = join(directory, 'store-files');
  const files = writeSeries(series, source);
  const found: Findings[] = [];
  for (const pacs of [
    await createOrthanc(join(directory, 'store-orthanc')),
    await createDcmqrscp(join(directory, 'store-dcmqrscp')),
  ]) {
    try {
      await pacs.start('nodelay');
      await storescu({ pacs, sockets: 'nodelay', directory }, source);
      for (const sockets of ['default', 'nodelay'] as const) {
        await pacs.start(sockets);
        found.push(
          await measure({ pacs, sockets, directory }, { source, files, bytes: series.pixelBytes }, runs),
        );
      }
    } finally {
      await pacs.stop();
    }
  }
  return {
    comparisons: found.flatMap(({ comparisons }) => comparisons),
    memory: found.flatMap(({ memory }) => memory),
  };
}

interface Files {
  /** The directory that the files are in. */
  readonly source: string;
  readonly files: readonly string[];
  readonly bytes: number;
}

function measure(tools: ToolContext, { source, files, bytes }: Files, runs: number): Promise<Findings> {
  const { pacs, sockets, directory } = tools;
  return withGateway(pacs, directory, async (gateway) => {
    const { service, usage } = gateway;
    const rest = usage();
    await store(service, files.slice(0, 20));
    const used = await meter(gateway, rest);
    const samples = await alternate(runs, [
      async (into) => {
        await pacs.clear?.();
        into.add('request', await store(service, files));
      },
      async (into) => {
        await pacs.clear?.();
        into.add('storescu', await storescu(tools, source));
      },
    ]);
    const gatewayUsed = await used();
    const what = `${files.length} CT slices stored`;
    const requests = samples.of('request');
    return {
      comparisons: [
        compare({ what, against: 'storescu', peer: pacs.kind, sockets }, requests, samples.of('storescu')),
      ],
      memory: [
        {
          what: `${what}, sockets ${sockets}`,
          peer: pacs.kind,
          megabytesMoved: megabytes(bytes),
          seconds: summarise(requests).median,
          ...gatewayUsed,
          cpuSeconds: gatewayUsed.cpuSeconds / runs,
        },
      ],
    };
  });
}
