import type { OperationContext } from '../core/index.js';
import type { StoreCompletion, StoreRequest } from './contract.js';

/** An instance that is to be stored. */
export interface StoreJob {
  readonly request: StoreRequest;
  readonly context: OperationContext;
  /** It is sent again: by itself, on an association that nothing has happened to yet. */
  readonly isAgain: boolean;
  /** Its bytes have been asked for. */
  isBegun: boolean;
  /** Its bytes could not be had, which is why the association is gone. */
  isBroken: boolean;
  readonly resolve: (completion: StoreCompletion) => void;
  readonly reject: (error: unknown) => void;
}

/** The bytes of its request, with a note of what came of them. */
export async function* bytesOf(job: StoreJob): AsyncGenerator<Buffer, void, undefined> {
  job.isBegun = true;
  try {
    yield* job.request.bytes;
  } catch (error) {
    job.isBroken = true;
    throw error;
  }
}

/** Whether nothing else may be under way on its association: what ends it would end that too. */
export const isAlone = ({ isAgain, request }: StoreJob): boolean => isAgain || request.once === true;

/** Whether it can be sent once more. */
export const canBeAgain = ({ isAgain, isBroken, isBegun, request, context }: StoreJob): boolean =>
  !isAgain && !isBroken && !context.signal.aborted && !(isBegun && request.once === true);
