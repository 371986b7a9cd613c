import { list, type Listed } from './client.js';
import { withGateway } from './gateway.js';
import { meter } from './meter.js';
import { startRowSource } from './row-source.js';
import { summarise, type CountRow, type Findings, type MemoryRow } from './results.js';
import type { Settings } from './settings.js';

/** Least good enough: microseconds of CPU for a row, milliseconds between the peer's first row and the client's. */
const TO_REACH = { rowMicroseconds: 100, firstRowMs: 100 };
/** Largest ratio of the peak memory of the longest answer to that of the shortest. */
const FLAT = 1.1;
/** Rows a second of a peer that reads them from a slow database. */
const SLOW_RATE = 2000;
/** Rows of that peer. */
const SLOW_ROWS = 4000;
const PEER = 'made-up rows';

interface Measured {
  readonly memory: MemoryRow;
  readonly rowMicroseconds: number;
  readonly firstRowMs: number;
}

/** Long answers to a search: what a row costs, when the first one is there, and that memory does not follow their number. */
export async function benchRows(settings: Settings): Promise<Findings> {
  const found: Measured[] = [];
  for (const rows of settings.rows) found.push(await measure(settings, rows, 0));
  const [short] = found;
  const long = found.at(-1);
  const slow = await measure(settings, Math.min(SLOW_ROWS, ...settings.rows), SLOW_RATE);
  if (!short || !long) throw new RangeError('there is nothing to measure');
  const counts: CountRow[] = [
    {
      what: `microseconds of CPU for each of ${settings.rows.at(-1) ?? 0} rows`,
      peer: PEER,
      value: Math.round(long.rowMicroseconds),
      toReach: TO_REACH.rowMicroseconds,
    },
    {
      what: 'milliseconds from the first row of the peer to that of the client',
      peer: PEER,
      value: Math.round(long.firstRowMs),
      toReach: TO_REACH.firstRowMs,
    },
    {
      what: `the same, of a peer that sends ${SLOW_RATE} rows a second`,
      peer: PEER,
      value: Math.round(slow.firstRowMs),
      toReach: TO_REACH.firstRowMs,
    },
  ];
  counts.push({
    what: `peak memory for ${settings.rows.at(-1) ?? 0} rows by that for ${settings.rows[0] ?? 0}`,
    peer: PEER,
    value: Math.round((100 * long.memory.peakRssMegabytes) / short.memory.peakRssMegabytes) / 100,
    toReach: FLAT,
  });
  return { comparisons: [], memory: found.map(({ memory }) => memory), counts };
}

/** Each run is the first of its peer's process, so that the time of its first row is that of this answer. */
async function measure({ directory, runs }: Settings, rows: number, rate: number): Promise<Measured> {
  const source = await startRowSource({ rows, rate });
  try {
    return await withGateway(source, directory, async (gateway) => {
      const check = (listed: Listed): Listed => {
        if (listed.rows !== rows) throw new Error(`${listed.rows} of ${rows} rows came`);
        return listed;
      };
      check(await list(gateway.service));
      const used = await meter(gateway);
      const lists: Listed[] = [];
      const waits: number[] = [];
      for (let run = 0; run < runs; run += 1) {
        const listed = check(await list(gateway.service));
        lists.push(listed);
        waits.push(listed.firstRowAt - source.firstRowAt());
      }
      const usage = await used();
      const seconds = summarise(lists.map((one) => one.seconds)).median;
      return {
        memory: {
          what: `search with ${rows} rows`,
          peer: PEER,
          seconds,
          ...usage,
          cpuSeconds: usage.cpuSeconds / runs,
        },
        rowMicroseconds: (usage.cpuSeconds / runs / rows) * 1e6,
        firstRowMs: summarise(waits).median,
      };
    });
  } finally {
    await source.stop();
  }
}
