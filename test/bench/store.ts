import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRoguePeer } from '../helpers/rogue-peer.js';
import { store, storeParts } from './client.js';
import { Generator, writeSeries, type GeneratedFile } from './data.js';
import { withGateway, type GatewayProcess } from './gateway.js';
import { meter } from './meter.js';
import { createDcmqrscp, createOrthanc, type Pacs } from './pacs.js';
import { compare, megabytes, summarise, type Findings, type MemoryRow } from './results.js';
import { alternate, type Samples } from './samples.js';
import type { Settings } from './settings.js';
import { storescu, type ToolContext } from './tools.js';

/** Seconds of the gateway by those of storescu that are good enough, by the sockets of the PACS and the tool. */
const SERIES_TO_REACH = { default: 0.15, nodelay: 1 } as const;
/** The rate of tiny instances by that of storescu. Without Nagle's algorithm it is the archive that sets the pace of both. */
const TINY_TO_REACH = { default: 3, nodelay: undefined } as const;
/** Megabytes of memory for one instance, whatever its size. */
const PEAK_MEGABYTES = 300;
/** Runs of what takes half a minute each, so that the whole part stays within eight minutes. */
const SLOW_RUNS = 3;
const TINY_RUNS = 2;
/** `peers.*.storeParallel` beside its default: as many associations as Orthanc serves at once; dcmqrscp is not safe with two. */
const PARALLEL = 4;

/**
 * A series and tiny instances stored by one request against storescu of the same files, and memory for one large instance.
 * Each run finds the peer in the same state: Orthanc empty, dcmqrscp with the files of the run before, which it overwrites.
 */
export async function benchStore(settings: Settings): Promise<Findings> {
  const { directory, runs, seed } = settings;
  const generator = new Generator(seed);
  const series = generator.ctSeries(1, settings.slices);
  const source = join(directory, 'store-files');
  const what = `${settings.slices} CT slices stored`;
  const written = writeSeries(series, source);
  const files = { what, files: written, bytes: series.pixelBytes, tool: { source, count: written.length } };
  const tiny = writeTiny(generator.tiny(2, settings.tinyInstances), directory, settings.tinyBySlowTool);
  const found: Findings[] = [];
  const orthanc = await createOrthanc(join(directory, 'store-orthanc'));
  for (const pacs of [orthanc, await createDcmqrscp(join(directory, 'store-dcmqrscp'))]) {
    try {
      await pacs.start('nodelay');
      await storescu({ pacs, sockets: 'nodelay', directory }, source);
      // dcmqrscp holds 1 GiB of a study, and looks through all of it for each instance.
      found.push(
        ...(await benchPacs(pacs, directory, { files, tiny: pacs === orthanc ? tiny : undefined, runs })),
      );
    } finally {
      await pacs.stop();
    }
  }
  const large = [await storeLarge(settings, orthanc, generator), await storeLongest(settings, generator)];
  return {
    comparisons: found.flatMap(({ comparisons }) => comparisons),
    memory: [...found.flatMap(({ memory }) => memory), ...large],
  };
}

async function benchPacs(
  pacs: Pacs,
  directory: string,
  { files, tiny, runs }: { readonly files: Files; readonly tiny: Tiny | undefined; readonly runs: number },
): Promise<readonly Findings[]> {
  const found: Findings[] = [];
  for (const sockets of ['default', 'nodelay'] as const) {
    await pacs.start(sockets);
    const tools = { pacs, sockets, directory };
    const slow = sockets === 'default' ? Math.min(runs, SLOW_RUNS) : runs;
    found.push(await measure(tools, files, { runs: slow, toReach: SERIES_TO_REACH[sockets] }));
    // no bar: the one above is for the defaults
    if (tiny && sockets === 'nodelay')
      found.push(await measure(tools, files, { runs, toReach: undefined, storeParallel: PARALLEL }));
    const few = { runs: Math.min(runs, TINY_RUNS), toReach: TINY_TO_REACH[sockets] };
    if (tiny) found.push(await measure(tools, tiny[sockets], few));
  }
  return found;
}

interface Files {
  readonly what: string;
  readonly files: readonly string[];
  readonly bytes: number;
  /** What storescu stores: how many files in which directory. */
  readonly tool: { readonly source: string; readonly count: number };
  /** They are compared by their rate. */
  readonly isRate?: true;
}

/** The same instances through the gateway, and fewer by storescu where it takes 40 ms for each. */
type Tiny = Readonly<Record<'default' | 'nodelay', Files>>;

