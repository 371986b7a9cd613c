import { join } from 'node:path';
import { download } from './client.js';
import { Generator, type GeneratedSeries } from './data.js';
import { withGateway } from './gateway.js';
import { meter } from './meter.js';
import { FRAME_BYTES } from './head.js';
import { createOrthanc, load, type Pacs } from './pacs.js';
import { megabytes, type Findings, type MemoryRow } from './results.js';
import type { Settings } from './settings.js';

/** Most megabytes that the gateway may ever need, whatever the size of what passes. */
const PEAK_MEGABYTES = 300;

const SLOW_BYTES_PER_SECOND = 1e6;
/** Different studies that the slow clients read: more than there are associations. */
const SLOW_STUDIES = 10;

interface Case {
  readonly what: string;
  readonly series: GeneratedSeries;
}

/**
 * Peak memory for large objects in two sizes, for a client at full speed and one that stops for a while, and for many
 * slow clients.
 */
export async function benchMemory(settings: Settings): Promise<Findings> {
  const generator = new Generator(settings.seed);
  const gibibytes = (series: GeneratedSeries): string =>
    `${Number((series.pixelBytes / 2 ** 30).toFixed(2))} GiB`;
  const cases: Case[] = [
    ...settings.studyBytes.map((bytes, index) => {
      const series = generator.ctSeries(1 + index, Math.round(bytes / FRAME_BYTES));
      return { what: `study of ${series.count} slices, ${gibibytes(series)}`, series };
    }),
    ...settings.multiFrameBytes.map((bytes, index) => {
      const series = generator.multiFrame(10 + index, bytes);
      return { what: `one multi-frame instance of ${gibibytes(series)}`, series };
    }),
  ];
  const slowSlices = Math.ceil((settings.slowSeconds * SLOW_BYTES_PER_SECOND) / FRAME_BYTES);
  const slow = Array.from({ length: SLOW_STUDIES }, (_, index) => generator.ctSeries(20 + index, slowSlices));
  const pacs = await createOrthanc(join(settings.directory, 'memory-orthanc'));
  const memory: MemoryRow[] = [];
  try {
    await pacs.start('nodelay');
    for (const series of [...cases.map((one) => one.series), ...slow]) await load(pacs, series);
    for (const one of cases) {
      memory.push(await measure(settings, pacs, one, false), await measure(settings, pacs, one, true));
    }
    memory.push(await slowClients(settings, pacs, slow));
  } finally {
    await pacs.stop();
  }
  return { comparisons: [], memory };
}

/** Many clients that read slowly at once, several of them the same study: what arrives faster waits for them. */
function slowClients(
  { directory, slowClients: clients }: Settings,
  pacs: Pacs,
  studies: readonly GeneratedSeries[],
): Promise<MemoryRow> {
  return withGateway(pacs, directory, async (gateway) => {
    const used = await meter(gateway);
    const reads = await Promise.all(
      Array.from({ length: clients }, (_, index) => {
        const series = studies[index % studies.length];
        if (!series) throw new RangeError('there is nothing to read');
        return download(gateway.service, series, { level: 'study', bytesPerSecond: SLOW_BYTES_PER_SECOND });
      }),
    );
    return {
      what: `${clients} clients that read 1 MB/s, of ${studies.length} studies`,
      peer: pacs.kind,
      megabytesMoved: megabytes(reads.reduce((total, { bytes }) => total + bytes, 0)),
      seconds: Math.max(...reads.map(({ seconds }) => seconds)),
      ...(await used()),
      toReach: PEAK_MEGABYTES,
    };
  });
}

function measure(
  { directory, pauseMs }: Settings,
  pacs: Pacs,
  { what, series }: Case,
  stops: boolean,
): Promise<MemoryRow> {
  const pause = { afterBytes: series.pixelBytes / 2, ms: pauseMs };
  return withGateway(pacs, directory, async (gateway) => {
    const used = await meter(gateway);
    const read = await download(gateway.service, series, { level: 'study', ...(stops ? { pause } : {}) });
    return {
      what: `${what}, client ${stops ? `stops for ${pauseMs / 1000} s` : 'at full speed'}`,
      peer: pacs.kind,
      megabytesMoved: megabytes(read.bytes),
      seconds: read.seconds,
      ...(await used()),
      toReach: PEAK_MEGABYTES,
    };
  });
}
