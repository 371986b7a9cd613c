import {
  DatasetReader,
  Tags,
  type ElementHeader,
  type TransferSyntax,
  trimTrailing,
} from '../dicom/index.js';
import { GatheredBytes } from './gathered-bytes.js';
import type { DatasetIdentity } from './storage-scp-expectations.js';

/** Most bytes of a dataset that are kept to find out where it belongs. */
export const MAX_HEAD_BYTES = 64 * 1024;

/**
 * Keeps the first bytes of a dataset until its study and series are known, or it is clear that they will not be: they
 * are not there, cannot be read, or lie beyond the bound.
 */
export class DatasetHead {
  readonly #reader: DatasetReader | undefined;
  readonly #gathered = new GatheredBytes();
  #length = 0;
  #done = false;
  #failed = false;
  #studyInstanceUid: string | undefined;
  #seriesInstanceUid: string | undefined;

  constructor(syntax: TransferSyntax | undefined) {
    // A deflated dataset would have to be inflated first; what is deflated goes by the sender alone.
    if (!syntax || syntax.deflated) {
      this.#done = true;
      return;
    }
    this.#reader = new DatasetReader(syntax, {
      element: (element) => this.#element(element),
      value: ({ tag }, bytes) => {
        this.#value(tag, bytes);
      },
      beginSequence: (element) => {
        this.#element(element);
      },
    });
  }

  /** Nothing more needs to be kept. */
  get isDone(): boolean {
    return this.#done || this.#length >= MAX_HEAD_BYTES;
  }

  /** The UIDs; undefined when the bytes do not tell the study. */
  get identity(): DatasetIdentity | undefined {
    if (this.#failed || this.#studyInstanceUid === undefined) return undefined;
    return {
      studyInstanceUid: this.#studyInstanceUid,
      ...(this.#seriesInstanceUid !== undefined && { seriesInstanceUid: this.#seriesInstanceUid }),
    };
  }

  /** Looks at the next bytes. Unless it is done after them it keeps a copy. */
  push(bytes: Buffer): void {
    if (!this.#done) this.#read(bytes);
    this.#length += bytes.length;
    if (!this.isDone) this.#gathered.add(bytes);
  }

  /** What was kept: all but the last bytes pushed. */
  take(): Buffer {
    return this.#gathered.take();
  }

  #read(bytes: Buffer): void {
    try {
      this.#reader?.push(bytes);
    } catch {
      this.#done = true;
      this.#failed = true;
    }
  }

  #element({ tag, depth }: ElementHeader): 'collect' | 'skip' {
    if (depth > 0 || tag < Tags.StudyInstanceUID) return 'skip';
    if (tag === Tags.StudyInstanceUID || tag === Tags.SeriesInstanceUID) return 'collect';
    this.#done = true;
    return 'skip';
  }

  #value(tag: number, bytes: Buffer): void {
    const uid = trimTrailing(bytes.toString('latin1'), '\0 ');
    if (tag === Tags.StudyInstanceUID) this.#studyInstanceUid = uid;
    else {
      this.#seriesInstanceUid = uid;
      this.#done = true;
    }
  }
}
