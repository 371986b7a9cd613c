import { join } from 'node:path';
import { Generator, type GeneratedSeries } from './data.js';
import { withGateway } from './gateway.js';
import { meter, worstOf, type Used } from './meter.js';
import { createOrthanc, load } from './pacs.js';
import { compare, megabytes, summarise, type Findings } from './results.js';
import { alternate, type Samples } from './samples.js';
import type { Settings } from './settings.js';
import { openStudy } from './viewer.js';

const SERIES = 3;
const WARM_UP_SLICES = 5;
/** Largest ratio to Orthanc that is good enough, for the metadata and for the frames. */
const TO_REACH = { cold: 1.5, warm: 0.5 } as const;
const TIMES = ['cold', 'warm'] as const;

/**
 * A study opened as OHIF does, twice in a row, against the same requests to Orthanc's own DICOMweb.
 *
 * Orthanc is started anew for each side of each run, so that neither side finds the study in Orthanc's own cache, and
 * a small study is opened first.
 */
export async function benchOpen(settings: Settings): Promise<Findings> {
  const { directory, runs, seed } = settings;
  const slices = Math.ceil(settings.openSlices / SERIES);
  const generator = new Generator(seed);
  const study = seriesOf(generator, 1, slices);
  const warmUp = seriesOf(generator, 2, WARM_UP_SLICES);
  const used: Used[] = [];
  const pacs = await createOrthanc(join(directory, 'open-orthanc'), { dicomWeb: true });
  try {
    await pacs.start('nodelay');
    for (const series of [...study, ...warmUp]) await load(pacs, series);
    const samples = await alternate(runs, [
      async (into) => {
        await pacs.start('nodelay');
        await withGateway(pacs, directory, async (gateway) => {
          await openStudy(gateway.service, warmUp);
          const measured = await meter(gateway);
          await openTwice(into, 'gateway', gateway.service, study);
          used.push(await measured());
        });
      },
      async (into) => {
        await pacs.start('nodelay');
        await openStudy(pacs.service, warmUp);
        await openTwice(into, 'Orthanc', pacs.service, study);
      },
    ]);
    const bytes = study.reduce((total, { pixelBytes }) => total + pixelBytes, 0);
    return findingsOf(samples, worstOf(used), slices * SERIES, megabytes(bytes));
  } finally {
    await pacs.stop();
  }
}

const seriesOf = (generator: Generator, study: number, slices: number): readonly GeneratedSeries[] =>
  Array.from({ length: SERIES }, (_, index) => generator.ctSeries(study, slices, index + 1));

async function openTwice(
  samples: Samples,
  side: string,
  service: string,
  study: readonly GeneratedSeries[],
): Promise<void> {
  for (const time of TIMES) {
    const { metadataSeconds, framesSeconds } = await openStudy(service, study);
    samples.add(`${time} metadata ${side}`, metadataSeconds);
    samples.add(`${time} frames ${side}`, framesSeconds);
  }
}

function findingsOf(samples: Samples, used: Used, slices: number, megabytesMoved: number): Findings {
  const place = { against: "Orthanc's own DICOMweb", peer: 'Orthanc', sockets: 'nodelay' };
  return {
    comparisons: TIMES.flatMap((time) =>
      (['metadata', 'frames'] as const).map((until) =>
        compare(
          {
            what: `study of ${slices} slices opened ${time}, until all ${until}`,
            ...place,
            toReach: TO_REACH[time],
          },
          samples.of(`${time} ${until} gateway`),
          samples.of(`${time} ${until} Orthanc`),
        ),
      ),
    ),
    memory: [
      {
        what: `study of ${slices} slices opened cold and warm`,
        peer: 'Orthanc',
        megabytesMoved,
        seconds: summarise(samples.of('cold frames gateway')).median,
        ...used,
      },
    ],
  };
}
