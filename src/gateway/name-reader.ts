import { DatasetReader, Tags, transferSyntax, trimTrailing } from '../dicom/index.js';

/** The name comes before the pixels; it is not looked for any further. */
const MOST_BYTES = 1024 * 1024;

/** Finds the patient's name in the first bytes of a dataset, where it is ASCII; what cannot be read has none. */
export class NameReader {
  #reader: DatasetReader | undefined;
  #read = 0;
  name: string | undefined;

  constructor(transferSyntaxUid: string) {
    const syntax = transferSyntax(transferSyntaxUid);
    if (syntax === undefined || syntax.deflated) return;
    this.#reader = new DatasetReader(syntax, {
      element: ({ tag, depth }) => (depth === 0 && tag === Tags.PatientName ? 'collect' : 'skip'),
      value: (_header, bytes) => {
        const text = trimTrailing(bytes.toString('latin1'), '\0 ');
        if (/^[ -~]*$/.test(text)) this.name = text;
      },
    });
  }

  /** Takes the next bytes. */
  push(bytes: Buffer): void {
    this.#read += bytes.length;
    try {
      this.#reader?.push(bytes);
    } catch {
      this.#reader = undefined;
    }
    if (this.name !== undefined || this.#read > MOST_BYTES) this.#reader = undefined;
  }
}
