import { describe, expect, test } from '@jest/globals';
import { statusOf } from '../../../src/http/status.js';
import { readProject, tableRows } from '../../helpers/markdown.js';

const page = readProject('docs/errors.md');
const statuses: Readonly<Record<string, number>> = statusOf;

describe('the errors page', () => {
  test('lists every error code once, with the status that is sent', () => {
    const rows = tableRows(page, ['Code', 'Status', 'When']);
    const listed = rows.map(([code = '', status]) => [code, Number(status)]);
    expect(listed).toHaveLength(Object.keys(statuses).length);
    expect(Object.fromEntries(listed)).toEqual(statuses);
  });

  test('gives for each DIMSE event a code and the status of that code', () => {
    const rows = tableRows(page, ['What the peer does', 'Code', 'Before the first byte', 'After it']);
    expect(rows.length).toBeGreaterThan(10);
    for (const [event = '', code = '', before = ''] of rows) {
      if (code === '–') continue;
      expect([event, before.slice(0, 3)]).toEqual([event, String(statuses[code])]);
    }
  });
});
