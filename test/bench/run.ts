/**
 * `npm run bench [-- cold|open|warm|qido|crowd|find|rows|store|memory|codecs|pixels|table ...]`: the gateway beside DCMTK's tools, Orthanc's
 * own DICOMweb and nginx, in front of the same Orthanc and dcmqrscp. Without names all parts are measured; `table`
 * only writes the page from the results again.
 */
import { rmSync } from 'node:fs';
import { benchCodecs } from './codecs.js';
import { benchCold } from './cold.js';
import { benchCrowd } from './crowd.js';
import { describeEnvironment } from './environment.js';
import { benchFind } from './find.js';
import { benchMemory } from './memory.js';
import { benchOpen } from './open.js';
import { benchPixels } from './pixels.js';
import { benchQido } from './qido.js';
import { record, writePage } from './report.js';
import type { Findings } from './results.js';
import { readSettings, type Settings } from './settings.js';
import { benchRows } from './rows.js';
import { benchStore } from './store.js';
import { formatResults } from './table.js';
import { benchWarm } from './warm.js';

const parts: Readonly<Record<string, (settings: Settings) => Promise<Findings>>> = {
  cold: benchCold,
  open: benchOpen,
  warm: benchWarm,
  qido: benchQido,
  crowd: benchCrowd,
  find: benchFind,
  rows: benchRows,
  store: benchStore,
  memory: benchMemory,
  codecs: benchCodecs,
  pixels: benchPixels,
};

async function measure(names: readonly string[]): Promise<void> {
  const settings = readSettings();
  try {
    for (const name of names) {
      const bench = parts[name];
      if (!bench)
        throw new Error(`there is no part ${name}, only ${Object.keys(parts).join(', ')} and table`);
      const environment = await describeEnvironment(settings);
      const result = { environment, ...(await bench(settings)) };
      const file = await record(name, result, settings.publish);
      console.log(`${formatResults({ [name]: result })}\n(${file})\n`);
    }
  } finally {
    rmSync(settings.directory, { recursive: true, force: true });
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const names = process.argv.slice(2);
if (names.includes('table')) await writePage();
else await measure(names.length > 0 ? names : Object.keys(parts));
