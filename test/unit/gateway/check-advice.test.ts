import { describe, expect, test } from '@jest/globals';
import { adviceOf } from '../../../src/gateway/check-advice.js';

const HINT = 'Tell the PACS where to send to: GATEWAY@192.0.2.10:11112.';

describe('what to look at after a step of a check', () => {
  // Orthanc 1.10 aborts a C-MOVE of an AE title that it does not know, and answers C000 to an unknown destination; dcmqrscp ends
  // with A702 and no instance where the address of its entry is another one's.
  test.each([
    'peer-move-destination',
    'peer-aborted',
    'peer-failed',
    'peer-incomplete',
    'peer-timeout',
  ] as const)('a C-MOVE that ends in %s is mostly about where the PACS sends to', (code) => {
    expect(adviceOf('C-MOVE', { code }, HINT)).toContain(HINT);
  });

  test.each(['peer-aborted', 'peer-failed', 'peer-incomplete', 'peer-timeout'] as const)(
    'a C-GET that ends in %s is not',
    (code) => {
      expect(adviceOf('C-GET', { code }, HINT)).not.toContain(HINT);
    },
  );
});
