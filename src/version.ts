import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** The version of this program. */
export function programVersion(): string {
  const { version } = require('../package.json') as { version: string };
  return version;
}
