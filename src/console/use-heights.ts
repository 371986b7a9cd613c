import type { RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { heightsOf, type RowHeights, type Rows } from './row-heights.js';

/** Measures the rows that are in the document, each time that they may have changed. */
export function useHeights(rows: Rows, part: RefObject<HTMLElement | null>): RowHeights {
  const first = useRef(0);
  const [measured, setMeasured] = useState<ReadonlyMap<number, number>>(new Map());
  useLayoutEffect(() => {
    if (!rows.isMeasured || !part.current) return;
    const found = new Map([...measured].filter(([index]) => index < rows.count));
    for (const [at, child] of [...part.current.children].entries()) {
      const height = child.getBoundingClientRect().height;
      if (height === rows.rowHeight) found.delete(first.current + at);
      else found.set(first.current + at, height);
    }
    const isSame =
      found.size === measured.size && [...found].every(([index, height]) => measured.get(index) === height);
    if (!isSame) setMeasured(found);
  });
  return { ...heightsOf(rows, rows.isMeasured ? measured : new Map()), first };
}
