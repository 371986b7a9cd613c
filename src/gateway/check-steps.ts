import { abortReason, type OperationContext } from '../core/index.js';
import { checkPeer, type CheckReport, type CheckStep, type CheckSubject } from './check.js';

/**
 * Checks a peer, and gives each step as it ends; the report is what it returns. Who leaves early ends the check.
 * @throws whatever `checkPeer` throws
 */
export async function* checkSteps(
  subject: CheckSubject,
  context: OperationContext,
): AsyncGenerator<CheckStep, CheckReport> {
  const leaving = new AbortController();
  const signal = AbortSignal.any([context.signal, leaving.signal]);
  // As many as there are kinds of steps.
  const ended: CheckStep[] = [];
  let wake: () => void = () => undefined;
  const report = checkPeer(subject, { ...context, signal }, (step) => {
    ended.push(step);
    wake();
  });
  const over = report.then(
    () => true,
    () => true,
  );
  try {
    for (let isOver = false; !isOver;) {
      const next = new Promise<boolean>((resolve) => {
        wake = () => {
          resolve(false);
        };
      });
      isOver = ended.length === 0 && (await Promise.race([next, over]));
      yield* ended.splice(0);
    }
    return await report;
  } finally {
    leaving.abort(abortReason(context.signal));
    await over;
  }
}
