import type http from 'node:http';
import { setTimeout as after } from 'node:timers/promises';
import { ask, type Answer, type Question } from './ask.js';
import type { Inbox } from './inbox.js';
import { judge, type Check } from './judge.js';
import type { Ledger } from './ledger.js';
import type { KnownInstance, KnownSeries, KnownStudy, PeerName, World } from './world.js';

/** Clients do not ask again at once where nobody listens: thousands of refusals would tell nothing. */
const RETRY_MS = 1000;

/** What the clients share. */
export interface Shared {
  /** Base URL of the gateway. */
  readonly origin: string;
  readonly world: World;
  readonly ledger: Ledger;
  readonly inbox: Inbox;
}

/** One client: who it asks, and how it chooses. */
export class Client {
  readonly shared: Shared;
  readonly peer: PeerName;
  readonly below: (bound: number) => number;
  readonly #agent: http.Agent | false;

  constructor(shared: Shared, peer: PeerName, below: (bound: number) => number, agent: http.Agent | false) {
    this.shared = shared;
    this.peer = peer;
    this.below = below;
    this.#agent = agent;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError('nothing to choose from');
    return value;
  }

  study(): KnownStudy {
    return this.pick(this.shared.world[this.peer]);
  }

  series(): KnownSeries {
    return this.pick(this.study().series);
  }

  instance(): KnownInstance {
    return this.pick(this.series().instances);
  }

  /** Asks the DICOMweb service of the peer, and enters what the answer is worth. */
  async ask(operation: string, path: string, check: Check, question: Question = {}): Promise<Answer> {
    const url = `${this.shared.origin}/peers/${this.peer}/dicomweb${path}`;
    const answer = await ask(url, question, this.#agent);
    const request = `${question.method ?? 'GET'} ${path}`;
    const judged = await judge(answer, check);
    this.shared.ledger.enter({ operation, peer: this.peer, request }, answer, judged);
    if (answer.error === 'ECONNREFUSED') await after(RETRY_MS);
    return answer;
  }
}

export const studyPath = ({ uid }: KnownStudy): string => `/studies/${uid}`;

export const seriesPath = ({ studyUid, seriesUid }: KnownInstance): string =>
  `/studies/${studyUid}/series/${seriesUid}`;

export const instancePath = (instance: KnownInstance): string =>
  `${seriesPath(instance)}/instances/${instance.sopUid}`;
