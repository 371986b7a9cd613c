import { setTimeout as after } from 'node:timers/promises';
import { randomBelow } from '../bench/random.js';
import { viewerAgent } from './ask.js';
import { Client, type Shared } from './context.js';
import * as retrieves from './retrieves.js';
import * as rude from './rude.js';
import * as searches from './searches.js';
import { preload, store } from './stores.js';
import { PEERS } from './world.js';

type Operation = (client: Client) => Promise<void>;

/** What clients do, and how often beside the others. */
const OPERATIONS: readonly (readonly [weight: number, operation: Operation])[] = [
  [4, searches.allStudies],
  [6, searches.oneStudy],
  [1, searches.noStudy],
  [3, searches.seriesOfStudy],
  [3, searches.instancesOfSeries],
  [1, searches.instancesOfStudy],
  [6, retrieves.viewer],
  [4, retrieves.wholeStudy],
  [4, retrieves.wholeSeries],
  [6, retrieves.oneInstance],
  [2, retrieves.archive],
  [4, retrieves.metadata],
  [8, retrieves.frame],
  [2, retrieves.bulkData],
  [5, retrieves.rendered],
  [4, retrieves.thumbnail],
  [1, retrieves.transcoded],
  [4, retrieves.wadoUri],
  [5, store],
  [2, preload],
  [4, rude.leavesInBody],
  [3, rude.leavesSoon],
  [1, rude.readsSlowly],
  [1, rude.readsNothing],
];

const DECK: readonly Operation[] = OPERATIONS.flatMap(([weight, operation]) =>
  Array.from({ length: weight }, () => operation),
);
/** Longest time between two operations of one client. */
const THINK_MS = 400;

/** Lets so many clients work until the signal; resolves when the last of them has its answer. */
export async function work(shared: Shared, clients: number, seed: number, until: AbortSignal): Promise<void> {
  const one = async (number: number): Promise<void> => {
    const below = randomBelow(seed * 1000 + number + 1);
    // every third client opens a connection for each request
    const agent = number % 3 === 2 ? false : viewerAgent();
    while (!until.aborted) {
      const client = new Client(shared, PEERS[below(PEERS.length)] ?? 'orthanc', below, agent);
      await (DECK[below(DECK.length)] ?? searches.oneStudy)(client);
      await after(below(THINK_MS));
    }
    if (agent) agent.destroy();
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => one(number)));
}
