import { GatewayError } from '../core/index.js';

/** A dataset whose frames cannot be shown; `what` continues "The dataset". Says nothing of the patient. */
export function badLook(what: string): GatewayError {
  return new GatewayError('malformed-dataset', `The dataset ${what}.`);
}
