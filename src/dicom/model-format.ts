import type { DicomJsonElement, DicomJsonValue } from './dicom-json-value.js';
import type { Tag } from './tag.js';
import type { Vr } from './vr.js';

/**
 * A text form of datasets, written attribute by attribute in the order in which they come.
 *
 * `isFirst` says that nothing of this dataset or item has been written before.
 */
export interface ModelFormat {
  readonly begin: string;
  readonly end: string;
  /** The values of a value field; `[]` when it is empty, `undefined` when they have no form as values. */
  values(bytes: Buffer, vr: Vr, characterSet: readonly string[]): DicomJsonValue[] | undefined;
  /** An attribute that is no sequence, or one without items. */
  element(tag: Tag, element: DicomJsonElement, isFirst: boolean): string;
  beginSequence(tag: Tag, isFirst: boolean): string;
  /** `items` is how many it had. */
  endSequence(items: number): string;
  /** `index` counts from 0. */
  beginItem(index: number): string;
  endItem(): string;
}
