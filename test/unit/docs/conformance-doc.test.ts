import { describe, expect, test } from '@jest/globals';
import {
  allTransferSyntaxes,
  implementationClassUid,
  implementationVersionName,
} from '../../../src/dicom/index.js';
import { commonStorageSopClasses } from '../../../src/dimse/storage-sop-classes.js';
import { readProject, tableRows } from '../../helpers/markdown.js';

const page = readProject('docs/conformance.md');

describe('the conformance statement', () => {
  test('lists every transfer syntax with its name and the media type of a frame', () => {
    const rows = tableRows(page, ['UID', 'Name', 'Media type of a frame']);
    expect(rows).toEqual(
      allTransferSyntaxes.map(({ uid, name, frameMediaType }) => [uid, name, frameMediaType]),
    );
  });

  test('lists the SOP classes that a C-GET proposes by itself, and who we are', () => {
    const [, list = ''] = /^Below 1\.2\.840\.10008\.5\.1\.4\.1\.1: (.*)\.$/m.exec(page) ?? [];
    const uids = list.split(', ').map((suffix) => `1.2.840.10008.5.1.4.1.1.${suffix}`);
    expect(uids).toEqual(commonStorageSopClasses);
    expect(page).toContain(implementationClassUid);
    expect(page).toContain(implementationVersionName);
  });

  test('names a test for every clause that is supported', () => {
    const rows = tableRows(page, ['Clause', 'Title', 'Support', 'Notes', 'Shown by']);
    expect(rows.length).toBeGreaterThan(20);
    for (const [clause, , support = '', , shown = ''] of rows) {
      expect(['yes', 'partly', 'no']).toContain(support);
      if (support !== 'no')
        expect([clause, shown]).toEqual([clause, expect.stringMatching(/^test\/.*\.test\.ts/)]);
    }
  });
});
