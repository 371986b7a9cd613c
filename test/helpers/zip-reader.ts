import { crc32 } from 'node:zlib';

/** Reads bytes `start` up to `end`, exclusive. */
export type ReadAt = (start: number, end: number) => Buffer;

export interface ZipEntry {
  readonly name: string;
  readonly bytes: number;
  readonly crc32: number;
  /** Length and checksum stand after the file and not before it. */
  readonly described: boolean;
  readonly dataStart: number;
}

const MAX_32 = 0xffffffff;

function fail(what: string): never {
  throw new Error(`no whole archive: ${what}`);
}

const number64 = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));

/** The 64-bit values of an extra field, in the order in which those of `numbers` that are full stand. */
function widened(extra: Buffer, numbers: readonly number[]): readonly number[] {
  if (!numbers.includes(MAX_32)) return extra.length === 0 ? numbers : fail('an extra field for nothing');
  if (extra.readUInt16LE(0) !== 1 || extra.readUInt16LE(2) !== extra.length - 4)
    fail('an unknown extra field');
  let at = 4;
  return numbers.map((one) => {
    if (one !== MAX_32) return one;
    at += 8;
    return number64(extra, at - 8);
  });
}

interface Directory {
  readonly count: number;
  readonly start: number;
  readonly end: number;
}

function directoryOf(read: ReadAt, size: number): Directory {
  const record = size < 22 ? fail('too short') : read(size - 22, size);
  if (record.readUInt32LE(0) !== 0x06054b50) fail('no end of central directory');
  const [count, bytes, start] = [record.readUInt16LE(10), record.readUInt32LE(12), record.readUInt32LE(16)];
  if (count < 0xffff && bytes < MAX_32 && start < MAX_32) return { count, start, end: start + bytes };
  const locator = read(size - 42, size - 22);
  if (locator.readUInt32LE(0) !== 0x07064b50) fail('no locator');
  const at = number64(locator, 8);
  const large = read(at, at + 56);
  if (large.readUInt32LE(0) !== 0x06064b50 || number64(large, 4) !== 44) fail('no zip64 end');
  const [wide, from] = [number64(large, 40), number64(large, 48)];
  if (from + wide !== at || at + 56 !== size - 42) fail('the zip64 end is elsewhere');
  return { count: number64(large, 32), start: from, end: from + wide };
}

/** Checks what stands before and after a file against the directory; gives where the next one begins. */
function checkLocal(read: ReadAt, offset: number, entry: Omit<ZipEntry, 'dataStart'>): [number, number] {
  const header = read(offset, offset + 30);
  if (header.readUInt32LE(0) !== 0x04034b50 || header.readUInt16LE(8) !== 0) fail('no stored file');
  const nameEnd = offset + 30 + header.readUInt16LE(26);
  const dataStart = nameEnd + header.readUInt16LE(28);
  if (read(offset + 30, nameEnd).toString('latin1') !== entry.name) fail('two names of one file');
  const described = (header.readUInt16LE(6) & 8) !== 0;
  if (described !== entry.described) fail('two flags of one file');
  const end = dataStart + entry.bytes;
  const before = widened(read(nameEnd, dataStart), [header.readUInt32LE(18), header.readUInt32LE(22)]);
  const told = described ? 0 : entry.bytes;
  if (before[0] !== told || before[1] !== told) fail('two lengths of one file');
  if (header.readUInt32LE(14) !== (described ? 0 : entry.crc32)) fail('two checksums of one file');
  if (!described) return [dataStart, end];
  const isLarge = entry.bytes >= MAX_32;
  const descriptor = read(end, end + (isLarge ? 24 : 16));
  const length = isLarge ? number64(descriptor, 16) : descriptor.readUInt32LE(12);
  if (descriptor.readUInt32LE(0) !== 0x08074b50 || descriptor.readUInt32LE(4) !== entry.crc32)
    fail('another checksum after the file');
  if (length !== entry.bytes) fail('another length after the file');
  return [dataStart, end + descriptor.length];
}

/**
 * The files of a ZIP archive, by its central directory; shares no code with `src/`. Throws for one that is not whole, or
 * where something stands that the directory does not name.
 */
export function zipEntries(read: ReadAt, size: number): readonly ZipEntry[] {
  const { count, start, end } = directoryOf(read, size);
  const entries: ZipEntry[] = [];
  let expected = 0;
  let at = start;
  for (let index = 0; index < count; index += 1) {
    const record = read(at, at + 46);
    if (record.readUInt32LE(0) !== 0x02014b50) fail('no file in the directory');
    const nameEnd = at + 46 + record.readUInt16LE(28);
    const extraEnd = nameEnd + record.readUInt16LE(30);
    const [packed, bytes = 0, offset = 0] = widened(read(nameEnd, extraEnd), [
      record.readUInt32LE(20),
      record.readUInt32LE(24),
      record.readUInt32LE(42),
    ]);
    if (packed !== bytes || offset !== expected) fail('a file is elsewhere');
    const entry = {
      name: read(at + 46, nameEnd).toString('latin1'),
      bytes,
      crc32: record.readUInt32LE(16),
      described: (record.readUInt16LE(8) & 8) !== 0,
    };
    const [dataStart, next] = checkLocal(read, offset, entry);
    entries.push({ ...entry, dataStart });
    expected = next;
    at = extraEnd;
  }
  if (at !== end || expected !== start) fail('something stands between');
  return entries;
}

export interface UnzippedFile extends ZipEntry {
  readonly body: Buffer;
}

/** The files of an archive in memory, their checksums checked. */
export function unzip(archive: Buffer): readonly UnzippedFile[] {
  return zipEntries((start, end) => archive.subarray(start, end), archive.length).map((entry) => {
    const body = archive.subarray(entry.dataStart, entry.dataStart + entry.bytes);
    if (crc32(body) !== entry.crc32) fail('a file has another checksum');
    return { ...entry, body };
  });
}
