import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from '@jest/globals';

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The path of a program: what the variable names, or what is on PATH or where Debian puts servers. */
export function findProgram(name: string, variable?: string): string | undefined {
  const named = variable === undefined ? undefined : process.env[variable];
  if (named !== undefined && named !== '') return isProgram(named) ? named : undefined;
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .concat('/usr/sbin')
    .map((directory) => join(directory, name))
    .find(isProgram);
}

/**
 * `describe` for suites that need something from outside of the project: where it is missing they say so in one line and
 * are skipped, unless REQUIRE_PACS is set, for then they fail.
 */
export function describeWith(
  name: string,
  needed: Readonly<Record<string, string | undefined>>,
  body: () => void,
): void {
  const missing = Object.keys(needed).filter((one) => needed[one] === undefined);
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const what = `${name}: these are missing: ${missing.join(', ')}`;
  if (process.env['REQUIRE_PACS']) throw new Error(`REQUIRE_PACS is set. ${what}`);
  process.stderr.write(`skipped: ${what}\n`);
  describe.skip(name, body);
}
