import { setTimeout as after } from 'node:timers/promises';
import { randomBelow } from '../bench/random.js';
import type { FaultLog } from './faults.js';
import type { FaultyLine, Trouble } from './line.js';
import type { RealPacs } from '../helpers/pacs-process.js';
import type { Settings } from './settings.js';
import type { PeerName } from './world.js';

/** A PACS and the lines to and from it. */
export interface Site {
  readonly peer: PeerName;
  readonly pacs: RealPacs;
  readonly lines: readonly FaultyLine[];
}

interface Kind {
  readonly name: string;
  readonly harmless?: boolean;
  /** Begins it; resolves with what ends it. */
  begin(site: Site, below: (bound: number) => number): Promise<() => Promise<unknown>>;
}

const onLines =
  (trouble: (below: (bound: number) => number) => Trouble): Kind['begin'] =>
  ({ lines }, below) => {
    const chosen = trouble(below);
    for (const line of lines) line.begin(chosen);
    return Promise.resolve(() => Promise.all(lines.map((line) => line.mend())));
  };

const restart =
  (signal: NodeJS.Signals): Kind['begin'] =>
  async ({ pacs }) => {
    await pacs.kill(signal);
    return () => pacs.restart();
  };

const KINDS: readonly Kind[] = [
  { name: 'slow line', harmless: true, begin: onLines((below) => ({ delayMs: 5 + below(20) })) },
  { name: 'line in slices', harmless: true, begin: onLines((below) => ({ sliceBytes: 2000 + below(4000) })) },
  { name: 'stalled line', begin: onLines(() => ({ stalled: true })) },
  { name: 'line that cuts', begin: onLines((below) => ({ cutAfterBytes: 50 + below(400_000) })) },
  { name: 'refused connections', begin: onLines(() => ({ refused: true })) },
  {
    name: 'reset',
    begin: ({ lines }) => {
      for (const line of lines) line.reset();
      return Promise.resolve(() => Promise.resolve());
    },
  },
  { name: 'restart of the PACS (SIGTERM)', begin: restart('SIGTERM') },
  { name: 'restart of the PACS (SIGKILL)', begin: restart('SIGKILL') },
  {
    name: 'PACS held up',
    begin: ({ pacs }) => {
      pacs.signal('SIGSTOP');
      return Promise.resolve(() => {
        pacs.signal('SIGCONT');
        return Promise.resolve();
      });
    },
  },
];

/** How long a fault lasts, and how long there is none: the time that failures of the last one may take is in it. */
const FAULT_MS = { least: 1000, most: 12_000 };
const CALM_MS = { least: 15_000, most: 35_000 };

/** A shorter soak has its faults sooner: all of them are to come. */
const AT_LEISURE_MINUTES = 5;

/** Makes one trouble after the other at a PACS until the signal; every kind comes once before any comes again. */
export async function makeTrouble(
  site: Site,
  log: FaultLog,
  { seed, minutes }: Pick<Settings, 'seed' | 'minutes'>,
  until: AbortSignal,
): Promise<void> {
  const below = randomBelow(seed);
  const hurry = Math.min(1, minutes / AT_LEISURE_MINUTES);
  const between = ({ least, most }: { least: number; most: number }): number =>
    hurry * (least + below(most - least));
  let deck: Kind[] = [];
  while (!until.aborted) {
    await pause(between(CALM_MS), until);
    if (isOver(until)) return;
    if (deck.length === 0) deck = [...KINDS];
    const [kind] = deck.splice(below(deck.length), 1);
    if (!kind) continue;
    const over = log.begin(site.peer, kind.name, kind.harmless);
    const end = await kind.begin(site, below);
    await pause(between(FAULT_MS), until);
    await end();
    over();
  }
}

/** Asked of a function, for it changes while one waits. */
export const isOver = (signal: AbortSignal): boolean => signal.aborted;

/** Waits, until the signal at most. */
export const pause = (ms: number, until: AbortSignal): Promise<void> =>
  after(ms, undefined, { signal: until }).catch(() => undefined);
