import type { DatasetUids, Part10Meta } from '../dicom/index.js';

/** An instance that is to be stored. */
export interface OutgoingInstance {
  readonly meta: Part10Meta;
  readonly uids: DatasetUids;
  /** The dataset in the transfer syntax of `meta`. */
  bytes(): AsyncIterable<Buffer>;
  /** Lets go of what it was made of. */
  discard(): void;
}
