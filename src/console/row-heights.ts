export interface RowHeights {
  /** Pixels above a row. */
  readonly topOf: (index: number) => number;
  /** The row that is so many pixels down. */
  readonly indexAt: (top: number) => number;
  /** Which row is the first in the document. */
  readonly first: { current: number };
}

export interface Rows {
  readonly count: number;
  readonly rowHeight: number;
  readonly isMeasured: boolean;
}

/** Of rows of one height. */
const equal = (rowHeight: number): Omit<RowHeights, 'first'> => ({
  topOf: (index) => index * rowHeight,
  indexAt: (top) => Math.floor(top / rowHeight),
});

/** Where each row begins; `measured` are those that are higher or lower than `rowHeight`. */
export function heightsOf(
  { count, rowHeight }: Omit<Rows, 'isMeasured'>,
  measured: ReadonlyMap<number, number>,
): Omit<RowHeights, 'first'> {
  if (measured.size === 0) return equal(rowHeight);
  const tops = new Float64Array(count + 1);
  for (let at = 0; at < count; at += 1) tops[at + 1] = (tops[at] ?? 0) + (measured.get(at) ?? rowHeight);
  return {
    topOf: (index) => tops[Math.min(count, index)] ?? 0,
    indexAt: (top) => {
      let [low, high] = [0, count];
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if ((tops[middle] ?? 0) <= top) low = middle;
        else high = middle - 1;
      }
      return low;
    },
  };
}
