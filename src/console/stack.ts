/** A place in a series: an instance, and a frame of it, 1-based. */
export interface Place {
  readonly index: number;
  readonly frame: number;
}

/** All frames of the instances of a series, one behind the other. */
export interface Stack {
  readonly total: number;
  /** What is at a position from 0; beyond the ends, what is there. */
  placeOf(position: number): Place;
  positionOf(place: Place): number;
  /** Frames of an instance. */
  framesAt(index: number): number;
}

/** The stack of instances with so many frames each. */
export function stackOf(frames: readonly number[]): Stack {
  const starts: number[] = [];
  let total = 0;
  for (const count of frames) {
    starts.push(total);
    total += Math.max(1, count);
  }
  const placeOf = (position: number): Place => {
    const at = Math.max(0, Math.min(total - 1, position));
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return { index: low, frame: at - (starts[low] ?? 0) + 1 };
  };
  return {
    total,
    placeOf,
    positionOf: ({ index, frame }) => (starts[index] ?? 0) + frame - 1,
    framesAt: (index) => Math.max(1, frames[index] ?? 1),
  };
}
