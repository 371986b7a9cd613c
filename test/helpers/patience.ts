import { setTimeout as delay } from 'node:timers/promises';

/** How long to wait for what is sure to come, in ms: far longer than a busy machine takes, and less than a test has. */
export const PATIENCE_MS = 30_000;

/** Looks until what is expected is so, for what follows an action but not at once; fails as the last look did. */
export async function eventually(look: () => unknown): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      await look();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(20);
    }
  }
}
