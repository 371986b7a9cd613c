import { GatewayError } from '../core/index.js';
import {
  DatasetReader,
  Tags,
  transferSyntax,
  type DatasetVisitor,
  type Tag,
  trimTrailing,
} from '../dicom/index.js';

/** Study and Series Instance UID come before the pixels; a head longer than this is not one. */
const MOST_BYTES = 1024 * 1024;

/** Finds the UIDs of study and series in the first bytes of a dataset, for instances that come unannounced. */
export class HeadReader {
  readonly #reader: DatasetReader;
  #read = 0;
  studyInstanceUid: string | undefined;
  seriesInstanceUid: string | undefined;

  /** @throws GatewayError `malformed-dataset` for a transfer syntax whose elements cannot be read as they come */
  constructor(transferSyntaxUid: string) {
    const syntax = transferSyntax(transferSyntaxUid);
    if (syntax === undefined || syntax.deflated) {
      throw new GatewayError('malformed-dataset', `Cannot read UIDs of an instance in ${transferSyntaxUid}.`);
    }
    const visitor: DatasetVisitor = {
      element: ({ tag, depth }) => (depth === 0 && isWanted(tag) ? 'collect' : 'skip'),
      value: ({ tag }, bytes) => {
        const uid = trimTrailing(bytes.toString('latin1'), '\0 ');
        if (tag === Tags.StudyInstanceUID) this.studyInstanceUid = uid;
        else this.seriesInstanceUid = uid;
      },
    };
    this.#reader = new DatasetReader(syntax, visitor);
  }

  get done(): boolean {
    return this.studyInstanceUid !== undefined && this.seriesInstanceUid !== undefined;
  }

  /** @throws GatewayError `malformed-dataset` when the UIDs do not come */
  push(bytes: Buffer): void {
    this.#read += bytes.length;
    this.#reader.push(bytes);
    if (!this.done && this.#read > MOST_BYTES) {
      throw new GatewayError(
        'malformed-dataset',
        'The instance names no study and series in its first bytes.',
      );
    }
  }
}

const isWanted = (tag: Tag): boolean => tag === Tags.StudyInstanceUID || tag === Tags.SeriesInstanceUID;
