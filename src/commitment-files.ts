import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommitmentFiles } from './gateway/index.js';

/** Names that the gateway gives; it touches no others. */
const NAME = /^[0-9a-f]{64}\.json$/;
/** One that was being written when a process ended. */
const UNFINISHED = /^[0-9a-f]{64}\.json\.tmp$/;
/** A first line is some 250 bytes. */
const MOST_HEAD_BYTES = 4096;
/** A list of a million instances is some 150 MB. */
const MOST_BYTES = 2 ** 28;

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * Files of requests for storage commitment in `directory`, which is made when they are listed, so that a place that cannot be
 * had is seen at the start. It belongs to one process at a time.
 */
export function commitmentFiles(directory: string): CommitmentFiles {
  return {
    names: async () => {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const all = await readdir(directory);
      for (const name of all.filter((one) => UNFINISHED.test(one))) await rm(join(directory, name));
      return all.filter((name) => NAME.test(name));
    },
    head: (name) => reading(join(directory, name), headOf),
    read: (name) =>
      reading(join(directory, name), async (file) => {
        if ((await file.stat()).size > MOST_BYTES) throw new RangeError('it is too long');
        return file.readFile('utf8');
      }),
    write: (name, text) => writeWhole(directory, name, text),
    remove: (name) => rm(join(directory, name), { force: true }),
  };
}

async function reading<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function headOf(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_HEAD_BYTES), 0, MOST_HEAD_BYTES, 0);
  const text = buffer.toString('utf8', 0, bytesRead);
  const end = text.indexOf('\n');
  if (end < 0) throw new TypeError('it has no first line');
  return text.slice(0, end);
}

/** What is acknowledged must outlast the machine too: first the bytes are on the disk, then the name. */
async function writeWhole(directory: string, name: string, text: string): Promise<void> {
  const path = join(directory, name);
  const written = `${path}.tmp`;
  await rm(written, { force: true });
  const file = await open(written, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(written, path);
  await reading(directory, (folder) => folder.sync());
}
