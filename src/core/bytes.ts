/** A run of bytes that can be read more than once and from any place, perhaps while it is still growing. */
export interface ByteSource {
  /** The number of bytes once it is known. */
  readonly size: number | undefined;
  /**
   * The bytes from `start` up to `end` (exclusive; to the end of the source when left out), in chunks of any size.
   *
   * A source that still grows yields bytes as they come. A failure of the writer is thrown when the reader gets to the
   * place where it happened, not before. A chunk is the reader's to look at until it asks for the next one; who keeps
   * it longer copies it.
   */
  read(start?: number, end?: number): AsyncIterable<Buffer>;
}
