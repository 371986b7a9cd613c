import { test } from '@jest/globals';
import fc from 'fast-check';

/** How long each target is fuzzed. FUZZ_SECONDS=600 for a night. */
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 3);
/** To see a failure again: what fast-check prints as `seed`. */
const seed = process.env['FUZZ_SEED'];

/** A test that runs a property for so long, whatever the speed of the machine; at least once. */
export function fuzz<T>(
  name: string,
  input: fc.Arbitrary<T>,
  check: (value: T) => void | Promise<void>,
): void {
  test(
    name,
    async () => {
      const property = fc.asyncProperty(input, async (value) => {
        await check(value);
      });
      const seeded = seed === undefined ? {} : { seed: Number(seed) };
      // Whatever is loaded for the first one does not count, and none at all would be a failure.
      await fc.assert(property, { numRuns: 1, ...seeded });
      await fc.assert(property, {
        numRuns: Number.MAX_SAFE_INTEGER,
        interruptAfterTimeLimit: seconds * 1000,
        ...seeded,
      });
    },
    seconds * 1000 + 60_000,
  );
}
