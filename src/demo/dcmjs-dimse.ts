/** The one place of this folder that knows how dcmjs-dimse must be imported: its named exports exist as types only. */
import dcmjsDimse from 'dcmjs-dimse';

// By default the library prints summaries of commands, with names in them.
dcmjsDimse.log.setLevel('silent');

const { Dataset } = dcmjsDimse;

export const { Scp, association, requests, responses } = dcmjsDimse;

/** A dataset whose bytes the library sends as they are; its own encoder would lose private elements and cut lists. */
export class EncodedDataset extends Dataset {
  readonly bytes: Buffer;

  /** `uids` are what the library asks of the dataset of a C-STORE request. */
  constructor(
    bytes: Buffer,
    transferSyntaxUid: string,
    uids: { readonly SOPClassUID?: string; readonly SOPInstanceUID?: string } = {},
  ) {
    super({ ...uids }, transferSyntaxUid);
    this.bytes = bytes;
  }

  override getDenaturalizedDataset(): Buffer {
    return this.bytes;
  }
}
