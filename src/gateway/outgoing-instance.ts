import type { PatientIdentity } from '../core/index.js';
import type { DatasetUids, Part10Meta } from '../dicom/index.js';

/** An instance that is to be stored. */
export interface OutgoingInstance {
  readonly meta: Part10Meta;
  readonly uids: DatasetUids;
  /** Whose it is, as it says itself. */
  readonly patient?: PatientIdentity | undefined;
  /** The dataset in the transfer syntax of `meta`. */
  bytes(): AsyncIterable<Buffer>;
  /** Its bytes are still coming, and are gone once they have been read: they can be sent once. */
  readonly flows?: boolean;
  /** The gateway has written it, uncompressed: another encoding of the same is as good. */
  readonly isWritten?: boolean;
  /** Lets go of what it was made of. */
  discard(): void;
}
