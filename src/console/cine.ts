import { useEffect, useRef, useState } from 'preact/hooks';
import { numberOf, tags, type Row } from './dicom.js';
import { pictureOf } from './pictures.js';
import type { Place, Stack } from './stack.js';

export interface Cine {
  readonly isPlaying: boolean;
  /** Frames a second. */
  readonly rate: number;
  readonly toggle: () => void;
}

export interface CineOptions {
  readonly stack: Stack;
  readonly place: Place;
  readonly metadata: Row | undefined;
  readonly goTo: (position: number) => void;
  readonly pathAt: (position: number) => string;
}

const DEFAULT_RATE = 10;
/** Pictures that are asked for ahead of the one that is shown. */
const AHEAD = 4;

/** @see PS3.3 C.7.6.5 */
function rateOf(metadata: Row | undefined): number {
  if (!metadata) return DEFAULT_RATE;
  const frameTime = numberOf(metadata, tags.frameTime);
  const told =
    numberOf(metadata, tags.recommendedFrameRate) ??
    numberOf(metadata, tags.cineRate) ??
    (frameTime !== undefined && frameTime > 0 ? 1000 / frameTime : DEFAULT_RATE);
  return Math.round(Math.max(1, Math.min(60, told)));
}

/** Plays the frames of an instance that has several, else the instances of the series, over and over. */
export function useCine(options: CineOptions): Cine {
  const [isPlaying, setPlaying] = useState(false);
  const latest = useRef(options);
  latest.current = options;
  const rate = rateOf(options.metadata);
  useEffect(() => {
    if (!isPlaying) return undefined;
    const controller = new AbortController();
    void play(() => latest.current, rate, controller.signal).then(() => {
      if (!controller.signal.aborted) setPlaying(false);
    });
    return () => {
      controller.abort();
    };
  }, [isPlaying, rate]);
  const toggle = (): void => {
    setPlaying((before) => !before);
  };
  return { isPlaying, rate, toggle };
}

/** Resolves at `signal`, or at a picture that cannot be had, which is then shown as such. */
async function play(now: () => CineOptions, rate: number, signal: AbortSignal): Promise<void> {
  const isOver = (): boolean => signal.aborted;
  let isThere = true;
  while (isThere && !isOver()) {
    const began = performance.now();
    const [next = 0, ...later] = Array.from({ length: AHEAD }, (_, index) => stepped(now(), index + 1));
    for (const position of later) pictureOf(now().pathAt(position)).catch(() => undefined);
    isThere = await pictureOf(now().pathAt(next)).then(
      () => true,
      () => false,
    );
    await new Promise((resolve) => setTimeout(resolve, 1000 / rate - (performance.now() - began)));
    if (document.hidden) await untilSeen(signal);
    if (!isOver()) now().goTo(next);
  }
}

/** Nobody watches what plays on a page that cannot be seen. */
async function untilSeen(signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (signal.aborted || !document.hidden) resolve();
    };
    signal.addEventListener('abort', look, { signal: over.signal });
    document.addEventListener('visibilitychange', look, { signal: over.signal });
  });
  over.abort();
}

/** The position so many steps on. */
function stepped({ stack, place }: CineOptions, steps: number): number {
  const at = stack.positionOf(place);
  const first = at - place.frame + 1;
  const frames = stack.framesAt(place.index);
  const [from, count] = frames > 1 ? [first, frames] : [0, stack.total];
  return from + ((at - from + steps) % count);
}
