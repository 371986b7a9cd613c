/** How long to wait for what is sure to come, in ms: far longer than a busy machine takes, and less than a test has. */
export const PATIENCE_MS = 30_000;
