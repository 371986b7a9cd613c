import { GatewayError } from '../core/index.js';

/** A frame that cannot be decoded or encoded; `what` continues "The frame". Says nothing of the patient. */
export function badFrame(what: string, cause?: unknown): GatewayError {
  return new GatewayError('malformed-dataset', `The frame ${what}.`, cause === undefined ? {} : { cause });
}
