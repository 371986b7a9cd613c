import { Channel } from '../core/index.js';
import type { OpenedRetrieve } from './retrieve.js';
import type { HeldInstance } from './want.js';

/** Instances that something is made of while the one before them is sent: each has a frame in memory. */
const AHEAD = 2;

interface Made<T> {
  readonly made: T;
  readonly letGo: () => void;
}

/**
 * What `make` makes of each of the instances, in their order, a few of them at the same time: with one after the other
 * either a thread would work, or the socket. Each is held until what was made of it has been read.
 *
 * @throws what `make` or the instances throw, in its turn
 */
export async function* madeAhead<T>(
  { instances, close }: Pick<OpenedRetrieve, 'instances' | 'close'>,
  make: (instance: HeldInstance) => Promise<T>,
): AsyncGenerator<T, void, undefined> {
  const kept = new Set<() => void>();
  const begin = async (instance: HeldInstance): Promise<Made<T>> => {
    const letGo = instance.keep();
    kept.add(letGo);
    return { made: await make(instance), letGo };
  };
  const begun = new Channel<Promise<Made<T>>>(AHEAD);
  const all = beginAll(instances, begin, begun);
  try {
    for await (const coming of begun) {
      const { made, letGo } = await coming;
      yield made;
      letGo();
      kept.delete(letGo);
    }
  } finally {
    // The next one may never come.
    close();
    for (const letGo of kept) letGo();
    await all;
  }
}

/** Begins with one after the other, as many as `begun` has room for. */
async function beginAll<T>(
  instances: OpenedRetrieve['instances'],
  begin: (instance: HeldInstance) => Promise<T>,
  begun: Channel<Promise<T>>,
): Promise<void> {
  try {
    for await (const instance of instances) {
      const coming = begin(instance);
      coming.catch(() => undefined); // awaited in its turn, or never when the reader has gone
      if (!(await begun.push(coming))) return;
    }
    begun.close();
  } catch (thrown) {
    begun.fail(thrown);
  }
}
