import { Channel } from '../core/index.js';

interface Item<T> {
  readonly value: T;
  /** Whether the next one of its source is wanted. */
  readonly used: (isMoreWanted: boolean) => void;
}

/**
 * What several sources give, as it comes. The next one of a source is asked for once the reader comes back for another,
 * so that one of each is held at most, however long another source is quiet.
 *
 * @throws what a source throws, behind what the others have given by then
 */
export async function* asTheyCome<T>(
  sources: readonly AsyncIterable<T>[],
): AsyncGenerator<T, void, undefined> {
  const coming = new Channel<Item<T>>(sources.length);
  const waiting = new Set<Item<T>['used']>();
  const pump = async (source: AsyncIterable<T>): Promise<void> => {
    for await (const value of source) {
      const isMoreWanted = await new Promise<boolean>((resolve) => {
        waiting.add(resolve);
        if (!coming.offer({ value, used: resolve })) resolve(false);
      });
      if (!isMoreWanted) return;
    }
  };
  Promise.all(sources.map(pump)).then(
    () => {
      coming.close();
    },
    (error: unknown) => {
      coming.fail(error);
    },
  );
  try {
    for await (const { value, used } of coming) {
      yield value;
      waiting.delete(used);
      used(true);
    }
  } finally {
    for (const used of waiting) used(false);
  }
}
