import type { Dataset, Tag } from '../dicom/index.js';

/** A dataset, and the functional groups that say more of one frame of it. */
export interface LookDatasets {
  readonly dataset: Dataset;
  /** Of all frames. */
  readonly shared: Dataset | undefined;
  /** Of this frame. */
  readonly own: Dataset | undefined;
}

/** What a functional group says, of the frame alone or of all; without it the dataset itself. @see PS3.3 C.7.6.16 */
export function inGroup({ dataset, shared, own }: LookDatasets, sequence: Tag, tag: Tag): Dataset {
  const found = [own, shared].map((groups) => groups?.items(sequence)[0]).find((item) => item?.has(tag));
  return found ?? dataset;
}
