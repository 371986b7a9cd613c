import { toGatewayError } from '../../../src/core/index.js';

/** The code of the error that `run` throws; `undefined` when it does not throw. */
export function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (thrown) {
    return toGatewayError(thrown).code;
  }
  return undefined;
}
