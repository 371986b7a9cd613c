import type { Observation } from '../core/index.js';

type ObservationOf = { readonly [O in Observation as O['kind']]: O };
type Kind = keyof ObservationOf;

/** One function for each kind of observation: a kind without one does not compile. */
export type ByKind<R> = { readonly [K in Kind]: (observation: ObservationOf[K]) => R };

/** Calls the function of the observation's kind. */
export function dispatch<R, K extends Kind>(
  functions: ByKind<R>,
  observation: { readonly kind: K } & ObservationOf[K],
): R {
  return functions[observation.kind](observation);
}
