import type { HTMLAttributes, JSX } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';
import { useCine, type Cine } from './cine.js';
import type { Row } from './dicom.js';
import { useDrawn } from './drawn.js';
import type { Place, Stack } from './stack.js';
import { texts } from './texts.js';
import { Failure } from './ui.js';
import { draggedWindow, hasWindow, storedWindow, windowQuery, type WindowLevel } from './window-level.js';

const t = texts.viewer;

export interface ViewerProps {
  /** Of the series. */
  readonly path: string;
  readonly uids: (index: number) => string;
  readonly stack: Stack;
  readonly place: Place;
  /** Of the instance at that place, once it is known. */
  readonly metadata: Row | undefined;
  readonly onMove: (place: Place) => void;
}

/** A quick look at the pictures that the gateway makes of a series. */
export function Viewer({ path, uids, stack, place, metadata, onMove }: ViewerProps): JSX.Element {
  const [window, setWindow] = useState<WindowLevel>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const help = useId();
  const position = stack.positionOf(place);
  const pathAt = (at: number): string => {
    const { index, frame } = stack.placeOf(at);
    return `${path}/instances/${uids(index)}/frames/${frame}/rendered${windowQuery(window)}`;
  };
  const goTo = (at: number): void => {
    onMove(stack.placeOf(at));
  };
  const { isWaiting, error, retry } = useDrawn(canvas, pathAt(position));
  const reset = (): void => {
    setWindow(undefined);
  };
  const cine = useCine({ stack, place, metadata, goTo, pathAt });
  const drag = useWindowDrag(window, metadata, setWindow);
  const acts: Acts = {
    ...keysOf(position, stack.total, goTo),
    ' ': cine.toggle,
    r: reset,
    R: reset,
    ...(cine.isPlaying && { Escape: cine.toggle }),
  };
  return (
    <figure class="viewer">
      <p class="caution">{texts.notForDiagnosis}</p>
      <div
        class={`stage ${isWaiting ? 'waiting' : ''}`}
        tabIndex={0}
        role="group"
        aria-label={t.stage}
        aria-describedby={help}
        onKeyDown={(event) => {
          actOn(event, acts);
        }}
        onWheel={(event) => {
          scrollOn(event, stack, position, goTo);
        }}
        {...drag}
      >
        <canvas ref={canvas} role="img" aria-label={`${t.canvas} ${t.position(position + 1, stack.total)}`} />
        {isWaiting && !error && <p class="coming">{t.waiting}</p>}
        {error && <Failure error={error} onRetry={retry} />}
      </div>
      <Controls
        stack={stack}
        position={position}
        goTo={goTo}
        cine={cine}
        windowText={windowText(window, metadata)}
        onReset={window && reset}
        help={help}
      />
    </figure>
  );
}

/** Where there is nothing to scroll through the page scrolls. */
function scrollOn(event: WheelEvent, { total }: Stack, at: number, goTo: (at: number) => void): void {
  if (total <= 1 || event.ctrlKey) return;
  event.preventDefault();
  goTo(at + Math.sign(event.deltaY));
}

/** By the name of the key. */
type Acts = Readonly<Partial<Record<string, () => void>>>;

function actOn(event: KeyboardEvent, acts: Acts): void {
  const act = acts[event.key];
  if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  act();
}

/** What keys do to the position. */
function keysOf(at: number, total: number, goTo: (position: number) => void): Acts {
  const to = (position: number) => (): void => {
    goTo(position);
  };
  return {
    ArrowDown: to(at + 1),
    ArrowRight: to(at + 1),
    ArrowUp: to(at - 1),
    ArrowLeft: to(at - 1),
    PageDown: to(at + 10),
    PageUp: to(at - 10),
    Home: to(0),
    End: to(total - 1),
  };
}

function windowText(window: WindowLevel | undefined, metadata: Row | undefined): string {
  if (metadata && !hasWindow(metadata)) return t.colour;
  return window ? t.window(window.center, window.width) : t.stored;
}

interface ControlsProps {
  readonly stack: Stack;
  readonly position: number;
  readonly goTo: (position: number) => void;
  readonly cine: Cine;
  readonly windowText: string;
  readonly onReset: (() => void) | undefined;
  /** Id of what keys and pointer do. */
  readonly help: string;
}

function Controls(props: ControlsProps): JSX.Element {
  const { stack, position, goTo, cine, windowText: text, onReset, help } = props;
  const isMany = stack.total > 1;
  return (
    <figcaption>
      {isMany && (
        <input
          type="range"
          min={0}
          max={stack.total - 1}
          value={position}
          aria-label={t.slider}
          onInput={({ currentTarget }) => {
            goTo(Number(currentTarget.value));
          }}
        />
      )}
      <div class="actions">
        {isMany && (
          <button type="button" onClick={cine.toggle}>
            {cine.isPlaying ? t.pause : t.play}
          </button>
        )}
        <span class="position">{t.position(position + 1, stack.total)}</span>
        {isMany && <span class="faint">{t.perSecond(cine.rate)}</span>}
        <span class="window">{text}</span>
        {onReset && (
          <button type="button" class="quiet" onClick={onReset}>
            {t.reset}
          </button>
        )}
      </div>
      <p class="faint help" id={help}>
        {t.help}
      </p>
    </figcaption>
  );
}

type DragHandlers = Pick<
  HTMLAttributes<HTMLDivElement>,
  'onPointerDown' | 'onPointerMove' | 'onPointerUp' | 'onLostPointerCapture'
>;

/** Dragging changes the window, of images that have one. */
function useWindowDrag(
  window: WindowLevel | undefined,
  metadata: Row | undefined,
  onWindow: (window: WindowLevel) => void,
): DragHandlers {
  const start = useRef<{ readonly x: number; readonly y: number; readonly window: WindowLevel } | undefined>(
    undefined,
  );
  const end = (): void => {
    start.current = undefined;
  };
  return {
    onPointerDown: (event) => {
      if (event.button !== 0 || !metadata || !hasWindow(metadata)) return;
      start.current = { x: event.clientX, y: event.clientY, window: window ?? storedWindow(metadata) };
      event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event) => {
      if (!start.current) return;
      const { x, y, window: before } = start.current;
      onWindow(draggedWindow(before, event.clientX - x, event.clientY - y));
    },
    onPointerUp: end,
    // Also when the browser takes the finger to scroll the page.
    onLostPointerCapture: end,
  };
}
