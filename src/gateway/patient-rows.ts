import type { Dataset } from '../dicom/index.js';
import type { FindCompletion, Peer } from '../dimse/index.js';
import type { Find } from './find-flight.js';
import { isCut } from './patient-walk.js';

/** The rows that `takes` is true of: with those that it leaves out they may be as many as the peer gives at most. */
export async function* filtered(peer: Peer, find: Find, takes: (row: Dataset) => boolean): Find {
  let leftOut = 0;
  try {
    for (let count = 0; ; count += 1) {
      const next = await find.next();
      if (next.done) {
        const { value } = next;
        return leftOut > 0 ? { ...value, truncated: isCut(peer, value, count) } : value;
      }
      if (takes(next.value)) yield next.value;
      else leftOut += 1;
    }
  } finally {
    await find.return({ status: 0xfe00, truncated: true });
  }
}

/** The rows that `takes` is true of, and how many there were in all. */
export async function readAll(
  find: Find,
  takes: (row: Dataset) => boolean,
): Promise<{
  readonly rows: readonly Dataset[];
  readonly completion: FindCompletion;
  readonly count: number;
}> {
  const rows: Dataset[] = [];
  for (let count = 0; ; count += 1) {
    const next = await find.next();
    if (next.done) return { rows, completion: next.value, count };
    if (takes(next.value)) rows.push(next.value);
  }
}
