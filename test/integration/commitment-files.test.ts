import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { commitmentFiles } from '../../src/commitment-files.js';

const NAME = `${'a'.repeat(64)}.json`;
const OTHER = `${'b'.repeat(64)}.json`;

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'commitment-files-'));
});
afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

test('C-05: files are written whole, for the owner alone, and nothing of others is touched', async () => {
  const directory = join(parent, 'state', 'commitments');
  const files = commitmentFiles(directory);
  expect(await files.names()).toEqual([]);
  await files.write(NAME, 'head\nbody\n');
  await files.write(NAME, 'another head\nanother body\n');
  writeFileSync(join(directory, `${OTHER}.tmp`), 'half a fi');
  writeFileSync(join(directory, 'thesis.txt'), 'mine');
  expect(await files.names()).toEqual([NAME]);
  expect(readdirSync(directory).sort()).toEqual([NAME, 'thesis.txt']);
  expect([await files.head(NAME), await files.read(NAME)]).toEqual([
    'another head',
    'another head\nanother body\n',
  ]);
  expect([statSync(directory).mode & 0o777, statSync(join(directory, NAME)).mode & 0o777]).toEqual([
    0o700, 0o600,
  ]);
  await files.remove(NAME);
  await files.remove(NAME);
  expect(await files.names()).toEqual([]);
});

test('what is no file of its own is not read', async () => {
  const files = commitmentFiles(parent);
  writeFileSync(join(parent, 'thesis.txt'), 'mine\n');
  symlinkSync(join(parent, 'thesis.txt'), join(parent, NAME));
  writeFileSync(join(parent, OTHER), 'x'.repeat(10_000));
  await expect(files.head(NAME)).rejects.toThrow();
  await expect(files.read(NAME)).rejects.toThrow();
  await expect(files.head(OTHER)).rejects.toThrow(TypeError);
  writeFileSync(join(parent, 'occupied'), '');
  await expect(commitmentFiles(join(parent, 'occupied')).names()).rejects.toThrow();
});
