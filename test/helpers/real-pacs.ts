import { describe } from '@jest/globals';
import { program } from './pacs-process.js';

export { startDcmqrscp, startOrthanc, type RealPacs, type RealPacsOptions } from './pacs-process.js';

/** Programs that the suites with a real PACS need. */
const NEEDED = ['Orthanc', 'dcmqrscp', 'dcmsend', 'dcm2json'];

/**
 * `describe` for suites that need real PACS: where a program is missing it says so in one line and skips, unless
 * REQUIRE_PACS is set, for then it fails.
 */
export function describeWithPacs(name: string, body: () => void, needed: readonly string[] = NEEDED): void {
  const missing = needed.filter((one) => program(one) === undefined);
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  if (process.env['REQUIRE_PACS']) {
    throw new Error(`${name}: REQUIRE_PACS is set and these are not installed: ${missing.join(', ')}`);
  }
  process.stderr.write(`skipped: ${name} (not installed: ${missing.join(', ')})\n`);
  describe.skip(name, body);
}
