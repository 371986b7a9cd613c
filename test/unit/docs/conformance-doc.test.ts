import { describe, expect, test } from '@jest/globals';
import {
  implementationClassUid,
  implementationVersionName,
  transferSyntaxesOfNoInstance,
} from '../../../src/dicom/index.js';
import { commonStorageSopClasses } from '../../../src/dimse/storage-sop-classes.js';
import { serviceRoutes } from '../../../src/http/api-routes.js';
import { transferSyntaxAbilities } from '../../../src/transcode/index.js';
import { formatTable, readProject, tableRows, withGenerated } from '../../helpers/markdown.js';

const FILE = 'docs/conformance.md';
const MARKS = [
  '<!-- transfer syntaxes: generated from the table, `UPDATE_DOCS=1 npm test -- test/unit/docs` writes them -->\n',
  '<!-- end of transfer syntaxes -->',
] as const;
const COLUMNS = ['UID', 'Name', 'Media type of a frame', 'As stored', 'Decoded', 'Encoded'];
const PASS = { 'as-stored': 'yes', 'explicit-little-endian': 'as Explicit VR Little Endian' } as const;

function syntaxTable(): string {
  const stored = transferSyntaxAbilities().map(({ syntax, pass, decode, encode }) => [
    syntax.uid,
    syntax.name + (syntax.retired ? ' (retired)' : ''),
    syntax.frameMediaType,
    PASS[pass],
    decode ? 'yes' : 'no',
    encode === 'lossy' ? 'with loss' : (encode ?? 'no'),
  ]);
  const others = transferSyntaxesOfNoInstance.map(({ uid, name, retired }) => [
    uid,
    name + (retired ? ' (retired)' : ''),
    'none: no instances',
    'no',
    'no',
    'no',
  ]);
  return `\n${formatTable(COLUMNS, [...stored, ...others])}\n`;
}

const LIMIT_MARKS = [
  '<!-- limits of encoders: generated from those of the encoders, `UPDATE_DOCS=1 npm test -- test/unit/docs` writes them -->\n',
  '<!-- end of limits of encoders -->',
] as const;

const LIMIT_COLUMNS = ['Images with', 'In 1.2.840.10008.1.2'];

/** One line for each limit, with the transfer syntaxes that have it. */
function limitTable(): string {
  const ofLimit = new Map<string, string[]>();
  for (const { syntax, limits } of transferSyntaxAbilities())
    for (const needs of limits)
      ofLimit.set(needs, [...(ofLimit.get(needs) ?? []), syntax.uid.replace('1.2.840.10008.1.2', '')]);
  const rows = [...ofLimit].map(([needs, uids]) => [needs, uids.join(', ')]);
  return `\n${formatTable(LIMIT_COLUMNS, rows)}\n`;
}

const RESOURCE_MARKS = [
  '<!-- resources: generated from the routes, `UPDATE_DOCS=1 npm test -- test/unit/docs` writes them -->\n',
  '<!-- end of resources -->',
] as const;

function resourceTable(): string {
  const rows = serviceRoutes.map(({ method, path, summary, clause, body = [], answers }) => {
    const types = [...new Set(Object.values(answers).flatMap((answer) => answer.types ?? []))];
    const list = (all: readonly string[]): string => all.map((type) => `\`${type}\``).join(', ') || '–';
    const resource = `\`${method.toUpperCase()} ${path.replace(/[:*](\w+)/g, '{$1}')}\``;
    return [resource, summary, clause ?? 'own', list(body), list(types)];
  });
  return `\n${formatTable(['Resource', 'What it does', 'Clause', 'Takes', 'Answers with'], rows)}\n`;
}

const page = readProject(FILE);

describe('the conformance statement', () => {
  test('lists every transfer syntax with what the gateway can do with it', () => {
    const wanted = withGenerated(FILE, MARKS, syntaxTable());
    expect(readProject(FILE)).toBe(wanted);
    expect(tableRows(wanted, COLUMNS).length).toBeGreaterThan(60);
  });

  test('W-12: lists what each encoder asks of images', () => {
    const wanted = withGenerated(FILE, LIMIT_MARKS, limitTable());
    expect(readProject(FILE)).toBe(wanted);
    expect(tableRows(wanted, LIMIT_COLUMNS).length).toBeGreaterThan(10);
  });

  test('lists every resource of the service', () => {
    const wanted = withGenerated(FILE, RESOURCE_MARKS, resourceTable());
    expect(readProject(FILE)).toBe(wanted);
  });

  test('has each part that PS3.2 wants of such a statement', () => {
    const parts = tableRows(page, ['Part of PS3.2', 'Where']).map(([part]) => part);
    expect(parts.length).toBeGreaterThan(8);
    for (const chapter of ['8.9', '9', '10.4.3', '10.5.1', '10.6.1', '13, J', 'G, H'])
      expect(page).toMatch(new RegExp(`^\\| ${chapter} +\\|`, 'm'));
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
