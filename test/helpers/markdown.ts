import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);

/** The path of a file of the project. */
export const projectPath = (path: string): string => fileURLToPath(new URL(path, root));

/** The text of a file of the project. */
export const readProject = (path: string): string => readFileSync(projectPath(path), 'utf8');

/**
 * The text of `file` as it should be, with `text` between the lines `begin` and `end`; UPDATE_DOCS=1 writes it.
 *
 * @throws Error when the lines are not there
 */
export function withGenerated(file: string, [begin, end]: readonly [string, string], text: string): string {
  const page = readProject(file);
  const from = page.indexOf(begin) + begin.length;
  const to = page.indexOf(end);
  if (from <= begin.length || to < from) throw new Error(`${file} has no place for what is generated`);
  const wanted = page.slice(0, from) + text + page.slice(to);
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(projectPath(file), wanted);
  return wanted;
}

/** A table as Prettier lays it out: every column as wide as its widest cell. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = header.map((_, column) => Math.max(3, ...cells.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`;
  const [first = [], ...rest] = cells;
  return [line(first), line(widths.map((width) => '-'.repeat(width))), ...rest.map(line), ''].join('\n');
}

/** The rows of every table whose header is `header`, with the code marks of the cells taken off. */
export function tableRows(markdown: string, header: readonly string[]): readonly (readonly string[])[] {
  const rows: (readonly string[])[] = [];
  let inside = false;
  for (const line of markdown.split('\n')) {
    const cells = line.startsWith('|') ? line.slice(1, -1).split(/(?<!\\)\|/) : undefined;
    const texts = cells?.map((cell) => cell.trim().replaceAll('`', ''));
    if (texts === undefined) inside = false;
    else if (texts.join('|') === header.join('|')) inside = true;
    else if (inside && !texts.every((text) => /^-+$/.test(text))) rows.push(texts);
  }
  return rows;
}

/** The contents of the fenced code blocks of a language. */
export function codeBlocks(markdown: string, language: string): readonly string[] {
  const pattern = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms');
  return [...markdown.matchAll(pattern)].map(([, code = '']) => code);
}
