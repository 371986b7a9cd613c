import { join } from 'node:path';
import { download } from './client.js';
import { Generator, type GeneratedSeries } from './data.js';
import { withGateway } from './gateway.js';
import { FRAME_BYTES } from './head.js';
import { createOrthanc, type Orthanc, type Pacs } from './pacs.js';
import { megabytes, type Findings, type MemoryRow } from './results.js';
import type { Settings } from './settings.js';

/** Most megabytes that the gateway may ever need, whatever the size of what passes. */
const PEAK_MEGABYTES = 300;

interface Case {
  readonly what: string;
  readonly series: GeneratedSeries;
}

/** Peak memory for large objects in two sizes, for a client that reads at full speed and one that stops for a while. */
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
  const pacs = await createOrthanc(join(settings.directory, 'memory-orthanc'));
  const memory: MemoryRow[] = [];
  try {
    await pacs.start('nodelay');
    for (const { series } of cases) await load(pacs, series);
    for (const one of cases) {
      memory.push(await measure(settings, pacs, one, false), await measure(settings, pacs, one, true));
    }
  } finally {
    await pacs.stop();
  }
  return { comparisons: [], memory };
}

async function load(pacs: Orthanc, series: GeneratedSeries): Promise<void> {
  for (let index = 0; index < series.count; index += 1) await pacs.post(series.file(index));
}

function measure(
  { directory, pauseMs }: Settings,
  pacs: Pacs,
  { what, series }: Case,
  stops: boolean,
): Promise<MemoryRow> {
  const pause = { afterBytes: series.pixelBytes / 2, ms: pauseMs };
  return withGateway(pacs, directory, async ({ service, usage }) => {
    const rest = usage();
    const read = await download(service, series, { level: 'study', ...(stops ? { pause } : {}) });
    const { peakRssBytes, cpuSeconds } = usage();
    return {
      what: `${what}, client ${stops ? `stops for ${pauseMs / 1000} s` : 'at full speed'}`,
      peer: pacs.kind,
      megabytesMoved: megabytes(read.bytes),
      seconds: read.seconds,
      cpuSeconds: cpuSeconds - rest.cpuSeconds,
      restRssMegabytes: megabytes(rest.peakRssBytes),
      peakRssMegabytes: megabytes(peakRssBytes),
      toReach: PEAK_MEGABYTES,
    };
  });
}
