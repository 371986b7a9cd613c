import { GatewayError, type Clock } from '../core/index.js';
import type { Want } from './want.js';

/**
 * Gives up a retrieve that nobody waits for any more, after `delayMs`, so that a reload does not start it anew; what it
 * returns is to be called when the retrieve has ended.
 */
export function cancelWhenDeserted(
  batch: readonly Want[],
  controller: AbortController,
  clock: Clock,
  delayMs: number,
): () => void {
  const deserted = (): boolean => batch.every((want) => want.state === 'settled' || !want.wanted);
  let isOver = false;
  let cancelTimer = (): void => undefined;
  for (const want of batch) {
    want.onDeserted(() => {
      // Most are let go of when everything has come: then there is nothing to give up.
      if (isOver || !deserted()) return;
      // Whoever came back meanwhile has the whole of the time again.
      cancelTimer();
      cancelTimer = clock.after(delayMs, () => {
        if (deserted())
          controller.abort(new GatewayError('cancelled', 'Nobody waits for these instances any more.'));
      });
    });
  }
  return () => {
    isOver = true;
    cancelTimer();
  };
}

/**
 * A person has come to wait for what is asked for in the background. That retrieve may itself still wait for an
 * association: while it has brought nothing it is given up, and what it asked for is asked for anew.
 */
export function cancelWhenHastened(batch: readonly Want[], controller: AbortController): void {
  for (const want of batch) {
    want.onHastened = () => {
      if (batch.some(({ state }) => state !== 'requested')) return;
      controller.abort(new GatewayError('cancelled', 'Somebody waits for these instances now.'));
    };
  }
}
