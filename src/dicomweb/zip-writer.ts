import { GatewayError, nextCrc32 } from '../core/index.js';

/** A file of an archive, before its first byte. */
export interface ZipFile {
  /** Letters, digits, full stops, hyphens and underlines, with slashes between folders: nothing that leads elsewhere. */
  readonly name: string;
  /** Bytes and CRC-32 of the file, where both are known beforehand: then they stand before it, for readers that cannot seek. */
  readonly known?: { readonly bytes: number; readonly crc32: number } | undefined;
}

/** What the central directory says of a file: some 200 bytes, for each until the end. */
interface Entry {
  readonly name: string;
  readonly offset: number;
  readonly described: boolean;
  bytes: number;
  crc32: number;
}

const PLAIN_NAME = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[\w.-]+(?:\/[\w.-]+)*$/;
/** Values that stand for "see the zip64 field". */
const MAX_32 = 0xffffffff;
const MAX_16 = 0xffff;
/** Versions needed to extract: folders, and zip64. */
const PLAIN = 20;
const ZIP64 = 45;
/** Made on Unix, by version 4.5: what is extracted has the permissions that are given here. */
const MADE_BY = 0x0300 | ZIP64;
const READABLE_FILE = 0o100644;
/** Flag: length and checksum follow the file. */
const DESCRIBED = 0x0008;
/** 1980-01-01, where time begins for ZIP: when an archive was made is nobody's business, and the day of the study less. */
const FIRST_DAY = 0x0021;
/** The central directory leaves in pieces of about this many bytes. */
const PIECE_BYTES = 64 * 1024;

/**
 * Writes what stands before, between and after the files of a ZIP archive; their own bytes, which are stored as they are,
 * go straight to the client. Nothing but the central directory makes an archive of it, so one that breaks off is none.
 *
 * Archives and files beyond 4 GiB, and more than 65,534 files, are told of in zip64 fields. Names are not compared.
 *
 * @see APPNOTE.TXT 4.3, 4.4, 4.5.3 of PKWARE
 */
export class ZipWriter {
  readonly contentType = 'application/zip';
  readonly #entries: Entry[] = [];
  #offset = 0;
  #open: { readonly entry: Entry; readonly known: ZipFile['known'] } | undefined;

