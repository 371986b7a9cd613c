/** What pictures and videos say of themselves: functions of bytes, which decode nothing. */
export { badFrame } from './frame-error.js';
export { requireFit } from './code-stream.js';
export { readJpegHeader, requireEndOfImage, withEndOfImage } from './jpeg-header.js';
export { bareCodeStream, isBoxed, needsPart2, readBox, readJ2kHeader, type J2kHeader } from './j2k-header.js';
export { joinJ2kComponents } from './j2k-join.js';
export { readJpegXlHeader } from './jpeg-xl-header.js';
export { MOST_RLE_SEGMENTS, readRleHeader, RLE_HEADER_BYTES, rleDifferenceOf } from './rle-header.js';
export { readFrameFit, uncompressedDifferenceOf, type FrameFit } from './frame-fit.js';
export { describeStream } from './describe-stream.js';
export { readPackedPicture } from './packed-picture.js';
export type { NativePixels, StreamDescription } from './description.js';
export { withNativePixels, withStream } from './pixel-module.js';
export { requireDocumentOfClass, withDocument } from './document-module.js';
