import { DatasetIndexer, indexForFrame, type DatasetIndex, type TransferSyntax } from '../dicom/index.js';
import type { DatasetLimits } from './ports.js';
import type { HeldInstance } from './want.js';

/**
 * Finds frames of an instance that is still arriving, by reading along only as far as the frame that is wanted: 0 bytes
 * of a frame are read for native pixel data.
 */
export class ArrivingFrames {
  readonly #indexer: DatasetIndexer;
  readonly #chunks: AsyncIterator<Buffer>;
  #isOver = false;

  constructor({ source }: Pick<HeldInstance, 'source'>, stored: TransferSyntax, limits: DatasetLimits) {
    this.#indexer = new DatasetIndexer(stored, limits);
    this.#chunks = source.read()[Symbol.asyncIterator]();
  }

  /**
   * Resolves when frame `frame` (1-based) can be cut out, to the index by which it can; to undefined when only the whole
   * instance tells, or when it is broken.
   */
  async find(frame: number): Promise<DatasetIndex | undefined> {
    for (;;) {
      const index = indexForFrame(this.#indexer.soFar(), frame);
      if (index !== 'later' && index !== 'never') {
        // Of native pixel data nothing more is to be learnt.
        if (index.pixelData?.kind === 'native') this.close();
        return index;
      }
      if (index === 'never') this.close();
      if (this.#isOver || !(await this.#readOn())) return undefined;
    }
  }

  /** Reads no further: a reader that stays where it is may hold up what arrives. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // It may wait for bytes that are long in coming; nobody else needs to.
    void this.#chunks.return?.();
  }

  async #readOn(): Promise<boolean> {
    try {
      const next = await this.#chunks.next();
      if (next.done) return false;
      await this.#indexer.push(next.value);
      return true;
    } catch {
      // Whoever waits for the whole instance, or reads the frame, sees why.
      this.close();
      return false;
    }
  }
}
