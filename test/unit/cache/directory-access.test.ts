import {
  chmodSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { directoryExposure } from '../../../src/cache/index.js';

describe('R-05: who gets at the cache directory', () => {
  let parent: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'cache-'));
  });
  afterEach(() => {
    rmSync(parent, { recursive: true, force: true });
  });

  const made = (mode: number): string => {
    const directory = join(parent, 'cache');
    mkdirSync(directory);
    chmodSync(directory, mode);
    return directory;
  };

  test('one that is missing is made for the owner alone', async () => {
    const directory = join(parent, 'new', 'cache');
    expect(await directoryExposure(directory)).toEqual([]);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  test.each([
    [0o700, []],
    [0o755, ['others may see which files are in it']],
    [0o750, ['others may see which files are in it']],
    [0o777, ['others may write to it, and replace what is cached', 'others may see which files are in it']],
    [0o1777, ['others may write to it, and replace what is cached', 'others may see which files are in it']],
  ])('mode %o', async (mode, wanted) => {
    expect(await directoryExposure(made(mode))).toEqual(wanted);
  });

  test('one of somebody else is told to be', async () => {
    const directory = made(0o700);
    // The owner, as somebody else sees it; root may own what it likes.
    const owner = statSync(directory).uid;
    if (owner === 0) lchownSync(directory, 54_321, 54_321);
    const { uid } = statSync(directory);
    expect(await directoryExposure(directory, { uid: uid + 1 })).toEqual([`it belongs to user ${uid}`]);
  });

  test('a link of the own user is followed', async () => {
    const link = join(parent, 'link');
    symlinkSync(made(0o755), link);
    expect(await directoryExposure(link)).toEqual(['others may see which files are in it']);
  });

  test('a link that somebody else has set is refused', async () => {
    const link = join(parent, 'link');
    symlinkSync(made(0o700), link);
    if (process.getuid?.() === 0) lchownSync(link, 54_321, 54_321);
    const uid = process.getuid?.() === 0 ? 54_322 : (process.getuid?.() ?? 0) + 1;
    await expect(directoryExposure(link, { uid })).rejects.toThrow('symbolic link that user');
  });

  test('a file in its place is refused', async () => {
    const file = join(parent, 'cache');
    writeFileSync(file, '');
    await expect(directoryExposure(file)).rejects.toThrow('is no directory');
  });
});
