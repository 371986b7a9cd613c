import { useEffect, useRef, useState } from 'preact/hooks';
import { askList, epoch, type Refused } from './api.js';
import type { Row } from './dicom.js';
import { refusedOf } from './hooks.js';
import { logins } from './session.js';

/** Rows of a search as far as they have come. */
export interface Rows {
  readonly rows: readonly Row[];
  readonly warnings: readonly string[];
  readonly error: Refused | undefined;
  /** Only then there are no more. */
  readonly isWhole: boolean;
}

const NOTHING: Rows = { rows: [], warnings: [], error: undefined, isWhole: false };

/** Searches when `path` changes, and shows rows as they come, once for each picture of the screen. */
export function useRows(path: string | undefined): Rows & { readonly reload: () => void } {
  const [state, setState] = useState<Rows & { path: string | undefined }>({ ...NOTHING, path });
  const [round, setRound] = useState(0);
  const again = `${epoch.value} ${logins.value}`;
  useEffect(() => {
    if (path === undefined) return undefined;
    const controller = new AbortController();
    setState({ ...NOTHING, path });
    void read(path, controller.signal, (rows) => {
      setState({ ...rows, path });
    });
    return () => {
      controller.abort();
    };
  }, [path, round, again]);
  const reload = useRef(() => {
    setRound((before) => before + 1);
  }).current;
  return { ...(state.path === path ? state : NOTHING), reload };
}

async function read(path: string, signal: AbortSignal, show: (rows: Rows) => void): Promise<void> {
  let state = NOTHING;
  let frame = 0;
  const showNow = (): void => {
    frame = 0;
    if (!signal.aborted) show(state);
  };
  try {
    const { warnings, rows } = await askList<Row>(path, { signal });
    state = { ...state, warnings };
    for await (const more of rows) {
      state = { ...state, rows: [...state.rows, ...more] };
      frame ||= requestAnimationFrame(showNow);
    }
    state = { ...state, isWhole: true };
  } catch (thrown) {
    state = { ...state, error: refusedOf(thrown) };
  }
  if (frame !== 0) cancelAnimationFrame(frame);
  showNow();
}
