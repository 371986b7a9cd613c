import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { epoch, type Refused } from './api.js';
import { refusedOf } from './hooks.js';
import { pictureOf } from './pictures.js';

export interface Drawn {
  readonly isWaiting: boolean;
  readonly error: Refused | undefined;
  readonly retry: () => void;
}

/** Pictures that are asked for at once while one scrolls: the latest is what counts. */
const AT_ONCE = 2;

/** Draws the picture behind `path`; of those that were passed by before they came, none. */
export function useDrawn(canvas: RefObject<HTMLCanvasElement | null>, path: string): Drawn {
  const [state, setState] = useState<{ path: string; error?: Refused | undefined }>({ path: '' });
  const [round, setRound] = useState(0);
  /** What is wanted now; undefined once the viewer has gone. */
  const wanted = useRef<string | undefined>(path);
  const running = useRef(0);
  wanted.current = path;
  useEffect(() => {
    const load = async (): Promise<void> => {
      const asked = wanted.current;
      if (asked === undefined) return;
      running.current += 1;
      try {
        const picture = await pictureOf(asked);
        if (asked === wanted.current) {
          draw(canvas.current, picture, asked);
          setState({ path: asked });
        }
      } catch (thrown) {
        if (asked === wanted.current) {
          // What stands there is of another place.
          clear(canvas.current);
          setState({ path: asked, error: refusedOf(thrown) });
        }
      }
      running.current -= 1;
      if (asked !== wanted.current && running.current < AT_ONCE) await load();
    };
    if (running.current < AT_ONCE) void load();
  }, [path, round, epoch.value]);
  useEffect(
    () => () => {
      wanted.current = undefined;
    },
    [],
  );
  return {
    isWaiting: state.path !== path,
    error: state.path === path ? state.error : undefined,
    retry: () => {
      setState({ path: '' });
      setRound((before) => before + 1);
    },
  };
}

function draw(canvas: HTMLCanvasElement | null, picture: ImageBitmap, path: string): void {
  if (!canvas) return;
  if (canvas.width !== picture.width) canvas.width = picture.width;
  if (canvas.height !== picture.height) canvas.height = picture.height;
  canvas.getContext('2d')?.drawImage(picture, 0, 0);
  canvas.dataset['shown'] = path;
}

function clear(canvas: HTMLCanvasElement | null): void {
  canvas?.getContext('2d')?.clearRect(0, 0, canvas.width, canvas.height);
  delete canvas?.dataset['shown'];
}
