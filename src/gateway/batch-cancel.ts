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
  const open = (): readonly Want[] => batch.filter((want) => want.state !== 'settled');
  const unwanted = (): boolean => open().every((want) => !want.wanted);
  let isOver = false;
  let cancelTimer = (): void => undefined;
  for (const want of batch) {
    want.onDeserted(() => {
      // Most are let go of when everything has come: then there is nothing to give up.
      if (isOver || !unwanted()) return;
      // Whoever came back meanwhile has the whole of the time again.
      cancelTimer();
      cancelTimer = clock.after(delayMs, giveUp);
    });
  }
  function giveUp(): void {
    if (isOver || !unwanted()) return;
    if (open().some((want) => want.isReadByOthers)) cancelTimer = clock.after(delayMs, giveUp);
    else controller.abort(new GatewayError('cancelled', 'Nobody waits for these instances any more.'));
  }
  return () => {
    isOver = true;
    cancelTimer();
  };
}

/**
 * A person has come to wait for what is asked for in the background. While that retrieve itself still waits for an
 * association it is given up, and what it asked for is asked for anew; what is returned is to be called when it has one:
 * an archive that fetches from tape would begin anew.
 */
export function cancelWhenHastened(batch: readonly Want[], controller: AbortController): () => void {
  let isBegun = false;
  for (const want of batch) {
    want.onHastened = () => {
      if (isBegun || batch.some(({ state }) => state !== 'requested')) return;
      controller.abort(new GatewayError('cancelled', 'Somebody waits for these instances now.'));
    };
  }
  return () => {
    isBegun = true;
  };
}
