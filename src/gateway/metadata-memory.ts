import { promisify } from 'node:util';
import { crc32, gzip } from 'node:zlib';
import type { RetrieveTarget } from '../dicomweb/index.js';
import type { ListedInstance } from './listing.js';

const compress = promisify(gzip);
/** Text of DICOM JSON shrinks to a tenth at the fastest level already. */
const LEVEL = 1;

/** A document that is there as a whole, with what HTTP wants to know of it. */
export interface WholeDocument {
  readonly bytes: Buffer;
  /** Tells it from any other document under the same URL. */
  readonly tag: string;
  /** Compressed once, whoever asks. */
  readonly gzipped: () => Promise<Buffer>;
}

interface Entry {
  readonly document: WholeDocument;
  /** What it tells of: another list makes another document. */
  readonly list: readonly ListedInstance[];
  bytes: number;
}

/** One document may take this share of the memory. */
const SHARE = 4;

const keyOf = ({ studyInstanceUid, seriesInstanceUid = '' }: RetrieveTarget, serviceUrl: string): string =>
  `${studyInstanceUid} ${seriesInstanceUid} ${serviceUrl}`;

/** Metadata of studies and series as they were sent last, within a number of bytes, least recently used first out. */
export class MetadataMemory {
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();
  #used = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get used(): number {
    return this.#used;
  }

  /** The document of `target`, if it was made of this very list. */
  get(
    target: RetrieveTarget,
    serviceUrl: string,
    list: readonly ListedInstance[],
  ): WholeDocument | undefined {
    const key = keyOf(target, serviceUrl);
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

  /** Passes chunks on and keeps them, as long as they are not too many, for `keep` to be called at their end. */
  tee(chunks: AsyncIterable<Buffer | string>): {
    readonly chunks: AsyncGenerator<Buffer | string, void, undefined>;
    readonly keep: (target: RetrieveTarget, serviceUrl: string, list: readonly ListedInstance[]) => void;
  } {
    const most = this.#limit / SHARE;
    const kept: Buffer[] = [];
    let bytes = 0;
    const release = (): void => {
      this.#used -= Math.min(bytes, most);
      bytes = Infinity;
      kept.length = 0;
    };
    const pass = async function* (this: MetadataMemory): AsyncGenerator<Buffer | string, void, undefined> {
      try {
        for await (const chunk of chunks) {
          if (bytes !== Infinity) {
            const copy = Buffer.from(chunk);
            if (bytes + copy.length > most || !this.#room(copy.length)) release();
            else {
              bytes += copy.length;
              this.#used += copy.length;
              kept.push(copy);
            }
          }
          yield chunk;
        }
      } finally {
        if (bytes !== Infinity) release();
      }
    };
    return {
      chunks: pass.call(this),
      keep: (target, serviceUrl, list) => {
        if (bytes !== Infinity) this.#set(keyOf(target, serviceUrl), list, Buffer.concat(kept));
      },
    };
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

  #set(key: string, list: readonly ListedInstance[], bytes: Buffer): void {
    this.#used -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
    if (!this.#room(bytes.length)) return;
    const tag = `${bytes.length.toString(36)}-${crc32(bytes).toString(36)}`;
    let compressed: Promise<Buffer> | undefined;
    const gzipped = (): Promise<Buffer> => (compressed ??= this.#compress(entry));
    const entry: Entry = { document: { bytes, tag, gzipped }, list, bytes: bytes.length };
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
