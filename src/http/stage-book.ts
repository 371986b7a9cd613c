import type { Observation } from '../core/index.js';

type Stage = Extract<Observation, { kind: 'stage' }>['stage'] | 'association';

/** What a request has waited for so far: how often, and for how long together. */
export type Stages = ReadonlyMap<Stage, { count: number; durationMs: number }>;

/** Requests that are written down at the same time, some 200 bytes each; more are not. */
const MOST_REQUESTS = 10_000;

/** Writes down what requests wait for while they run, by what everybody observes. */
export class StageBook {
  readonly #open = new Map<string, Map<Stage, { count: number; durationMs: number }>>();

  /** What a request has waited for so far. */
  of(requestId: string): Stages {
    return this.#open.get(requestId) ?? new Map();
  }

  observe(observation: Observation): void {
    if (observation.kind === 'http-started') {
      if (this.#open.size < MOST_REQUESTS) this.#open.set(observation.requestId, new Map());
    } else if (observation.kind === 'http-request') this.#open.delete(observation.requestId);
    else if (observation.kind === 'stage') this.#add(observation, observation.stage);
    else if (observation.kind === 'association' && observation.event === 'opened')
      this.#add(observation, 'association');
  }

  #add({ requestId, durationMs = 0 }: { requestId?: string; durationMs?: number }, stage: Stage): void {
    const stages = this.#open.get(requestId ?? '');
    if (stages === undefined) return;
    const { count, durationMs: before } = stages.get(stage) ?? { count: 0, durationMs: 0 };
    stages.set(stage, { count: count + 1, durationMs: before + durationMs });
  }
}
