import { GatewayError } from '../../../src/core/index.js';

/** The code of the GatewayError that `run` throws; any other outcome fails the test. */
export function codeOf(run: () => unknown): string {
  return errorOf(run).code;
}

export function errorOf(run: () => unknown): GatewayError {
  try {
    run();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
