import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRoguePeer } from '../helpers/rogue-peer.js';
import { store, storeParts } from './client.js';
import { Generator, writeSeries, type GeneratedFile } from './data.js';
import { withGateway } from './gateway.js';
import { meter } from './meter.js';
import { createDcmqrscp, createOrthanc, type Pacs } from './pacs.js';
import { compare, megabytes, summarise, type Findings, type MemoryRow } from './results.js';
import { alternate } from './samples.js';
import type { Settings } from './settings.js';
import { storescu, type ToolContext } from './tools.js';

/** Seconds of the gateway by those of storescu that are good enough, by the sockets of the PACS and the tool. */
const SERIES_TO_REACH = { default: 0.15, nodelay: 1 } as const;
/** The rate of tiny instances by that of storescu. Without Nagle's algorithm it is the archive that sets the pace of both. */
const TINY_TO_REACH = { default: 3, nodelay: undefined } as const;
/** Megabytes of memory for one instance, whatever its size. */
const PEAK_MEGABYTES = 300;
/** Tiny instances take storescu minutes with default sockets. */
const TINY_RUNS = 3;

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
  const files = { what, source, files: writeSeries(series, source), bytes: series.pixelBytes };
  const tiny = writeTiny(generator.tiny(2, settings.tinyInstances), join(directory, 'store-tiny'));
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
  { files, tiny, runs }: { readonly files: Files; readonly tiny: Files | undefined; readonly runs: number },
): Promise<readonly Findings[]> {
  const found: Findings[] = [];
  for (const sockets of ['default', 'nodelay'] as const) {
    await pacs.start(sockets);
    const tools = { pacs, sockets, directory };
    found.push(await measure(tools, files, { runs, toReach: SERIES_TO_REACH[sockets] }));
    const few = { runs: Math.min(runs, TINY_RUNS), toReach: TINY_TO_REACH[sockets] };
    if (tiny) found.push(await measure(tools, tiny, few));
  }
  return found;
}

interface Files {
  readonly what: string;
  /** The directory that the files are in. */
  readonly source: string;
  readonly files: readonly string[];
  readonly bytes: number;
  /** They are compared by their rate. */
  readonly isRate?: true;
}

function writeTiny(instances: readonly Buffer[], directory: string): Files {
  mkdirSync(directory, { recursive: true });
  const files = instances.map((instance, index) => {
    const path = join(directory, `${String(index).padStart(6, '0')}.dcm`);
    writeFileSync(path, instance);
    return path;
  });
  const bytes = instances.reduce((sum, { length }) => sum + length, 0);
  return { what: `${files.length} tiny instances stored`, source: directory, files, bytes, isRate: true };
}

function measure(
  tools: ToolContext,
  { what, source, files, bytes, isRate }: Files,
  { runs, toReach }: { readonly runs: number; readonly toReach: number | undefined },
): Promise<Findings> {
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
    const requests = samples.of('request');
    const inUnit = (seconds: readonly number[]): readonly number[] =>
      isRate ? seconds.map((one) => files.length / one) : seconds;
    const row = {
      ...{ what, against: 'storescu', peer: pacs.kind, sockets },
      ...(toReach !== undefined && { toReach }),
    };
    return {
      comparisons: [
        compare(
          { ...row, ...(isRate && { unit: 'instances/s' }) },
          inUnit(requests),
          inUnit(samples.of('storescu')),
        ),
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
