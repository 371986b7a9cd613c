import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { epoch, Refused } from './api.js';
import { logins } from './session.js';

export interface Loaded<T> {
  readonly data: T | undefined;
  readonly error: Refused | undefined;
  readonly isLoading: boolean;
  /** Whether an answer is on its way. */
  readonly isAsking: () => boolean;
  readonly reload: () => void;
}

/** Status of what an account may not do: asking again, which an audit trail counts, changes nothing of it. */
export const FORBIDDEN = 403;

/** What went wrong, for people; undefined for what was given up. */
export function refusedOf(thrown: unknown): Refused | undefined {
  if (thrown instanceof DOMException && thrown.name === 'AbortError') return undefined;
  return thrown instanceof Refused
    ? thrown
    : new Refused(thrown instanceof Error ? thrown.message : String(thrown));
}

/**
 * Loads what a view shows, anew when `key` changes or the gateway is back. The data of the last time stay until there are
 * others of the same key.
 */
export function useLoaded<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: Refused | undefined; done: boolean }>({
    key,
    done: false,
  });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const asking = useRef<AbortSignal | undefined>(undefined);
  const again = `${epoch.value} ${logins.value}`;
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    asking.current = signal;
    const over = (): void => {
      if (asking.current === signal) asking.current = undefined;
    };
    latest
      .current(signal)
      .finally(over)
      .then(
        (data) => {
          if (!signal.aborted) setState({ key, data, done: true });
        },
        (thrown: unknown) => {
          if (!signal.aborted) setState({ key, error: refusedOf(thrown), done: true });
        },
      );
    return () => {
      controller.abort();
    };
  }, [key, round, again]);
  const reload = useCallback(() => {
    setRound((before) => before + 1);
  }, []);
  const isOfKey = state.key === key;
  return {
    data: isOfKey ? state.data : undefined,
    error: isOfKey ? state.error : undefined,
    isLoading: !isOfKey || !state.done,
    isAsking: () => asking.current !== undefined,
    reload,
  };
}

/** Calls `run` now and every `ms` while the page can be seen; never while what it began last is still on its way. */
export function useEvery(ms: number, run: () => Promise<void> | undefined): void {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    let isRunning = false;
    const turn = (): void => {
      if (isRunning) return;
      isRunning = true;
      void Promise.resolve(latest.current()).finally(() => {
        isRunning = false;
      });
    };
    turn();
    const timer = setInterval(() => {
      if (!document.hidden) turn();
    }, ms);
    return () => {
      clearInterval(timer);
    };
  }, [ms]);
}

/** Follows a stream for as long as the view is there, and again after it broke; what went wrong `follow` tells. */
export function useFollowed(
  key: string,
  follow: (signal: AbortSignal) => Promise<Refused | undefined>,
): void {
  const latest = useRef(follow);
  latest.current = follow;
  const again = `${epoch.value} ${logins.value}`;
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const run = async (): Promise<void> => {
      while (!signal.aborted) {
        const error = await latest.current(signal);
        if (error?.status === FORBIDDEN) return;
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
    };
    void run();
    return () => {
      controller.abort();
    };
  }, [key, again]);
}
