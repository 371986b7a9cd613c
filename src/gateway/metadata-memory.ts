import { promisify } from 'node:util';
import { crc32, gzip } from 'node:zlib';
import type { RetrieveTarget } from '../dicomweb/index.js';
import type { DatasetList } from './dataset-list.js';
import type { ListedInstance } from './listing.js';

const compress = promisify(gzip);
/** Text of DICOM JSON and XML shrinks to a tenth at the fastest level already. */
const LEVEL = 1;

/** A document that is there as a whole, with what HTTP wants to know of it. */
export interface WholeDocument {
  readonly bytes: Buffer;
  /** The ordinal of the instance that had come last when it was whole. */
  readonly after: number;
  /** Tells it from any other document under the same URL. */
  readonly tag: string;
  /** Compressed once, whoever asks. */
  readonly gzipped: () => Promise<Buffer>;
}

interface Entry {
  readonly studyInstanceUid: string;
  readonly document: WholeDocument;
  /** What it tells of: another list makes another document. */
  readonly list: readonly ListedInstance[];
  bytes: number;
}

type Name = Omit<DocumentOf, 'list'>;

const keyOf = ({ target: { studyInstanceUid, seriesInstanceUid = '' }, form, serviceUrl }: Name): string =>
  `${form} ${studyInstanceUid} ${seriesInstanceUid} ${serviceUrl}`;

/** One document may take this share of the memory. */
const SHARE = 4;

/** Which document, and what it tells of. */
export interface DocumentOf {
  readonly target: RetrieveTarget;
  readonly form: DatasetList['form'];
  readonly serviceUrl: string;
  readonly list: readonly ListedInstance[];
}

interface TeeRoom {
  /** Whether the copy is still of use. */
  readonly isWanted: () => boolean;
  readonly mostBytes: number;
  /** Takes bytes; false when there are none. */
  readonly room: (bytes: number) => boolean;
  readonly refund: (bytes: number) => void;
}

/** Chunks that pass, with a copy of them while there is room for it. */
export class Tee implements AsyncIterable<Buffer | string> {
  readonly #chunks: AsyncIterable<Buffer | string>;
  readonly #room: TeeRoom;
  #copies: Buffer[] | undefined = [];
  #bytes = 0;

  constructor(chunks: AsyncIterable<Buffer | string>, room: TeeRoom) {
    this.#chunks = chunks;
    this.#room = room;
  }

  /** All that has passed; undefined when it was too much, was dropped meanwhile, or the reader has gone. */
  get kept(): Buffer | undefined {
    if (!this.#room.isWanted()) this.#giveUp();
    return this.#copies && Buffer.concat(this.#copies);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer | string, void, undefined> {
    try {
      for await (const chunk of this.#chunks) {
        this.#keep(chunk);
        yield chunk;
      }
    } finally {
      this.#giveUp();
    }
  }

  #keep(chunk: Buffer | string): void {
    if (!this.#copies) return;
    const copy = Buffer.from(chunk);
    const fits = this.#bytes + copy.length <= this.#room.mostBytes && this.#room.room(copy.length);
    if (!fits) {
      this.#giveUp();
      return;
    }
    this.#bytes += copy.length;
    this.#copies.push(copy);
  }

  #giveUp(): void {
    this.#copies = undefined;
    this.#room.refund(this.#bytes);
    this.#bytes = 0;
  }
}

/** Metadata of studies and series as they were sent last, within a number of bytes, least recently used first out. */
export class MetadataMemory {
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();
  #used = 0;
  /** Of what was dropped on request: what was begun before is not kept after. */
  #drops = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get used(): number {
    return this.#used;
  }

  /** The document of `target`, if it was made of this very list. */
  get({ list, ...name }: DocumentOf): WholeDocument | undefined {
    const key = keyOf(name);
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (entry.list !== list) {
      this.#used -= entry.bytes;
      return undefined;
    }
    this.#entries.set(key, entry); // moved to the end: the order is that of use
    return entry.document;
  }

  /** Passes `chunks` on and keeps them, as long as they are not too many. */
  tee(chunks: AsyncIterable<Buffer | string>): Tee {
    const room = (bytes: number): boolean => {
      if (!this.#room(bytes)) return false;
      this.#used += bytes;
      return true;
    };
    const refund = (bytes: number): void => {
      this.#used -= bytes;
    };
    const drops = this.#drops;
    const isWanted = (): boolean => this.#drops === drops;
    return new Tee(chunks, { isWanted, mostBytes: this.#limit / SHARE, room, refund });
  }

  /** Lets go of the documents of a study, or of all: they are a patient's text. */
  drop(studyInstanceUid?: string): void {
    this.#drops += 1;
    for (const [key, entry] of this.#entries) {
      if (studyInstanceUid !== undefined && entry.studyInstanceUid !== studyInstanceUid) continue;
      this.#entries.delete(key);
      this.#used -= entry.bytes;
    }
  }

  /** What `tee` has kept, to its end, is the document of `target`, made of `list` when instance `after` had come last. */
  keep(tee: Tee, { list, ...name }: DocumentOf, after: number): void {
    const bytes = tee.kept;
    if (bytes) this.#set(name, list, { bytes, after });
  }

  /** Whether so many bytes fit when the least recently used documents have gone, which they do. */
  #room(bytes: number): boolean {
    for (const [key, { bytes: freed }] of this.#entries) {
      if (this.#used + bytes <= this.#limit) break;
      this.#entries.delete(key);
      this.#used -= freed;
    }
    return this.#used + bytes <= this.#limit;
  }

  #set(
    name: Name,
    list: readonly ListedInstance[],
    { bytes, after }: Pick<WholeDocument, 'bytes' | 'after'>,
  ): void {
    const key = keyOf(name);
    const { studyInstanceUid } = name.target;
    this.#used -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
    if (!this.#room(bytes.length)) return;
    const tag = `${bytes.length.toString(36)}-${crc32(bytes).toString(36)}`;
    let compressed: Promise<Buffer> | undefined;
    const gzipped = (): Promise<Buffer> => (compressed ??= this.#compress(entry));
    const entry: Entry = {
      studyInstanceUid,
      document: { bytes, after, tag, gzipped },
      list,
      bytes: bytes.length,
    };
    this.#entries.set(key, entry);
    this.#used += entry.bytes;
  }

  async #compress(entry: Entry): Promise<Buffer> {
    const compressed = await compress(entry.document.bytes, { level: LEVEL });
    // It is counted while the entry is there; else it goes with whoever asked.
    if ([...this.#entries.values()].includes(entry)) {
      entry.bytes += compressed.length;
      this.#used += compressed.length;
    }
    return compressed;
  }
}
