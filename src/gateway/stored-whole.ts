import type { DatasetIndex, TransferSyntax } from '../dicom/index.js';
import type { HeldInstance } from './want.js';

/** An instance whose every byte is there, and how it is stored. */
export interface StoredWhole {
  readonly instance: Pick<HeldInstance, 'key' | 'info' | 'source'>;
  readonly index: DatasetIndex;
  readonly stored: TransferSyntax;
}
