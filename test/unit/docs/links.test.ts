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

describe.each(pages)('%s', (page) => {
  const text = readProject(page).replace(/^```.*?^```/gms, '');

  test('links to files and headings that exist', () => {
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
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
