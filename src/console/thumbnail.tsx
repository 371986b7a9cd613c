import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { askBlob, epoch, Refused } from './api.js';
import { refusedOf } from './hooks.js';
import { texts } from './texts.js';

const t = texts.study;

/** Small pictures that are asked for at once: an archive has few associations. */
const AT_ONCE = 3;
let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
  try {
    signal.throwIfAborted();
    return await run();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

/** What is said of an object of which there is no picture, which is no failure. @see PS3.18 10.4.3 */
const WITHOUT_PICTURE: ReadonlySet<number> = new Set([404, 406]);

/** The small picture that the gateway has of something, once it comes into sight. */
export function Thumbnail({ path }: { readonly path: string }): JSX.Element {
  const box = useRef<HTMLSpanElement>(null);
  const [url, setUrl] = useState<string>();
  const [problem, setProblem] = useState<Refused>();
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    let made: string | undefined;
    setProblem(undefined);
    const load = async (): Promise<void> => {
      try {
        const blob = await inTurn(signal, () =>
          askBlob(`${path}/thumbnail?viewport=160,160`, { accept: 'image/jpeg', signal }),
        );
        if (signal.aborted) return;
        made = URL.createObjectURL(blob);
        setUrl(made);
      } catch (thrown) {
        if (!signal.aborted) setProblem(refusedOf(thrown));
      }
    };
    const observer = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting !== true) return;
      observer.disconnect();
      void load();
    });
    if (box.current) observer.observe(box.current);
    return () => {
      observer.disconnect();
      controller.abort();
      if (made !== undefined) URL.revokeObjectURL(made);
      setUrl(undefined);
    };
  }, [path, epoch.value]);
  const isWithout = problem !== undefined && WITHOUT_PICTURE.has(problem.status);
  const words = isWithout ? t.noThumbnail : t.thumbnailFailed;
  return (
    <span class={`thumbnail ${isWithout ? 'sign' : ''}`} ref={box} title={problem?.message}>
      {url !== undefined && problem === undefined ? (
        <img
          src={url}
          alt=""
          onError={() => {
            setProblem(new Refused(t.thumbnailFailed));
          }}
        />
      ) : (
        problem && <span class={isWithout ? '' : 'faint'}>{words}</span>
      )}
    </span>
  );
}
