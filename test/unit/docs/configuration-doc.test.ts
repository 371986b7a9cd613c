import { describe, expect, test } from '@jest/globals';
import { configReference, loadConfig } from '../../../src/config/index.js';
import { codeBlocks, formatTable, readProject, withGenerated } from '../../helpers/markdown.js';

const FILE = 'docs/configuration.md';
const BEGIN =
  '<!-- keys: generated from the schema, `UPDATE_DOCS=1 npm test -- test/unit/docs` writes them -->\n';
const END = '<!-- end of keys -->\n';

function sections(): string {
  const bySection = new Map<string, (readonly string[])[]>();
  for (const { key, type, default: preset, description, required, variable } of configReference()) {
    const section = key.includes('.') ? key.slice(0, key.indexOf('.')) : '';
    const rows = bySection.get(section) ?? [];
    const without = required ? 'required' : 'none';
    rows.push([
      `\`${key}\`<br>\`${variable}\``,
      preset === undefined ? without : `\`${preset}\``,
      `${description}<br>Takes ${type}.`,
    ]);
    bySection.set(section, rows);
  }
  const tables = [...bySection].map(
    ([section, rows]) =>
      `### ${section === '' ? 'Top level' : `\`${section}\``}\n\n` +
      formatTable(['Key, environment variable', 'Default', 'What it is'], rows),
  );
  return `\n${tables.join('\n')}\n`;
}

describe('the configuration page', () => {
  test('lists every key of the schema as the schema has it', () => {
    const wanted = withGenerated(FILE, [BEGIN, END], sections());
    expect(readProject(FILE)).toBe(wanted);
  });

  test.each([
    'README.md',
    FILE,
    'docs/operations.md',
    'docs/conformance.md',
    'docs/security.md',
    'docs/storing.md',
  ])('every YAML example of %s is a configuration that is taken', (file) => {
    for (const example of codeBlocks(readProject(file), 'yaml')) {
      const complete = example.includes('peers:')
        ? example
        : `${example}\npeers: { main: { address: "PACS@127.0.0.1:104" } }\n`;
      expect(() => loadConfig({ file: complete, env: {} })).not.toThrow();
    }
  });
});
