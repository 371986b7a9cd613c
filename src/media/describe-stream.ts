import type { StreamDescription } from './description.js';
import { describeJ2k, describeJpeg, describeJpegXl } from './describe-picture.js';
import type { MediaFile } from './file-bytes.js';
import { describeMp4 } from './mp4.js';
import { describeMpeg2 } from './mpeg2.js';

type Describe = (file: MediaFile) => Promise<StreamDescription>;

/** What is stored as it is. @see PS3.18 Table 10.5.2-1, rule S-06 */
const readers: ReadonlyMap<string, Describe> = new Map<string, Describe>([
  ['image/jpeg', describeJpeg],
  ['image/jpg', describeJpeg],
  ['image/jls', describeJpeg],
  ['image/jp2', describeJ2k],
  ['image/j2c', describeJ2k],
  ['image/jph', describeJ2k],
  ['image/jphc', describeJ2k],
  ['image/jxl', describeJpegXl],
  ['video/mp4', describeMp4],
  ['video/h265', describeMp4],
  ['video/mpeg', describeMpeg2],
  ['video/mpeg2', describeMpeg2],
]);

/**
 * What a picture or video of `mediaType` (lower case) says of itself; undefined for a type that is not stored as it is.
 *
 * @throws GatewayError `malformed-dataset` for what cannot be read, or that DICOM has no transfer syntax for
 */
export async function describeStream(
  mediaType: string,
  file: MediaFile,
): Promise<StreamDescription | undefined> {
  return readers.get(mediaType)?.(file);
}
