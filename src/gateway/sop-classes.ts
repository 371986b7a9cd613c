import { Tags, type Dataset } from '../dicom/index.js';

/** Sites have studies of a few SOP classes; a longer list is not worth being remembered. */
const MOST_SOP_CLASSES = 16;

/** SOP Classes in Study (0008,0062) of a row; empty where the peer does not tell, or names too many. */
export function sopClassesIn(row: Dataset): readonly string[] {
  const uids = row.strings(Tags.SOPClassesInStudy).filter((uid) => /^[0-9.]{1,64}$/.test(uid));
  return uids.length > MOST_SOP_CLASSES ? [] : uids;
}
