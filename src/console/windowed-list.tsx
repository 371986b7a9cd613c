import type { ComponentChildren, JSX, RefObject } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useHeights } from './use-heights.js';

export interface WindowedListProps {
  readonly count: number;
  /** Pixels of each row; all are of one height, unless they are measured. */
  readonly rowHeight: number;
  readonly label: string;
  readonly role?: 'listbox' | 'tree' | 'list';
  /** The row that is chosen is kept in sight. */
  readonly selected?: number | undefined;
  readonly onSelect?: ((index: number) => void) | undefined;
  /** `id` is to be that of the row. */
  readonly row: (index: number, id: string) => ComponentChildren;
  /** Rows are at least as high as `rowHeight`, and as high as what is in them. */
  readonly isMeasured?: boolean;
}

/** Rows beyond the edges that are there too. */
const SPARE = 6;

const steps: Readonly<Partial<Record<string, (at: number, page: number, last: number) => number>>> = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  PageDown: (at, page) => at + page,
  PageUp: (at, page) => at - page,
  Home: () => 0,
  End: (_at, _page, last) => last,
};

/** What of a list can be seen, in pixels, and a way to look again. */
function useView(
  box: RefObject<HTMLDivElement | null>,
  count: number,
): { readonly view: { readonly top: number; readonly height: number }; readonly look: () => void } {
  const [view, setView] = useState({ top: 0, height: 600 });
  const look = (): void => {
    const { scrollTop, clientHeight } = box.current ?? { scrollTop: 0, clientHeight: 600 };
    setView((before) =>
      before.top === scrollTop && before.height === clientHeight
        ? before
        : { top: scrollTop, height: clientHeight },
    );
  };
  useLayoutEffect(look, [count]);
  useEffect(() => {
    const observer = new ResizeObserver(look);
    if (box.current) observer.observe(box.current);
    return () => {
      observer.disconnect();
    };
  }, []);
  return { view, look };
}

/** A list of any length, of which only what can be seen is in the document. */
export function WindowedList({
  count,
  rowHeight,
  selected,
  onSelect,
  row,
  isMeasured = false,
  ...rest
}: WindowedListProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const part = useRef<HTMLDivElement>(null);
  const id = useId();
  const { view, look } = useView(box, count);
  useEffect(() => {
    if (selected !== undefined) show(box.current, selected * rowHeight, rowHeight);
  }, [selected, rowHeight]);
  const heights = useHeights({ count, rowHeight, isMeasured }, part);
  const first = Math.max(0, heights.indexAt(view.top) - SPARE);
  const last = Math.min(count, heights.indexAt(view.top + view.height) + 1 + SPARE);
  heights.first.current = first;
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = steps[event.key];
    if (!step || !onSelect || event.target !== box.current) return;
    event.preventDefault();
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 1);
    onSelect(Math.max(0, Math.min(count - 1, step(selected ?? -1, page, count - 1))));
  };
  const shown = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index);
  return (
    <div
      class="windowed"
      style={{ height: `calc(${heights.topOf(count)}px + 2px)` }}
      ref={box}
      onScroll={look}
      onKeyDown={onKeyDown}
      tabIndex={0}
      role={rest.role ?? 'list'}
      aria-label={rest.label}
      {...(selected !== undefined && { 'aria-activedescendant': `${id}-${selected}` })}
    >
      <div class="windowed-all" role="presentation" style={{ height: `${heights.topOf(count)}px` }}>
        <div
          class="windowed-part"
          role="presentation"
          ref={part}
          style={{ transform: `translateY(${heights.topOf(first)}px)` }}
        >
          {shown.map((index) => row(index, `${id}-${index}`))}
        </div>
      </div>
    </div>
  );
}

/** Scrolls no further than it takes. */
function show(box: HTMLElement | null, top: number, height: number): void {
  if (!box) return;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height - box.clientHeight;
}
