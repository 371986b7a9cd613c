import { GatewayError } from '../core/index.js';
import { CollectedValue } from './reader-value.js';
import { readHeader, type RawHeader } from './reader-header.js';
import type { Tag } from './tag.js';
import { explicitElement } from './element-edit.js';
import { Tags } from './tags.js';
import { implementationClassUid, implementationVersionName, isUid } from './uid.js';

/** What File Meta Information says of the dataset behind it. */
export interface Part10Meta {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
}

/** Takes the dataset of a Part 10 file; a promise asks for the next bytes to wait. */
export interface DatasetSink {
  push(bytes: Buffer): void | Promise<void>;
  end(): void | Promise<void>;
}

const preambleBytes = 128;
const prefix = Buffer.from('DICM', 'latin1');
/** File Meta Information has a few hundred bytes; private information (0002,0102) may add to it. */
const maxMetaBytes = 1024 * 1024;
/** A UID with more padding than anybody has seen. */
const maxUidBytes = 128;
const explicitLittleEndian = { explicit: true, little: true };

/** Preamble of zeros, prefix and File Meta Information of a Part 10 file. @see PS3.10 7.1, W-26, R-07 */
export function part10Header({ sopClassUid, sopInstanceUid, transferSyntaxUid }: Part10Meta): Buffer {
  const meta = Buffer.concat([
    explicitElement(Tags.FileMetaInformationVersion, 'OB', Buffer.of(0, 1)),
    explicitElement(Tags.MediaStorageSOPClassUID, 'UI', sopClassUid),
    explicitElement(Tags.MediaStorageSOPInstanceUID, 'UI', sopInstanceUid),
    explicitElement(Tags.TransferSyntaxUID, 'UI', transferSyntaxUid),
    explicitElement(Tags.ImplementationClassUID, 'UI', implementationClassUid),
    explicitElement(Tags.ImplementationVersionName, 'SH', implementationVersionName),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(meta.length);
  return Buffer.concat([
    Buffer.alloc(preambleBytes),
    prefix,
    explicitElement(Tags.FileMetaInformationGroupLength, 'UL', length),
    meta,
  ]);
}

/**
 * Reads a Part 10 file as its bytes come: reads File Meta Information (1 MiB at most) and hands the dataset on
 * untouched. The preamble is passed over, whatever it holds.
 *
 * File Meta Information ends where its group length says, or before, at the first element of another group, for there
 * are writers that leave the length out or count wrongly.
 */
export class Part10Reader {
  readonly #onMeta: (meta: Part10Meta) => DatasetSink;
  #sink: DatasetSink | undefined;
  /** What has come so far, always less than `maxMetaBytes` and one chunk. */
  #buffered = new CollectedValue(Infinity);
  readonly #parser = new MetaParser();

  constructor(onMeta: (meta: Part10Meta) => DatasetSink) {
    this.#onMeta = onMeta;
  }

  /**
   * Reads the next bytes; wait for the promise, if there is one, before the next call.
   * @throws GatewayError `malformed-dataset` when this is no Part 10 file that names its SOP instance and transfer syntax
   */
  push(bytes: Buffer): void | Promise<void> {
    if (this.#sink) return this.#sink.push(bytes);
    if (this.#buffered.length === 0) return this.#startDataset(bytes, false);
    this.#buffered.push(bytes);
    return this.#startDataset(this.#buffered.bytes, false);
  }

  /**
   * The file is over.
   * @throws GatewayError `malformed-dataset` when it stopped before the dataset, or as the sink's `end`
   */
  async end(): Promise<void> {
    if (!this.#sink) await this.#startDataset(this.#buffered.bytes, true);
    if (!this.#sink) throw notPart10('The file stops inside its File Meta Information.');
    await this.#sink.end();
  }

  #startDataset(bytes: Buffer, isWhole: boolean): void | Promise<void> {
    const end = this.#parser.parse(bytes, isWhole);
    if (end === undefined) {
      if (this.#buffered.length === 0) this.#buffered.push(bytes);
      return;
    }
    this.#sink = this.#onMeta(this.#parser.meta());
    this.#buffered = new CollectedValue(Infinity);
    const rest = bytes.subarray(end);
    if (rest.length > 0) return this.#sink.push(rest);
  }
}

/** Walks over preamble, prefix and the elements of group 0002; goes on where it stopped when more bytes are there. */
class MetaParser {
  readonly #uids = new Map<Tag, string>();
  readonly #header: RawHeader = { tag: 0, vr: 'UN', length: 0 };
  #at = 0;
  #announcedEnd = Infinity;

  /** Where the dataset begins, once that is known. */
  parse(bytes: Buffer, isWhole: boolean): number | undefined {
    if (this.#at === 0 && !this.#skipPreamble(bytes)) return undefined;
    while (this.#at !== this.#announcedEnd) {
      const left = bytes.length - this.#at;
      if (left === 0 && isWhole) break;
      if (left >= 2 && bytes.readUInt16LE(this.#at) !== 2) break;
      if (!this.#takeElement(bytes)) return undefined;
    }
    return this.#at;
  }

  /** @throws GatewayError `malformed-dataset` when something is missing that a store needs */
  meta(): Part10Meta {
    const uid = (tag: Tag): string => {
      const text = this.#uids.get(tag);
      if (text === undefined) throw notPart10('The File Meta Information lacks a UID.');
      return text;
    };
    const transferSyntaxUid = uid(Tags.TransferSyntaxUID);
    if (!isUid(transferSyntaxUid)) throw notPart10('The transfer syntax of the file is no UID.');
    return {
      sopClassUid: uid(Tags.MediaStorageSOPClassUID),
      sopInstanceUid: uid(Tags.MediaStorageSOPInstanceUID),
      transferSyntaxUid,
    };
  }

  #skipPreamble(bytes: Buffer): boolean {
    const end = preambleBytes + prefix.length;
    if (bytes.length < end) return false;
    if (!bytes.subarray(preambleBytes, end).equals(prefix)) {
      throw notPart10('This is no DICOM file: the prefix DICM is missing.');
    }
    this.#at = end;
    return true;
  }

  #takeElement(bytes: Buffer): boolean {
    const size = readHeader(this.#header, bytes, this.#at, bytes.length - this.#at, explicitLittleEndian);
    if (size === 0) return false;
    const { tag, length } = this.#header;
    const from = this.#at + size;
    if (length < 0 || from + length > maxMetaBytes) throw notPart10('The File Meta Information is too long.');
    if (from + length > bytes.length) return false;
    const value = bytes.subarray(from, from + length);
    this.#at = from + length;
    const text = length <= maxUidBytes ? value.toString('latin1').replace(/[\0 ]+$/, '') : '';
    if (/^[0-9.]{1,64}$/.test(text)) this.#uids.set(tag, text);
    if (tag === Tags.FileMetaInformationGroupLength && length === 4) {
      this.#announcedEnd = this.#at + value.readUInt32LE();
    }
    return true;
  }
}

function notPart10(message: string): GatewayError {
  return new GatewayError('malformed-dataset', message);
}
