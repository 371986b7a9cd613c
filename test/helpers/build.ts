import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { projectPath } from './markdown.js';

/**
 * Builds the program for the suite of this name, and returns the path of its main module. A build of its own: the one in
 * dist/ may be of another time and is not to be touched by a test, and suites run at the same time.
 */
export function buildProgram(suite: string): string {
  const directory = `node_modules/.cache/${suite}`;
  const main = projectPath(`${directory}/dist/main.js`);
  const arguments_ = [
    '-p',
    'src',
    '--outDir',
    `${directory}/dist`,
    '--tsBuildInfoFile',
    `${directory}/tsbuildinfo`,
  ];
  try {
    execFileSync(projectPath('node_modules/.bin/tsc'), arguments_, { cwd: projectPath('.'), stdio: 'pipe' });
  } catch (error) {
    if (!existsSync(main)) throw error; // what the types are worth is told by the type check
  }
  copyFileSync(projectPath('package.json'), projectPath(`${directory}/package.json`));
  return main;
}
