import type { JSX } from 'preact';
import { texts } from './texts.js';

const WIDTH = 240;
const HEIGHT = 56;
/** Values that fit into the width. */
const SPAN = 60;

export interface PlotProps {
  readonly title: string;
  /** The latest last; undefined where there is nothing to be said. */
  readonly values: readonly (number | undefined)[];
  readonly text: (value: number) => string;
  /** What the upper edge stands for; the largest value if left out. */
  readonly most?: number | undefined;
}

/** A line with gaps where there are no values. */
function lineOf(values: readonly (number | undefined)[], most: number): string {
  const start = WIDTH - ((values.length - 1) * WIDTH) / (SPAN - 1);
  let isDown = false;
  return values
    .map((value, index) => {
      if (value === undefined) {
        isDown = false;
        return '';
      }
      const x = start + (index * WIDTH) / (SPAN - 1);
      const y = HEIGHT - 2 - (most > 0 ? value / most : 0) * (HEIGHT - 6);
      const point = `${isDown ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
      // A value between two gaps is a dot.
      const dot = isDown ? '' : 'h0.01';
      isDown = true;
      return point + dot;
    })
    .join('');
}

/** One figure over the last minutes. */
export function Plot({ title, values, text, most }: PlotProps): JSX.Element {
  const seen = values.slice(-SPAN);
  const numbers = seen.filter((value) => value !== undefined);
  const top = Math.max(most ?? 0, ...numbers);
  const last = values.at(-1);
  const now = values.length === 0 ? texts.health.collecting : last === undefined ? texts.none : text(last);
  return (
    <figure class="card plot">
      <figcaption>
        <span>{title}</span>
        <strong>{now}</strong>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}: ${now}`}
      >
        <line x1="0" x2={WIDTH} y1={HEIGHT - 1} y2={HEIGHT - 1} />
        <path d={lineOf(seen, top)} />
      </svg>
      <small class="faint">{numbers.length > 0 ? texts.health.most(text(top)) : texts.none}</small>
    </figure>
  );
}
