import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { projectPath, readProject } from '../../helpers/markdown.js';

const folders = ['.', 'docs', 'docs/adr', 'deploy', 'helm/dicomweb-gateway', 'test'];
const pages = folders.flatMap((folder) =>
  readdirSync(projectPath(folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

/** What GitHub makes of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const anchorsOf = (page: string): readonly string[] =>
  [...readProject(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

const textOf = (page: string): string => readProject(page).replace(/^```.*?^```/gms, '');

/** Where a page leads to within the project. */
const linksOf = (page: string): readonly string[] =>
  [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) =>
    /^[a-z]+:/.test(target) ? [] : [target],
  );

describe.each(pages)('%s', (page) => {
  const text = textOf(page);

  test('links to files and headings that exist', () => {
    for (const target of linksOf(page)) {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      expect([target, existsSync(projectPath(file))]).toEqual([target, true]);
      if (anchor !== undefined)
        expect([target, anchorsOf(file)]).toEqual([target, expect.arrayContaining([anchor])]);
    }
  });

  test('names files of the project that exist', () => {
    for (const [, path = ''] of text.matchAll(/`((?:src|test|docs|deploy|helm)\/[\w./-]+\.\w+)`/g)) {
      expect([path, existsSync(projectPath(path))]).toEqual([path, true]);
    }
  });
});

test('pages of the package lead to files of the package', () => {
  const { files } = JSON.parse(readProject('package.json')) as { files: readonly string[] };
  const isPacked = (path: string): boolean =>
    files.some((packed) => path === packed || path.startsWith(`${packed}/`));
  const packed = pages.filter(isPacked);
  expect(packed.length).toBeGreaterThan(15);
  const lost = packed.flatMap((page) =>
    linksOf(page)
      .filter((target) => !target.startsWith('#'))
      .map((target) => join(dirname(page), target.replace(/#.*/, '')))
      .filter((path) => !isPacked(path)),
  );
  expect(lost).toEqual([]);
});