function writeTiny(instances: readonly Buffer[], directory: string, bySlowTool: number): Tiny {
  const [all, few] = [join(directory, 'store-tiny'), join(directory, 'store-tiny-few')];
  const files = writeInto(all, instances);
  writeInto(few, instances.slice(0, bySlowTool));
  const bytes = instances.reduce((sum, { length }) => sum + length, 0);
  const row = { what: `${files.length} tiny instances stored`, files, bytes, isRate: true } as const;
  return {
    default: {
      ...row,
      what: `${row.what} (${bySlowTool} by storescu)`,
      tool: { source: few, count: bySlowTool },
    },
    nodelay: { ...row, tool: { source: all, count: files.length } },
  };
}

function writeInto(directory: string, instances: readonly Buffer[]): readonly string[] {
  mkdirSync(directory, { recursive: true });
  return instances.map((instance, index) => {
    const path = join(directory, `${String(index).padStart(6, '0')}.dcm`);
    writeFileSync(path, instance);
    return path;
  });
}

interface Measured {
  readonly runs: number;
  readonly toReach: number | undefined;
  /** The default if left out. */
  readonly storeParallel?: number;
}

function measure(
  tools: ToolContext,
  files: Files,
  { runs, toReach, storeParallel }: Measured,
): Promise<Findings> {
  const { pacs, directory } = tools;
  const sockets = tools.sockets + (storeParallel === undefined ? '' : `, storeParallel ${storeParallel}`);
  const use = async (gateway: GatewayProcess): Promise<Findings> => {
    const rest = gateway.usage();
    await store(gateway.service, files.files.slice(0, 20));
    const used = await meter(gateway, rest);
    const samples = await sample(gateway, tools, files, runs);
    const gatewayUsed = await used();
    const requests = samples.of('request');
    const rateOf = (count: number, seconds: readonly number[]): readonly number[] =>
      files.isRate ? seconds.map((one) => count / one) : seconds;
    const row = {
      ...{ what: files.what, against: 'storescu', peer: pacs.kind, sockets },
      ...(toReach !== undefined && { toReach }),
      ...(files.isRate && { unit: 'instances/s' as const }),
    };
    return {
      comparisons: [
        compare(row, rateOf(files.files.length, requests), rateOf(files.tool.count, samples.of('storescu'))),
      ],
      memory: [
        {
          what: `${files.what}, sockets ${sockets}`,
          peer: pacs.kind,
          megabytesMoved: megabytes(files.bytes),
          seconds: summarise(requests).median,
          ...gatewayUsed,
          cpuSeconds: gatewayUsed.cpuSeconds / runs,
        },
      ],
    };
  };
  return withGateway(pacs, directory, use, storeParallel === undefined ? {} : { storeParallel });
}

/** Seconds of both sides, each into the PACS as it was before. */
function sample(
  { service }: GatewayProcess,
  tools: ToolContext,
  { files, tool }: Files,
  runs: number,
): Promise<Samples> {
  return alternate(runs, [
    async (into) => {
      await tools.pacs.clear?.();
      into.add('request', await store(service, files));
    },
    async (into) => {
      await tools.pacs.clear?.();
      into.add('storescu', await storescu(tools, tool.source));
    },
  ]);
}

const gibibytes = (bytes: number): string => `${Number((bytes / 2 ** 30).toFixed(2))} GiB`;

/** One multi-frame instance into an Orthanc. */
async function storeLarge(
  { directory, storedBytes }: Settings,
  pacs: Pacs,
  generator: Generator,
): Promise<MemoryRow> {
  const series = generator.multiFrame(3, storedBytes);
  const what = `one instance of ${gibibytes(series.pixelBytes)} stored`;
  await pacs.start('nodelay');
  try {
    return await memoryOf(what, pacs, directory, series.file(0));
  } finally {
    await pacs.stop();
  }
}

/** A part beyond the 32 bits of any length; no PACS here takes so much into its memory, so its bytes are dropped. */
async function storeLongest({ directory, partBytes }: Settings, generator: Generator): Promise<MemoryRow> {
  const peer = await startRoguePeer({ discardDatasets: true });
  try {
    const file = generator.longest(4, partBytes);
    const what = `one part of ${gibibytes(file.length)} stored`;
    return await memoryOf(what, { ...peer.address, kind: 'none' }, directory, file);
  } finally {
    await peer.close();
  }
}

function memoryOf(
  what: string,
  pacs: Pick<Pacs, 'aeTitle' | 'port'> & { readonly kind: string },
  directory: string,
  file: GeneratedFile,
): Promise<MemoryRow> {
  return withGateway(pacs, directory, async (gateway) => {
    const used = await meter(gateway);
    const seconds = await storeParts(gateway.service, [file.chunks()], 1);
    return {
      what,
      peer: pacs.kind,
      megabytesMoved: megabytes(file.length),
      seconds,
      ...(await used()),
      toReach: PEAK_MEGABYTES,
    };
  });
}
