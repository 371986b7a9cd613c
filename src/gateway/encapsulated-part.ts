import { readRanges, type EncapsulatedDocument } from '../dicom/index.js';
import type { BodyPart, Shown } from './answer.js';
import type { OpenInstance } from './open-instance.js';
import { cutRanges, etagOf } from './validator.js';

/** Types that a browser shows without running anything of them in the page's name; of others it gets a file. */
const harmless = /^(?:application\/pdf|text\/plain|image\/(?:jpeg|png|gif|webp)|model\/[\w.+-]+)$/;
/** PDF alone is shown by a viewer that a policy keeps from working, and that runs no script in the page's name. */
const pdf = 'application/pdf';
/** Nothing is run, loaded or sent, and the document is of no origin. */
const locked = "default-src 'none'; sandbox";

const extensions: Readonly<Record<string, string>> = {
  [pdf]: 'pdf',
  'text/xml': 'xml',
  'application/xml': 'xml',
  'text/plain': 'txt',
  'text/html': 'html',
  'model/stl': 'stl',
  'application/sla': 'stl',
  'model/obj': 'obj',
  'model/mtl': 'mtl',
};

/** @see rule R-08 */
function shownAs(mediaType: string, sopInstanceUid: string): Shown {
  return {
    fileName: `${sopInstanceUid}.${extensions[mediaType] ?? 'bin'}`,
    disposition: harmless.test(mediaType) ? 'inline' : 'attachment',
    ...(mediaType === pdf ? {} : { policy: locked }),
  };
}

/** The document that an instance carries, as it is, in its own media type. */
export function encapsulatedPart(
  { instance, stored, record }: OpenInstance,
  { mediaType, range }: EncapsulatedDocument,
  contentLocation: string,
): BodyPart {
  return {
    contentType: mediaType,
    peer: instance.key.peer,
    contentLocation,
    contentLength: range.end - range.start,
    shown: shownAs(mediaType, instance.key.sopInstanceUid),
    bytes: readRanges(instance.source, stored, [range]),
    etag: etagOf(record, 'document', mediaType),
    range: (span) => readRanges(instance.source, stored, cutRanges([range], span)),
  };
}
