import type { Dataset } from '../dicom/index.js';
import type { FindStep, ParentKeys } from '../query/index.js';

/** Rows that wait for one that tells whether the peer returns a key that is empty in them. */
const MOST_HELD = 20;

/**
 * The rows in their order, without those that turn out not to match within the next few: an empty value of a key that the
 * peer returns is no match, and whether it does the first row with a value tells.
 */
export async function* withoutDoubts(
  rows: AsyncIterable<Dataset>,
  { isDoubtful, accepts }: Pick<FindStep, 'isDoubtful' | 'accepts'>,
  parent: ParentKeys,
): AsyncGenerator<Dataset, void, undefined> {
  const held: Dataset[] = [];
  let holds = true;
  for await (const row of rows) {
    held.push(row);
    holds &&= held.length <= MOST_HELD;
    yield* released(
      held,
      (first) => !holds || !isDoubtful(first),
      (one) => accepts(one, parent),
    );
  }
  yield* released(
    held,
    () => true,
    (one) => accepts(one, parent),
  );
}

function* released(
  held: Dataset[],
  isReady: (first: Dataset) => boolean,
  accepts: (row: Dataset) => boolean,
): Generator<Dataset, void, undefined> {
  for (let [first] = held; first !== undefined && isReady(first); [first] = held) {
    held.shift();
    if (accepts(first)) yield first;
  }
}
