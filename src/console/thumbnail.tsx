import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { askBlob } from './api.js';
import { refusedOf } from './hooks.js';
import { texts } from './texts.js';

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

/** The small picture that the gateway has of something, once it comes into sight. */
export function Thumbnail({ path, label }: { readonly path: string; readonly label: string }): JSX.Element {
  const box = useRef<HTMLSpanElement>(null);
  const [url, setUrl] = useState<string>();
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    let made: string | undefined;
    const load = async (): Promise<void> => {
      try {
        const blob = await inTurn(signal, () =>
          askBlob(`${path}/thumbnail?viewport=160,160`, { accept: 'image/jpeg', signal }),
        );
        if (signal.aborted) return;
        made = URL.createObjectURL(blob);
        setUrl(made);
      } catch (thrown) {
        if (!signal.aborted) setProblem(refusedOf(thrown)?.message);
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
    };
  }, [path]);
  return (
    <span class="thumbnail" ref={box} title={problem}>
      {url === undefined ? (
        <span class="faint">{problem === undefined ? '' : texts.study.noThumbnail}</span>
      ) : (
        <img src={url} alt={label} />
      )}
    </span>
  );
}
