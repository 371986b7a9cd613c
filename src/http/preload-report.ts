import type { PreloadStatus } from '../gateway/index.js';

/** What a client reads of a preload. */
export interface PreloadReport {
  readonly state: PreloadStatus['state'];
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string;
  /** Instances that the PACS lists; null until it has. */
  readonly listed: number | null;
  readonly complete: number;
  readonly failed: number;
  /** Came, and had to leave the cache again before the last one came. */
  readonly dropped: number;
  readonly bytes: number;
  readonly elapsedSeconds: number;
  readonly bytesPerSecond: number;
  /** At the rate so far; null while nothing can be said. */
  readonly remainingSeconds: number | null;
  /** Why it failed, or why the first instance that failed did. */
  readonly error?: { readonly code: string; readonly detail: string };
}

const toTenths = (value: number): number => Math.round(value * 10) / 10;

function remainingSeconds({ state, listed, complete, failed, elapsedMs }: PreloadStatus): number | null {
  if (state !== 'running' || listed === undefined || complete === 0) return null;
  return toTenths(((elapsedMs / complete) * (listed - complete - failed)) / 1000);
}

/** The status of a preload as it is sent. */
export function preloadReport(status: PreloadStatus): PreloadReport {
  const { target, state, listed = null, complete, failed, dropped, bytes, elapsedMs, error } = status;
  const { studyInstanceUid, seriesInstanceUid } = target;
  return {
    state,
    studyInstanceUid,
    ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }),
    listed,
    complete,
    failed,
    dropped,
    bytes,
    elapsedSeconds: toTenths(elapsedMs / 1000),
    bytesPerSecond: elapsedMs > 0 ? Math.round((bytes / elapsedMs) * 1000) : 0,
    remainingSeconds: remainingSeconds(status),
    ...(error && state !== 'cancelled' ? { error: { code: error.code, detail: error.message } } : {}),
  };
}
