import { mkdir, open, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';

/** A file of the spool: lines that are appended, and read from its beginning. */
export interface Segment {
  readonly path: string;
  /** Number of its first record. */
  readonly first: number;
  /** That are on the disk. */
  bytes: number;
  records: number;
}

const NAME = /^(\d{16})\.jsonl$/;
const LINE_FEED = 0x0a;

const pathOf = (directory: string, first: number): string =>
  join(directory, `${String(first).padStart(16, '0')}.jsonl`);

/** A new segment that begins with record `first`; nobody but the owner may read it. */
export async function createSegment(directory: string, first: number): Promise<Segment> {
  const path = pathOf(directory, first);
  const file = await open(path, 'wx', 0o600);
  await file.close();
  return { path, first, bytes: 0, records: 0 };
}

/**
 * What an earlier process left, in order; a line that was being written when it ended is cut off, and an empty segment is
 * removed. One segment is in memory at a time.
 */
export async function findSegments(directory: string): Promise<Segment[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const firsts = (await readdir(directory))
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  const found: Segment[] = [];
  for (const first of firsts) {
    const segment = await readBack(pathOf(directory, first), first);
    if (segment.records > 0) found.push(segment);
    else await rm(segment.path, { force: true });
  }
  return found;
}

async function readBack(path: string, first: number): Promise<Segment> {
  const content = await readFile(path);
  const bytes = content.lastIndexOf(LINE_FEED) + 1;
  if (bytes < content.length) await truncate(path, bytes);
  let records = 0;
  for (let at = content.indexOf(LINE_FEED); at >= 0; at = content.indexOf(LINE_FEED, at + 1)) records += 1;
  return { path, first, bytes, records };
}

/** Whole lines from `offset` on, `most` bytes of them at most but one at least. */
export async function readLines(
  { path, bytes }: Segment,
  offset: number,
  most: number,
): Promise<{ readonly lines: readonly string[]; readonly bytes: number }> {
  const file = await open(path, 'r');
  try {
    for (let length = Math.min(most, bytes - offset); ; length = Math.min(length * 2, bytes - offset)) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
      const end = buffer.lastIndexOf(LINE_FEED, bytesRead - 1) + 1;
      if (end > 0) return { lines: buffer.toString('utf8', 0, end - 1).split('\n'), bytes: end };
      if (bytesRead < length || length >= bytes - offset)
        throw new RangeError('a segment of the audit spool is shorter than it was');
    }
  } finally {
    await file.close();
  }
}
