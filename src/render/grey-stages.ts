/** The stages that grey values go through, each a function of one number. @see PS3.3 C.11, PS3.4 N.2 */
import type { ImageLook, LookUpTable, Rescale, WindowFunction } from './image-look.js';

type Stage = (value: number) => number;

/** From stored to modality values. @see PS3.3 C.11.1 */
export function modalityStage(modality: Rescale | LookUpTable | undefined): Stage {
  if (!modality) return (value) => value;
  if (modality.kind === 'table') return (value) => entryOf(modality, value);
  const { slope, intercept } = modality;
  return (value) => value * slope + intercept;
}

/** From modality values to 0 (black) to 1 (white). @see PS3.3 C.11.2 */
export function voiStage(voi: WindowFunction | LookUpTable): Stage {
  return voi.kind === 'table' ? tableStage(voi) : windowStage(voi);
}

/** All values from `lowest` to `highest`: one value alone is black. */
export function rangeStage(lowest: number, highest: number): Stage {
  const range = highest - lowest;
  return range > 0 ? (value) => clamped((value - lowest) / range) : () => 0;
}

/** @see PS3.3 C.11.4, C.11.6 */
export function presentationStage(presentation: ImageLook['presentation']): Stage {
  if (presentation === 'identity') return (value) => value;
  if (presentation === 'inverse') return (value) => 1 - value;
  // Its input is what the stage before it gave, spread over all of its entries.
  const { entries, bits } = presentation;
  const last = entries.length - 1;
  return (value) => (entries[Math.round(value * last)] ?? 0) / (2 ** bits - 1);
}

function windowStage({ center, width, shape }: Omit<WindowFunction, 'kind'>): Stage {
  if (shape === 'sigmoid') return (value) => 1 / (1 + Math.exp((-4 * (value - center)) / width));
  if (shape === 'linear-exact') return (value) => clamped((value - center) / width + 0.5);
  // From one value of the window to the other there is one step less than it is wide.
  const steps = width - 1;
  const middle = center - 0.5;
  if (steps <= 0) return (value) => (value > middle ? 1 : 0);
  return (value) => clamped((value - middle) / steps + 0.5);
}

const tableStage = (table: LookUpTable): Stage => {
  const white = 2 ** table.bits - 1;
  return (value) => entryOf(table, value) / white;
};

/** The entry for a value; those outside of the table have its first or last. @see PS3.3 C.11.1.1 */
export function entryOf({ entries, first }: LookUpTable, value: number): number {
  const at = Math.round(value) - first;
  return entries[Math.min(Math.max(at, 0), entries.length - 1)] ?? 0;
}

const clamped = (value: number): number => Math.min(Math.max(value, 0), 1);
