import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildProgram } from '../helpers/build.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { faultsOf } from '../soak/report.js';
import { runSoak } from '../soak/soak.js';

/** `npm run soak` in small, so that it still works when it is needed. */
describeWithPacs(
  'half a minute of mixed load while both PACS and their lines fail',
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'soak-'));
    let main = '';
    beforeAll(() => {
      main = buildProgram('soak-test');
    }, 120_000);
    afterAll(() => {
      rmSync(directory, { recursive: true, force: true });
    });

    test('has nothing wrong, nothing lost and nothing left behind', async () => {
      const result = await runSoak({
        minutes: 0.5,
        seed: 1,
        clients: 6,
        studies: 2,
        main: [main],
        directory,
        publish: false,
        say: () => undefined,
      });
      expect(faultsOf(result)).toEqual([]);
      expect(result.ledger.total('right')).toBeGreaterThan(50);
      expect(result.faults.windows.some(({ harmless }) => !harmless)).toBe(true);
    }, 300_000);
  },
  ['Orthanc', 'dcmqrscp', 'dcmsend', 'dcmdjpls'],
);
