import { Tags, type DicomJsonObject } from '../dicom/index.js';
import { withDerived } from './derived.js';

/** Where PS3.3 A.45.2 spells a media type in its own way. */
const spelled: ReadonlyMap<string, string> = new Map([['text/xml', 'text/XML']]);
const plainBytes = 'application/octet-stream';

/** A document of another format. */
export interface DocumentFile {
  /** In lower case, without parameters. */
  readonly mediaType: string;
  /** Bytes, without padding. */
  readonly length: number;
}

/**
 * `object` with the type and the length of the document in it, where it does not have them.
 *
 * @throws GatewayError `bad-request` when it has others
 * @see PS3.3 C.24.2, rule S-06
 */
export function withDocument(object: DicomJsonObject, { mediaType, length }: DocumentFile): DicomJsonObject {
  const type = spelled.get(mediaType) ?? mediaType;
  const isSame = (given: unknown): boolean => String(given).toLowerCase() === mediaType;
  return withDerived(object, [
    ...(mediaType === plainBytes
      ? []
      : [{ tag: Tags.MIMETypeOfEncapsulatedDocument, vr: 'LO', value: [type], agrees: isSame }]),
    {
      tag: Tags.EncapsulatedDocumentLength,
      vr: 'UL',
      value: [length],
      agrees: (given) => Number(given) === length,
    },
  ]);
}