  /** What stands before the bytes of a file. @throws GatewayError `internal` for a name that is not plain */
  begin({ name, known }: ZipFile): Buffer {
    if (!PLAIN_NAME.test(name) || name.length > MAX_16)
      throw new GatewayError('internal', 'A file of an archive has a name that cannot be written.');
    const entry: Entry = { name, offset: this.#offset, described: known === undefined, bytes: 0, crc32: 0 };
    this.#open = { entry, known };
    return this.#written(localHeader(name, known));
  }

  /** Counts the next bytes of the file, which go to the client as they are. */
  count(bytes: Buffer): void {
    const { entry } = this.#current();
    entry.crc32 = nextCrc32(bytes, entry.crc32);
    entry.bytes += bytes.length;
    this.#offset += bytes.length;
  }

  /**
   * What stands after the bytes of a file.
   *
   * @throws GatewayError `cache-failed` when they were not those that had been announced
   */
  endFile(): Buffer {
    const { entry, known } = this.#current();
    this.#open = undefined;
    if (known && (known.bytes !== entry.bytes || known.crc32 !== entry.crc32))
      throw new GatewayError('cache-failed', 'The bytes of an instance are not those that came of it.');
    this.#entries.push(entry);
    return this.#written(entry.described ? descriptor(entry) : Buffer.alloc(0));
  }

  /** The end of the archive in pieces, to be written only when every file is whole. */
  *end(): Generator<Buffer, void, undefined> {
    const start = this.#offset;
    let piece: Buffer[] = [];
    let pieceBytes = 0;
    for (const entry of this.#entries) {
      const record = centralRecord(entry);
      piece.push(record);
      pieceBytes += record.length;
      if (pieceBytes < PIECE_BYTES) continue;
      yield this.#written(Buffer.concat(piece, pieceBytes));
      piece = [];
      pieceBytes = 0;
    }
    yield this.#written(Buffer.concat(piece, pieceBytes));
    yield endRecords({ files: this.#entries.length, start, end: this.#offset });
  }

  #current(): { readonly entry: Entry; readonly known: ZipFile['known'] } {
    if (this.#open) return this.#open;
    throw new GatewayError('internal', 'No file of the archive has begun.');
  }

  #written(bytes: Buffer): Buffer {
    this.#offset += bytes.length;
    return bytes;
  }
}

function localHeader(name: string, known: ZipFile['known']): Buffer {
  const { bytes, crc32: checksum } = known ?? { bytes: 0, crc32: 0 };
  const extra = zip64Field(bytes >= MAX_32 ? [bytes, bytes] : []);
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(0x04034b50);
  const fields = fileFields({ name, described: known === undefined, bytes, crc32: checksum }, extra);
  return Buffer.concat([signature, fields, Buffer.from(name, 'latin1'), extra]);
}

/** What stands before a file and in the central directory alike, from the version that is needed to the length of `extra`. */
function fileFields(
  { name, described, bytes, crc32: checksum }: Omit<Entry, 'offset'>,
  extra: Buffer,
): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(extra.length > 0 ? ZIP64 : PLAIN, 0);
  fields.writeUInt16LE(described ? DESCRIBED : 0, 2);
  fields.writeUInt16LE(FIRST_DAY, 8);
  fields.writeUInt32LE(checksum, 10);
  fields.writeUInt32LE(Math.min(bytes, MAX_32), 14);
  fields.writeUInt32LE(Math.min(bytes, MAX_32), 18);
  fields.writeUInt16LE(name.length, 22);
  fields.writeUInt16LE(extra.length, 24);
  return fields;
}

/** The extended information of a file: those of its numbers that do not fit into 32 bits; nothing where all do. */
function zip64Field(values: readonly number[]): Buffer {
  if (values.length === 0) return Buffer.alloc(0);
  const field = Buffer.alloc(4 + 8 * values.length);
  field.writeUInt16LE(0x0001, 0);
  field.writeUInt16LE(8 * values.length, 2);
  for (const [index, value] of values.entries()) field.writeBigUInt64LE(BigInt(value), 4 + 8 * index);
  return field;
}

/** Length and checksum after the file; in 64 bits where they need them, as every reader of the central directory expects. */
function descriptor({ bytes, crc32: checksum }: Entry): Buffer {
  const isLarge = bytes >= MAX_32;
  const record = Buffer.alloc(isLarge ? 24 : 16);
  record.writeUInt32LE(0x08074b50, 0);
  record.writeUInt32LE(checksum, 4);
  if (isLarge) {
    record.writeBigUInt64LE(BigInt(bytes), 8);
    record.writeBigUInt64LE(BigInt(bytes), 16);
  } else {
    record.writeUInt32LE(bytes, 8);
    record.writeUInt32LE(bytes, 12);
  }
  return record;
}

function centralRecord(entry: Entry): Buffer {
  const { name, offset, bytes } = entry;
  const extra = zip64Field([
    ...(bytes >= MAX_32 ? [bytes, bytes] : []),
    ...(offset >= MAX_32 ? [offset] : []),
  ]);
  const record = Buffer.alloc(46);
  record.writeUInt32LE(0x02014b50, 0);
  record.writeUInt16LE(MADE_BY, 4);
  fileFields(entry, extra).copy(record, 6);
  record.writeUInt32LE(READABLE_FILE * 2 ** 16, 38);
  record.writeUInt32LE(Math.min(offset, MAX_32), 42);
  return Buffer.concat([record, Buffer.from(name, 'latin1'), extra]);
}

interface Directory {
  readonly files: number;
  readonly start: number;
  readonly end: number;
}

/** The end of central directory, after the zip64 one and its locator where they are needed. */
function endRecords({ files, start, end }: Directory): Buffer {
  const bytes = end - start;
  const record = Buffer.alloc(22);
  record.writeUInt32LE(0x06054b50, 0);
  record.writeUInt16LE(Math.min(files, MAX_16), 8);
  record.writeUInt16LE(Math.min(files, MAX_16), 10);
  record.writeUInt32LE(Math.min(bytes, MAX_32), 12);
  record.writeUInt32LE(Math.min(start, MAX_32), 16);
  if (files < MAX_16 && bytes < MAX_32 && start < MAX_32) return record;
  const large = Buffer.alloc(56);
  large.writeUInt32LE(0x06064b50, 0);
  large.writeBigUInt64LE(44n, 4);
  large.writeUInt16LE(MADE_BY, 12);
  large.writeUInt16LE(ZIP64, 14);
  large.writeBigUInt64LE(BigInt(files), 24);
  large.writeBigUInt64LE(BigInt(files), 32);
  large.writeBigUInt64LE(BigInt(bytes), 40);
  large.writeBigUInt64LE(BigInt(start), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(end), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([large, locator, record]);
}
