import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { megabytes, summarise, type CountRow, type Findings } from '../bench/results.js';
import { descriptorsOf } from './rest.js';
import type { Sample } from './sample.js';
import type { SoakResult } from './soak.js';

/** RSS moves by so much from one quarter to another without a leak, when the allocator has found where it stays. */
const RSS_RATIO = 1.1;
/**
 * Megabytes of RSS at most: whatever is kept only as long as the peers are busy, and goes with the first fault, grows by none
 * of the ratios.
 */
const MOST_RSS_MEGABYTES = 500;
/** What garbage collections leave of buffers wins and loses so much: they come some seconds to minutes apart. */
const LIVE_RATIO = 1.5;
/** Before, the quarters of an RSS that only ever rises to a new peak say nothing of leaks. */
const RSS_FROM_MINUTES = 30;
/** Before, there are too few collections in a quarter. */
const LIVE_FROM_MINUTES = 10;
const PEER = 'Orthanc, dcmqrscp';

const quarter = (samples: readonly Sample[], number: number): readonly Sample[] =>
  samples.slice(Math.floor((samples.length * (number - 1)) / 4), Math.floor((samples.length * number) / 4));

const medianOf = (samples: readonly Sample[], of: (sample: Sample) => number): number =>
  summarise(samples.map(of)).median;

/** Median RSS of the last quarter of the samples by that of the second. */
const rssGrowth = ({ samples }: SoakResult): number =>
  medianOf(quarter(samples, 4), ({ rssBytes }) => rssBytes) /
  medianOf(quarter(samples, 2), ({ rssBytes }) => rssBytes);

const peakRss = ({ samples, rests }: SoakResult): number =>
  megabytes(Math.max(...[...samples, ...rests].map(({ rssBytes }) => rssBytes)));

const leastOf = (samples: readonly Sample[]): number =>
  Math.min(...samples.map(({ heapBytes, externalBytes }) => heapBytes + externalBytes));

/** The least that heap and buffers came down to in the last quarter by that in the second: a leak raises it, garbage does not. */
const liveGrowth = ({ samples }: SoakResult): number =>
  leastOf(quarter(samples, 4)) / leastOf(quarter(samples, 2));

/** Everything that a soak must not find, in words. */
export function faultsOf(result: SoakResult): readonly string[] {
  const { ledger, leaks, storeFaults, settings } = result;
  const growth = rssGrowth(result);
  return [
    ...ledger.wrong.map((entry) => `wrong: ${JSON.stringify(entry)}`),
    ...ledger.unexplained.map((entry) => `failed for no reason: ${JSON.stringify(entry)}`),
    ...leaks.map((one) => `leak: ${one}`),
    ...storeFaults.map((one) => `store: ${one}`),
    ...(peakRss(result) > MOST_RSS_MEGABYTES
      ? [`memory: RSS was ${peakRss(result).toFixed(0)} MB, and is to be ${MOST_RSS_MEGABYTES} at most`]
      : []),
    ...(settings.minutes >= RSS_FROM_MINUTES && growth > RSS_RATIO
      ? [`leak: RSS grew by ${growth.toFixed(2)} from the second quarter to the last`]
      : []),
    ...(settings.minutes >= LIVE_FROM_MINUTES && liveGrowth(result) > LIVE_RATIO
      ? [
          `leak: heap and buffers grew by ${liveGrowth(result).toFixed(2)} from the second quarter to the last`,
        ]
      : []),
  ];
}

/** The figures in the form of the bench. */
export function findingsOf(result: SoakResult): Findings {
  const { ledger, samples, rests, leaks, storeFaults, settings, calmSeconds, stored, faults } = result;
  const count = (what: string, value: number, toReach?: number): CountRow => ({
    what,
    peer: PEER,
    value,
    ...(toReach === undefined ? {} : { toReach }),
  });
  const [warm, rested] = rests;
  const last = samples.at(-1);
  const calm = Object.values(calmSeconds).reduce((sum, seconds) => sum + seconds, 0) / 2;
  const counts = [
    count('minutes', settings.minutes),
    count('clients at once', settings.clients),
    count('restarts and faults', faults.windows.length),
    count(
      'share of the time in which a PACS was well, of that with faults',
      calm / (settings.minutes * 0.8 * 60),
    ),
    count('responses that were right', ledger.total('right')),
    count('that failed, or were not whole, visibly', ledger.total('failed') + ledger.total('partial')),
    count('that the client did not wait for', ledger.total('left')),
    count('that were wrong', ledger.total('wrong'), 0),
    count('failures while its PACS was well', ledger.unexplained.length, 0),
    count('requests turned away because there was too much to do', ledger.shed.length, 0),
    count('instances told to be stored', stored),
    count(
      'of these not as they were sent at the PACS, and instances there that nobody sent',
      storeFaults.length,
      0,
    ),
    count('associations, descriptors, spools and cache files not given back', leaks.length, 0),
    count('file descriptors at rest after the warm-up', warm ? descriptorsOf(warm) : Number.NaN),
    count('file descriptors at rest after the faults', rested ? descriptorsOf(rested) : Number.NaN),
    count('heap at rest after the warm-up, MB', megabytes(warm?.heapBytes ?? Number.NaN)),
    count('heap at rest after the faults, MB', megabytes(rested?.heapBytes ?? Number.NaN)),
    count(
      'least heap and buffers in the last quarter by those in the second',
      liveGrowth(result),
      settings.minutes < LIVE_FROM_MINUTES ? undefined : LIVE_RATIO,
    ),
    count(
      'median RSS of the last quarter by that of the second',
      rssGrowth(result),
      settings.minutes < RSS_FROM_MINUTES ? undefined : RSS_RATIO,
    ),
  ];
  const memory = [
    {
      what: `${settings.clients} clients for ${settings.minutes} minutes`,
      peer: PEER,
      megabytesMoved: megabytes(ledger.bytes),
      seconds: settings.minutes * 60,
      cpuSeconds: last?.cpuSeconds ?? Number.NaN,
      restRssMegabytes: megabytes(rests[0]?.rssBytes ?? Number.NaN),
      peakRssMegabytes: peakRss(result),
      toReach: MOST_RSS_MEGABYTES,
    },
  ];
  return { comparisons: [], memory, counts };
}

/** Writes all that is known, for whoever looks for a cause. */
export function writeDetails(result: SoakResult): string {
  const { settings, ledger, faults, ...rest } = result;
  const file = join(settings.directory, 'soak.json');
  const { counts, wrong, unexplained, shed, failureCodes, bytes } = ledger;
  const books = { counts, wrong, unexplained, shed, failureCodes, bytes };
  const details = { settings, books, faults: faults.counts(), windows: faults.windows, ...rest };
  writeFileSync(file, JSON.stringify(details, undefined, 2));
  return file;
}
